package participantstest

import (
	"context"

	"github.com/amends-io/amends/participants/protocol"
)

// settling is what a person's decision about a step does to its row.
var settling = map[string]func(*fixture){
	"a step settled as done is done without its handler": func(f *fixture) {
		s := f.saga()
		for range 2 {
			r := s.Settle(protocol.Do, protocol.Done, Debit, f.units(30))
			f.is(r, protocol.Done)
			if len(r.Body) > 0 {
				f.t.Errorf("an output that nobody made: %s", r.Body)
			}
		}
		f.is(s.Do(Debit, f.units(30)), protocol.Done)
		f.balance(100)
		f.calls(0, 0)
	},
	"a step settled as done is undone without an output": func(f *fixture) {
		s := f.saga()
		s.Settle(protocol.Do, protocol.Done, Debit, f.units(30))
		got := &Receipt{}
		f.script.OnRefund = func(_ context.Context, _ Amount, done *Receipt) error {
			got = done
			return nil
		}
		f.is(s.Undo(Refund, f.units(30)), protocol.Undone)
		if got != nil {
			f.t.Errorf("refund got the output %v, which nobody knows", got)
		}
		f.balance(130)
	},
	"a step settled as never done is refused, and stays without effect": func(f *fixture) {
		s := f.saga()
		for range 2 {
			r := s.Settle(protocol.Do, protocol.Undone, Debit, f.units(30))
			f.is(r, protocol.Refused)
			if r.Reason != "settled by hand" {
				f.t.Errorf("reason %q", r.Reason)
			}
		}
		f.is(s.Do(Debit, f.units(30)), protocol.Rejected)
		f.is(s.Undo(Refund, f.units(30)), protocol.NothingToUndo)
		f.balance(100)
		f.calls(0, 0)
	},
	"a step settled as undone is not undone again": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		for range 2 {
			f.is(s.Settle(protocol.Undo, protocol.Undone, Refund, f.units(30)), protocol.Undone)
		}
		f.is(s.Undo(Refund, f.units(30)), protocol.Undone)
		f.is(s.Do(Debit, f.units(30)), protocol.Rejected)
		f.balance(70) // the person gave it back, by other means
		f.calls(1, 0)
	},
	"a step settled as undone before its do lets no do through": func(f *fixture) {
		s := f.saga()
		f.is(s.Settle(protocol.Undo, protocol.Undone, Refund, f.units(30)), protocol.Undone)
		f.is(s.Do(Debit, f.units(30)), protocol.Rejected)
		f.is(s.Settle(protocol.Do, protocol.Undone, Debit, f.units(30)), protocol.Refused)
		f.balance(100)
		f.calls(0, 0)
	},
	"what a handler did cannot be settled otherwise": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(30))
		f.isRejected(s.Settle(protocol.Do, protocol.Done, Debit, f.units(30)), "do: done, undo: nothing")
		f.isRejected(s.Settle(protocol.Do, protocol.Undone, Debit, f.units(30)), "do: done, undo: nothing")
		f.balance(70)
		s.Undo(Refund, f.units(30))
		f.isRejected(s.Settle(protocol.Undo, protocol.Undone, Refund, f.units(30)), "do: done, undo: undone")
		f.isRejected(s.Settle(protocol.Do, protocol.Done, Debit, f.units(30)), "do: done, undo: undone")
		f.balance(100)
		f.calls(1, 1)
	},
	"what a handler refused cannot be settled": func(f *fixture) {
		s := f.saga()
		s.Do(Debit, f.units(101))
		f.isRejected(s.Settle(protocol.Do, protocol.Done, Debit, f.units(101)), "do: refused, undo: nothing")
		f.isRejected(s.Settle(protocol.Do, protocol.Undone, Debit, f.units(101)), "do: refused, undo: nothing")
	},
	"a tombstone of a handler cannot be settled": func(f *fixture) {
		s := f.saga()
		s.Undo(Refund, f.units(30))
		f.isRejected(s.Settle(protocol.Do, protocol.Done, Debit, f.units(30)), "do: nothing, undo: nothing-to-undo")
		f.isRejected(s.Settle(protocol.Do, protocol.Undone, Debit, f.units(30)), "do: nothing, undo: nothing-to-undo")
		f.isRejected(s.Settle(protocol.Undo, protocol.Undone, Refund, f.units(30)), "do: nothing, undo: nothing-to-undo")
	},
	"a decision cannot be turned round": func(f *fixture) {
		s := f.saga()
		s.Settle(protocol.Do, protocol.Done, Debit, f.units(30))
		f.isRejected(s.Settle(protocol.Do, protocol.Undone, Debit, f.units(30)), "do: done (settled by hand), undo: nothing")
		other := f.saga()
		other.Settle(protocol.Do, protocol.Undone, Debit, f.units(30))
		f.isRejected(other.Settle(protocol.Do, protocol.Done, Debit, f.units(30)), "do: nothing, undo: nothing-to-undo (settled by hand)")
	},
	"an undo cannot be settled as done": func(f *fixture) {
		s := f.saga()
		f.is(s.Settle(protocol.Undo, protocol.Done, Refund, f.units(30)), protocol.Rejected)
		f.is(s.Do(Debit, f.units(30)), protocol.Done)
		f.balance(70)
	},
}

// isRejected checks that a person is told what the row says.
func (f *fixture) isRejected(r protocol.Reply, row string) {
	f.t.Helper()
	f.is(r, protocol.Rejected)
	if want := "the barrier has " + row + "; somebody has to look"; r.Reason != want {
		f.t.Errorf("reason %q, want %q", r.Reason, want)
	}
}
