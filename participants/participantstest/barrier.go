package participantstest

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// The actions of the contract, of the participant "bank".
var (
	Debit  = protocol.NewAction[Amount, Receipt]("bank", "debit")
	Refund = protocol.NewAction[Amount, protocol.None]("bank", "refund")
)

// An Amount is the request of Debit and of Refund.
type Amount struct {
	Account string `json:"account"`
	Units   int64  `json:"units"`
}

// A Receipt is the result of Debit.
type Receipt struct {
	Number string `json:"number"`
	Left   int64  `json:"left"`
}

// A Bank keeps accounts in the store of the barrier under test.
type Bank interface {
	// Register registers handlers of Debit and Refund with p that stand
	// behind the barrier. Within the barrier's transaction they call script,
	// and write what it says whether or not it returned an error: whether
	// the writes take effect is the barrier's business.
	//
	//	debit:  balance := read; receipt, err := script.Debit(ctx, req, balance); balance -= req.Units; return receipt, err
	//	refund: err := script.Refund(ctx, req, done); balance += req.Units; return err
	Register(p *participants.Participant, script *Script)
	Balance(t testing.TB, account string) int64
	SetBalance(t testing.TB, account string, units int64)
}

// A Script is what the handlers of a Bank decide. A test may change it between
// commands.
type Script struct {
	// OnDebit and OnRefund replace what the bank decides by itself.
	OnDebit  func(ctx context.Context, req Amount, balance int64) (Receipt, error)
	OnRefund func(ctx context.Context, req Amount, done *Receipt) error

	debits, refunds atomic.Int64
}

// Debit refuses what the account does not have.
func (s *Script) Debit(ctx context.Context, req Amount, balance int64) (Receipt, error) {
	n := s.debits.Add(1)
	if s.OnDebit != nil {
		return s.OnDebit(ctx, req, balance)
	}
	if balance < req.Units {
		return Receipt{}, participants.Refuse(fmt.Errorf("%s has %d", req.Account, balance))
	}
	return Receipt{Number: fmt.Sprintf("R-%d", n), Left: balance - req.Units}, nil
}

// Refund gives back whatever the account has.
func (s *Script) Refund(ctx context.Context, req Amount, done *Receipt) error {
	s.refunds.Add(1)
	if s.OnRefund != nil {
		return s.OnRefund(ctx, req, done)
	}
	return nil
}

// A fixture is a bank with one account that has 100.
type fixture struct {
	Bank
	t         *testing.T
	instances [2]*participants.Participant
	script    *Script
	account   string
}

func newFixture(t *testing.T, open func(*testing.T) Bank) *fixture {
	t.Helper()
	f := &fixture{Bank: open(t), t: t, script: new(Script), account: "alice"}
	for i := range f.instances {
		f.instances[i] = participants.New(nil, "bank", participants.WithLogger(slog.New(slog.DiscardHandler)))
		f.Register(f.instances[i], f.script)
		if err := f.instances[i].Check(); err != nil {
			t.Fatal(err)
		}
	}
	f.SetBalance(t, f.account, 100)
	return f
}

func (f *fixture) saga() Saga { return New(f.t, f.instances[0]) }

// deliver sends c to the first instance if n is even, else to the second.
func (f *fixture) deliver(n int, s Saga, c protocol.Command) protocol.Reply {
	s.p = f.instances[n%2]
	r, err := s.Send(c)
	if err != nil {
		f.t.Errorf("%s of %s got no answer: %v", c.Attempt, c.Saga, err)
	}
	return r
}

func (f *fixture) units(n int64) Amount { return Amount{Account: f.account, Units: n} }

// balance checks what the account has.
func (f *fixture) balance(want int64) {
	f.t.Helper()
	if got := f.Balance(f.t, f.account); got != want {
		f.t.Errorf("the account has %d, want %d", got, want)
	}
}

// calls checks how often the handlers were called.
func (f *fixture) calls(debits, refunds int64) {
	f.t.Helper()
	if d, r := f.script.debits.Load(), f.script.refunds.Load(); d != debits || r != refunds {
		f.t.Errorf("debit was called %d times and refund %d, want %d and %d", d, r, debits, refunds)
	}
}

// is checks a reply's outcome.
func (f *fixture) is(r protocol.Reply, want protocol.Outcome) {
	f.t.Helper()
	if r.Outcome != want {
		f.t.Errorf("the reply to %s is %s (%s), want %s", r.Attempt, r.Outcome, r.Reason, want)
	}
}
