package participantstest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// TestBarrier runs the contract of a barrier: what a step's commands are
// answered in whatever order, number, and company they come. open returns an
// empty bank.
func TestBarrier(t *testing.T, open func(*testing.T) Bank) {
	for _, group := range []map[string]func(*fixture){outcomes, defects, settling, races} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(newFixture(t, open))
			})
		}
	}
}

var errBroken = errors.New("broken")

// outcomes are the table of what is answered, from the row or by the handler.
var outcomes = map[string]func(*fixture){
	"a do takes effect and its result is the output": func(f *fixture) {
		r := f.saga().Do(Debit, f.units(30))
		if diff := cmp.Diff(Receipt{Number: "R-1", Left: 70}, Output[Receipt](f.t, r)); diff != "" {
			f.t.Errorf("output (-want +got):\n%s", diff)
		}
		f.balance(70)
	},
	"a failed do has no effect and may be tried again": func(f *fixture) {
		s := f.saga()
		f.script.OnDebit = func(context.Context, Amount, int64) (Receipt, error) { return Receipt{}, errBroken }
		r := s.Do(Debit, f.units(30))
		f.is(r, protocol.Failed)
		if r.Reason != "broken" {
			f.t.Errorf("reason %q", r.Reason)
		}
		f.balance(100)
		f.script.OnDebit = nil
		f.is(s.Do(Debit, f.units(30)), protocol.Done)
		f.balance(70)
		f.calls(2, 0)
	},
	"a panic is a failed attempt without effect": func(f *fixture) {
		s := f.saga()
		f.script.OnDebit = func(context.Context, Amount, int64) (Receipt, error) { panic("oh") }
		f.is(s.Do(Debit, f.units(30)), protocol.Failed)
		f.balance(100)
		f.script.OnDebit = nil
		f.is(s.Do(Debit, f.units(30)), protocol.Done)
		f.balance(70)
	},
	"a handler in doubt is not answered and comes again": func(f *fixture) {
		s := f.saga()
		f.script.OnDebit = func(context.Context, Amount, int64) (Receipt, error) {
			return Receipt{}, participants.InDoubt(errBroken)
		}
		if r, err := s.Send(s.Command(protocol.Do, Debit, f.units(30))); !participants.IsInDoubt(err) {
			f.t.Errorf("reply %v, error %v; want one in doubt", r, err)
		}
		f.balance(100)
		f.script.OnDebit = nil
		f.is(s.Do(Debit, f.units(30)), protocol.Done)
	},
	"an undo takes back what was done and gets its output": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		var got *Receipt
		f.script.OnRefund = func(_ context.Context, _ Amount, done *Receipt) error {
			got = done
			return nil
		}
		f.is(s.Undo(Refund, f.units(30)), protocol.Undone)
		if diff := cmp.Diff(&Receipt{Number: "R-1", Left: 70}, got); diff != "" {
			f.t.Errorf("output of the do (-want +got):\n%s", diff)
		}
		f.balance(100)
	},
	"a duplicate undo has no further effect": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		f.is(s.Undo(Refund, f.units(30)), protocol.Undone)
		f.is(s.Undo(Refund, f.units(30)), protocol.Undone)
		f.balance(100)
		f.calls(1, 1)
	},
	"a failed undo has no effect, and another may even ask for something else": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		f.script.OnRefund = func(context.Context, Amount, *Receipt) error { return errBroken }
		f.is(s.Undo(Refund, f.units(99)), protocol.Failed)
		f.balance(70)
		f.script.OnRefund = nil
		f.is(s.Undo(Refund, f.units(30)), protocol.Undone)
		f.balance(100)
	},
	"an undo cannot refuse": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		f.script.OnRefund = func(context.Context, Amount, *Receipt) error { return participants.Refuse(errBroken) }
		f.is(s.Undo(Refund, f.units(30)), protocol.Failed)
		f.balance(70)
	},
	"an undo that finds nothing to undo has no effect and says so again": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		f.script.OnRefund = func(context.Context, Amount, *Receipt) error { return participants.ErrNothingToUndo }
		f.is(s.Undo(Refund, f.units(30)), protocol.NothingToUndo)
		f.script.OnRefund = nil
		f.is(s.Undo(Refund, f.units(30)), protocol.NothingToUndo)
		f.balance(70)
		f.calls(1, 1)
	},
	"an undo of a failed do finds nothing to undo": func(f *fixture) {
		s := f.saga()
		f.script.OnDebit = func(context.Context, Amount, int64) (Receipt, error) { return Receipt{}, errBroken }
		s.Do(Debit, f.units(30))
		f.is(s.Undo(Refund, f.units(30)), protocol.NothingToUndo)
		f.balance(100)
		f.calls(1, 0)
	},
	"an undo of a refused do finds nothing to undo": func(f *fixture) {
		s := f.saga()
		f.is(s.Do(Debit, f.units(101)), protocol.Refused)
		f.is(s.Undo(Refund, f.units(101)), protocol.NothingToUndo)
		f.is(s.Do(Debit, f.units(101)), protocol.Rejected)
		f.balance(100)
		f.calls(1, 0)
	},
	"a do after done and undone is rejected": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		s.Undo(Refund, f.units(30))
		f.is(s.Do(Debit, f.units(30)), protocol.Rejected)
		f.balance(100)
		f.calls(1, 1)
	},
	"another request under the key of a do is a conflict": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		f.conflicts(s, s.Command(protocol.Do, Debit, f.units(31)))
		f.balance(70)
		f.calls(1, 0)
	},
	"another request under the key of a refused do is a conflict": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(101))
		f.conflicts(s, s.Command(protocol.Do, Debit, f.units(1)))
		f.balance(100)
	},
	"another request under the key of an undo is a conflict": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		s.Undo(Refund, f.units(30))
		f.conflicts(s, s.Command(protocol.Undo, Refund, f.units(31)))
		f.balance(100)
	},
	"another request under the key of a tombstone is a conflict": func(f *fixture) {
		s := f.saga()
		s.Undo(Refund, f.units(30))
		f.conflicts(s, s.Command(protocol.Undo, Refund, f.units(31)))
	},
	"steps, runs and sagas are apart": func(f *fixture) {
		s := f.saga()
		for _, other := range []Saga{s, s.Step("other"), s.Run(2), s.Run(2).Step("other"), f.saga()} {
			f.is(other.Do(Debit, f.units(10)), protocol.Done)
		}
		f.balance(50)
		f.is(s.Run(2).Undo(Refund, f.units(10)), protocol.Undone)
		f.balance(60)
		f.is(s.Do(Debit, f.units(10)), protocol.Done)
		f.balance(60)
	},
}

// conflicts checks that c gets no answer, and that no delivery of it ever will.
func (f *fixture) conflicts(s Saga, c protocol.Command) {
	f.t.Helper()
	for range 2 {
		if r, err := s.Send(c); !participants.IsConflict(err) {
			f.t.Errorf("reply %v, error %v; want a conflict", r, err)
		}
	}
}

// defects are of other barriers; each is a test of ours.
var defects = map[string]func(*fixture){
	"a duplicate of a debit that emptied the account is done, not refused": func(f *fixture) {
		s := f.saga()
		first := s.Do(Debit, f.units(100))
		f.balance(0)
		again := s.Do(Debit, f.units(100))
		f.is(again, protocol.Done)
		if diff := cmp.Diff(first.Body, again.Body); diff != "" {
			f.t.Errorf("the duplicate has another output (-first +again):\n%s", diff)
		}
		f.balance(0)
		f.calls(1, 0)
	},
	"an undo has no business precondition": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(-50)) // a credit, spent since
		f.SetBalance(f.t, f.account, 10)
		f.is(s.Undo(Refund, f.units(-50)), protocol.Undone)
		f.balance(-40)
	},
	"a do that comes after its undo is rejected and has no effect": func(f *fixture) {
		s := f.saga()
		f.is(s.Undo(Refund, f.units(30)), protocol.NothingToUndo)
		r := s.Do(Debit, f.units(30))
		f.is(r, protocol.Rejected)
		if r.Reason == "" {
			f.t.Error("rejected without a reason")
		}
		f.is(s.Undo(Refund, f.units(30)), protocol.NothingToUndo)
		f.balance(100)
		f.calls(0, 0)
	},
	"what was refused stays refused, though it could succeed now": func(f *fixture) {
		s := f.saga()
		first := s.Do(Debit, f.units(101))
		f.is(first, protocol.Refused)
		f.SetBalance(f.t, f.account, 1000)
		again := s.Do(Debit, f.units(101))
		f.is(again, protocol.Refused)
		if again.Reason != first.Reason || first.Reason != "alice has 100" {
			f.t.Errorf("the reasons are %q and %q", first.Reason, again.Reason)
		}
		f.balance(1000)
		f.calls(1, 0)
	},
	"a duplicate has the output of the first": func(f *fixture) {
		s := f.saga()
		c := s.Command(protocol.Do, Debit, f.units(30))
		first, err := s.Send(c)
		if err != nil {
			f.t.Fatal(err)
		}
		f.SetBalance(f.t, f.account, 5)
		for _, again := range []protocol.Reply{s.answered(c), s.Do(Debit, f.units(30))} {
			if diff := cmp.Diff(string(first.Body), string(again.Body)); diff != "" {
				f.t.Errorf("another output (-first +again):\n%s", diff)
			}
		}
		f.balance(5)
	},
	"the tombstone of an empty compensation is committed": func(f *fixture) {
		s := f.saga()
		f.is(s.Undo(Refund, f.units(30)), protocol.NothingToUndo)
		f.is(s.Undo(Refund, f.units(30)), protocol.NothingToUndo)
		for range 3 { // a third delivery runs where a duplicate deletes the row
			f.is(s.Do(Debit, f.units(30)), protocol.Rejected)
		}
		f.balance(100)
	},
	"parts of the key cannot be mistaken for one another": func(f *fixture) {
		a, b := f.saga(), f.saga()
		a.id, b.id = "x-1", "x"
		a, b = a.Step("2"), b.Step("1-2")
		f.is(a.Do(Debit, f.units(10)), protocol.Done)
		f.is(b.Do(Debit, f.units(10)), protocol.Done)
		f.balance(80)
	},
}
