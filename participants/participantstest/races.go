package participantstest

import (
	"context"
	"sync"

	"github.com/amends-io/amends/participants/protocol"
)

// races are commands of one step, or of many steps on one account, at once.
var races = map[string]func(*fixture){
	"of duplicates at once one takes effect, and all have its answer": func(f *fixture) {
		s := f.saga()
		c := s.Command(protocol.Do, Debit, f.units(30))
		replies := make([]protocol.Reply, 8)
		var wg sync.WaitGroup
		for i := range replies {
			wg.Go(func() { replies[i] = f.deliver(i, s, c) })
		}
		wg.Wait()
		for _, r := range replies {
			f.is(r, protocol.Done)
			if string(r.Body) != string(replies[0].Body) {
				f.t.Errorf("outputs %s and %s", r.Body, replies[0].Body)
			}
		}
		f.balance(70)
	},
	"do and undo at once end in one of the two orders": func(f *fixture) {
		var first, second int
		for range 100 {
			s := f.saga()
			do, undo := s.Command(protocol.Do, Debit, f.units(30)), s.Command(protocol.Undo, Refund, f.units(30))
			var did, undid protocol.Reply
			var wg sync.WaitGroup
			wg.Go(func() { did = f.deliver(0, s, do) })
			wg.Go(func() { undid = f.deliver(1, s, undo) })
			wg.Wait()
			switch {
			case did.Outcome == protocol.Done && undid.Outcome == protocol.Undone:
				first++
			case did.Outcome == protocol.Rejected && undid.Outcome == protocol.NothingToUndo:
				second++
			default:
				f.t.Errorf("do is %s (%s) and undo is %s (%s)", did.Outcome, did.Reason, undid.Outcome, undid.Reason)
			}
			f.balance(100)
		}
		if first+second != 100 {
			f.t.Errorf("%d and %d of 100 in a legal order", first, second)
		}
	},
	"an undo that comes while its do is at work waits for it or ends it": func(f *fixture) {
		s := f.saga()
		undo := s.Command(protocol.Undo, Refund, f.units(30))
		var undid protocol.Reply
		var wg sync.WaitGroup
		var once sync.Once
		f.script.OnDebit = func(_ context.Context, req Amount, balance int64) (Receipt, error) {
			once.Do(func() { wg.Go(func() { undid = f.deliver(1, s, undo) }) })
			return Receipt{Number: "R-1", Left: balance - req.Units}, nil
		}
		did := s.Do(Debit, f.units(30))
		wg.Wait()
		switch {
		case did.Outcome == protocol.Done && undid.Outcome == protocol.Undone:
		case did.Outcome == protocol.Rejected && undid.Outcome == protocol.NothingToUndo:
		default:
			f.t.Errorf("do is %s and undo is %s", did.Outcome, undid.Outcome)
		}
		f.balance(100)
	},
	"sagas on one account lose no update": func(f *fixture) {
		var wg sync.WaitGroup
		for i := range 50 {
			s := f.saga()
			do := s.Command(protocol.Do, Debit, f.units(1))
			wg.Go(func() { f.is(f.deliver(i, s, do), protocol.Done) })
		}
		wg.Wait()
		f.balance(50)
	},
	"sagas on one account do not overdraw it": func(f *fixture) {
		replies := make([]protocol.Reply, 20)
		var wg sync.WaitGroup
		for i := range replies {
			s := f.saga()
			do := s.Command(protocol.Do, Debit, f.units(30))
			wg.Go(func() { replies[i] = f.deliver(i, s, do) })
		}
		wg.Wait()
		count := make(map[protocol.Outcome]int)
		for _, r := range replies {
			count[r.Outcome]++
		}
		if count[protocol.Done] != 3 || count[protocol.Refused] != 17 {
			f.t.Errorf("outcomes %v, want 3 done and 17 refused", count)
		}
		f.balance(10)
	},
}
