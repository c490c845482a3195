package redisbarrier_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/participantstest"
	"github.com/amends-io/amends/participants/protocol"
)

// A wire is a client whose connections count what is written and can fail
// around an EXEC.
type wire struct {
	writes atomic.Int64
	fault  atomic.Int32 // of the next EXEC
}

const (
	whole    int32 = iota
	lostExec       // the server never gets it
	lostSaid       // the server executes it, its answer is lost
)

func (w *wire) client(t testing.TB, addr string) *redis.Client {
	rdb := redis.NewClient(&redis.Options{
		Addr: addr, PoolSize: 1, DisableIdentity: true,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &faulty{Conn: c, wire: w}, err
		},
	})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

type faulty struct {
	net.Conn
	wire *wire
	mute bool
}

func (c *faulty) Write(b []byte) (int, error) {
	c.wire.writes.Add(1)
	if bytes.Contains(bytes.ToLower(b), []byte("exec\r\n")) {
		switch c.wire.fault.Swap(whole) {
		case lostExec:
			_ = c.Close()
			return len(b), nil
		case lostSaid:
			c.mute = true
		}
	}
	return c.Conn.Write(b)
}

func (c *faulty) Read(b []byte) (int, error) {
	if !c.mute {
		return c.Conn.Read(b)
	}
	if _, err := c.Conn.Read(b); err != nil { // the server has executed it
		return 0, err
	}
	_ = c.Close()
	return 0, errors.New("connection reset")
}

// setUp returns a bank with 100 on alice's account behind w, and its owner.
func setUp(t *testing.T, w *wire) (*bank, *participantstest.Script, participantstest.Saga) {
	t.Helper()
	b := newBank(w.client(t, redistest.Start(t)), "")
	b.SetBalance(t, "alice", 100)
	script := new(participantstest.Script)
	p := quiet()
	b.Register(p, script)
	return b, script, participantstest.New(t, p)
}

func quiet() *participants.Participant {
	return participants.New(nil, "bank", participants.WithLogger(slog.New(slog.DiscardHandler)))
}

var alice30 = participantstest.Amount{Account: "alice", Units: 30}

func TestAnExecWhoseAnswerIsLostIsNotAnswered(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]int32{"executed": lostSaid, "not executed": lostExec} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w wire
			b, _, saga := setUp(t, &w)
			do := saga.Command(protocol.Do, participantstest.Debit, alice30)
			w.fault.Store(fault)
			if r, err := saga.Send(do); !participants.IsInDoubt(err) {
				t.Fatalf("reply %v, error %v; want one in doubt", r, err)
			}
			r, err := saga.Send(do) // delivered again
			if err != nil {
				t.Fatal(err)
			}
			if got := participantstest.Output[participantstest.Receipt](t, r); got.Left != 70 {
				t.Errorf("output %+v, want 70 left", got)
			}
			if got := b.Balance(t, "alice"); got != 70 {
				t.Errorf("the account has %d, want 70", got)
			}

			undo := saga.Command(protocol.Undo, participantstest.Refund, alice30)
			w.fault.Store(fault)
			if r, err := saga.Send(undo); !participants.IsInDoubt(err) {
				t.Fatalf("reply %v, error %v; want one in doubt", r, err)
			}
			if r, err := saga.Send(undo); err != nil || r.Outcome != protocol.Undone {
				t.Errorf("reply %v, error %v", r, err)
			}
			if got := b.Balance(t, "alice"); got != 100 {
				t.Errorf("the account has %d, want 100", got)
			}
		})
	}
}

func TestARedisThatIsAwayFailsAttempts(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	b := newBank(server.Client(t), "")
	b.SetBalance(t, "alice", 100)
	p := quiet()
	b.Register(p, new(participantstest.Script))
	saga := participantstest.New(t, p)
	server.Kill()
	if r := saga.Do(participantstest.Debit, alice30); r.Outcome != protocol.Failed {
		t.Errorf("do without Redis is %s, want failed", r.Outcome)
	}
	server.Restart(t)
	b.SetBalance(t, "alice", 100)
	if r := saga.Do(participantstest.Debit, alice30); r.Outcome != protocol.Done {
		t.Errorf("do with Redis is %s (%s), want done", r.Outcome, r.Reason)
	}
}

func TestWhatItCosts(t *testing.T) {
	t.Parallel()
	var w wire
	_, script, saga := setUp(t, &w)
	cost := func(what string, want int64, f func()) {
		t.Helper()
		before := w.writes.Load()
		f()
		if got := w.writes.Load() - before; got != want {
			t.Errorf("%s: %d round trips, want %d", what, got, want)
		}
	}
	cost("do with one read", 4, func() { saga.Do(participantstest.Debit, alice30) })
	cost("duplicate", 3, func() { saga.Do(participantstest.Debit, alice30) })
	cost("undo without reads", 3, func() { saga.Undo(participantstest.Refund, alice30) })
	cost("late do", 3, func() { saga.Do(participantstest.Debit, alice30) })
	script.OnDebit = func(context.Context, participantstest.Amount, int64) (participantstest.Receipt, error) {
		return participantstest.Receipt{}, errors.New("broken")
	}
	cost("failed do", 4, func() { saga.Step("other").Do(participantstest.Debit, alice30) })
}

func TestNoWatchIsLeftOnTheConnection(t *testing.T) {
	t.Parallel()
	var w wire // its one connection is used by all
	b, script, saga := setUp(t, &w)
	script.OnDebit = func(context.Context, participantstest.Amount, int64) (participantstest.Receipt, error) {
		return participantstest.Receipt{}, errors.New("broken")
	}
	saga.Do(participantstest.Debit, alice30)
	other := redis.NewClient(&redis.Options{Addr: b.rdb.(*redis.Client).Options().Addr})
	defer other.Close()
	if err := other.Set(t.Context(), b.key("alice"), 7, 0).Err(); err != nil {
		t.Fatal(err)
	}
	_, err := b.rdb.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		return p.Set(t.Context(), "unrelated", 1, 0).Err()
	})
	if err != nil {
		t.Errorf("a transaction after a failed attempt: %v", err)
	}
}
