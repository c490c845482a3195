package orchestratortest

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// viewFence is about who may write.
var viewFence = []viewCase{
	{"a view of nothing is at position zero", func(t *testing.T, v FragileView) {
		o := &viewOwner{t: t, view: v.Partition(0), generation: "a"}
		o.empty()
		if at := o.exchange(); at != (orchestrator.Position{}) {
			t.Errorf("exchange returns %+v", at)
		}
		o.empty()
	}},
	{"a write before any exchange is refused", func(t *testing.T, v FragileView) {
		for _, generation := range []string{"", "a"} {
			o := &viewOwner{t: t, view: v.Partition(0), generation: generation}
			o.refused("generation "+strconv.Quote(generation), o.next(orchestrator.Row{State: running("x", 1)}))
		}
	}},
	{"an exchange returns the position of the last write and keeps the rows", func(t *testing.T, v FragileView) {
		a := own(t, v, "a")
		a.write(orchestrator.Row{State: running("x", 1)})
		w := a.write(orchestrator.Row{State: running("y", 2), Due: epoch})
		before := a.content()
		if diff := cmp.Diff(w.Position, before.At); diff != "" {
			t.Errorf("position:\n%s", diff)
		}
		for range 2 { // it may be sent twice
			b := own(t, v, "b")
			if diff := cmp.Diff(w.Position, b.at); diff != "" {
				t.Errorf("exchange returns another position:\n%s", diff)
			}
			if diff := cmp.Diff(before, b.content()); diff != "" {
				t.Errorf("the exchange changed the view:\n%s", diff)
			}
		}
	}},
	{"a position that is read back equals any other way of writing its times", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		w := o.next()
		want := w.Position
		zone := time.FixedZone("elsewhere", 3600)
		w.Position.Stamp.Created = w.Position.Stamp.Created.In(zone)
		w.Position.Stamp.Time = w.Position.Stamp.Time.In(zone)
		o.put(w)
		if at, err := o.view.Position(t.Context()); at != want || err != nil {
			t.Errorf("%+v, want %+v, %v", at, want, err)
		}
	}},
	{"a former owner's write is refused", func(t *testing.T, v FragileView) {
		a := own(t, v, "a")
		a.write(orchestrator.Row{State: running("x", 1), Due: epoch})
		b := own(t, v, "b")
		a.refused("after the exchange", a.next(orchestrator.Row{State: running("zombie", 2)}))
		b.write(orchestrator.Row{State: running("y", 2)})
		zombie := a.next(orchestrator.Row{State: running("x", 3)})
		zombie.Deleted = []orchestrator.Row{{State: running("y", 2)}}
		zombie.Position.Revision = b.at.Revision + 1
		a.refused("with the revision that follows", zombie)
		b.write()
	}},
	{"a write that does not follow is refused", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		first := o.write(orchestrator.Row{State: running("x", 1)})
		o.write(orchestrator.Row{State: running("x", 1)})
		for _, revision := range []uint64{0, first.Position.Revision, o.at.Revision, o.at.Revision + 2} {
			w := o.next(orchestrator.Row{State: running("late", 2)})
			w.Position.Revision = revision
			o.refused("revision "+strconv.FormatUint(revision, 10), w)
		}
		o.refused("an older write again", first)
	}},
	{"a write that is sent twice is stored once", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		was := running("x", 1)
		o.write(orchestrator.Row{State: was})
		w := o.next(
			orchestrator.Row{State: with(was, func(s *instance.State) { s.Status = instance.Completed }), Was: &was},
			orchestrator.Row{State: running("y", 2), Due: epoch},
		)
		w.Deleted = []orchestrator.Row{{State: running("gone", 1)}}
		o.put(w)
		before := o.content()
		o.put(w)
		if diff := cmp.Diff(before, o.content()); diff != "" {
			t.Errorf("the second time changed the view:\n%s", diff)
		}
		for name, change := range map[string]func(*orchestrator.Write){
			"another position": func(w *orchestrator.Write) { w.Position.To++ },
			"another stamp":    func(w *orchestrator.Write) { w.Position.Stamp.Sequence++ },
			"a row less":       func(w *orchestrator.Write) { w.Rows = w.Rows[:1] },
			"another deletion": func(w *orchestrator.Write) { w.Deleted = []orchestrator.Row{{State: was}} },
			"no deletion":      func(w *orchestrator.Write) { w.Deleted = nil },
			"no timer":         func(w *orchestrator.Write) { w.Rows = []orchestrator.Row{w.Rows[0], {State: w.Rows[1].State}} },
			"another timer": func(w *orchestrator.Write) {
				w.Rows = []orchestrator.Row{w.Rows[0], {State: w.Rows[1].State, Due: epoch.Add(time.Hour)}}
			},
			"another row": func(w *orchestrator.Write) {
				w.Rows = []orchestrator.Row{w.Rows[0], {State: running("y", 3), Due: epoch}}
			},
		} {
			other := w
			change(&other)
			o.refused(name+" under the same revision", other)
		}
		o.write(orchestrator.Row{State: running("z", 3)})
		b := own(t, v, "b")
		b.refused("the write of an earlier generation", w)
	}},
	{"of two writes that follow one is taken", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		for round := range 20 {
			var group sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				id := strconv.Itoa(i)
				w := o.next(orchestrator.Row{State: running(id, round), Due: epoch})
				group.Go(func() { errs[i] = o.view.Write(t.Context(), w) })
			}
			group.Wait()
			taken := 0
			for _, err := range errs {
				switch {
				case err == nil:
					taken++
				case !errors.Is(err, orchestrator.ErrNotFollowing):
					t.Fatal(err)
				}
			}
			if taken != 1 {
				t.Fatalf("%d writes were taken", taken)
			}
			o.at = o.next().Position
		}
		if c := o.content(); len(c.Rows) != len(c.Timers) || c.Count[instance.Running] != len(c.Rows) {
			t.Errorf("parts of refused writes are there: %+v", c)
		}
	}},
	{"what is forgotten is gone, and its owner's writes are refused", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		o.write(orchestrator.Row{State: running("x", 1), Due: epoch})
		other := &viewOwner{t: t, view: v.Partition(1), generation: "a"}
		other.exchange()
		other.write(orchestrator.Row{State: running("x", 2), Due: epoch})
		for range 2 {
			if err := o.view.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
			o.empty("x")
		}
		o.refused("after it was forgotten", o.next(orchestrator.Row{State: running("y", 2)}))
		if at := o.exchange(); at != (orchestrator.Position{}) {
			t.Errorf("exchange returns %+v", at)
		}
		o.write(orchestrator.Row{State: running("x", 3)})
		other.write()
		if got := other.content(); len(got.Rows) != 1 || got.Rows[0].Run != 3 || len(got.Timers) != 1 {
			t.Errorf("another partition was changed: %+v", got)
		}
	}},
	{"a call whose context is over fails", unreachable},
}

// viewLoss is about what a store can lose.
var viewLoss = []viewCase{
	{"a flush is noticed", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		o.write(orchestrator.Row{State: running("x", 1), Due: epoch})
		v.Flush()
		o.refused("after the flush", o.next(orchestrator.Row{State: running("y", 2)}))
		o.empty("x")
		if at := o.exchange(); at != (orchestrator.Position{}) {
			t.Errorf("exchange returns %+v", at)
		}
		o.write()
	}},
	{"a failover to a replica that lacks the newest write is noticed", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		o.write(orchestrator.Row{State: running("x", 1)})
		stale := o.content()
		failover := v.Snapshot()
		// This write moves no position: only the revision tells.
		w := o.next(orchestrator.Row{State: with(running("x", 1), func(s *instance.State) { s.Last = 99 })})
		w.Position.To, w.Position.Stamp = o.at.To, o.at.Stamp
		o.put(w)
		failover()
		next := o.next(orchestrator.Row{State: running("y", 2)})
		o.refused("after the failover", next)
		if diff := cmp.Diff(stale.At, o.exchange()); diff != "" {
			t.Errorf("exchange does not return the position of what is there:\n%s", diff)
		}
		if diff := cmp.Diff(stale, o.content()); diff != "" {
			t.Errorf("the view is not what it was then:\n%s", diff)
		}
		o.write()
	}},
	{"a failover to a replica that lacks the exchange is noticed", func(t *testing.T, v FragileView) {
		a := own(t, v, "a")
		a.write(orchestrator.Row{State: running("x", 1)})
		failover := v.Snapshot()
		b := own(t, v, "b")
		failover()
		b.refused("after the failover", b.next())
	}},
	{"the loss of the timers alone is noticed, and no row survives it", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		o.write(orchestrator.Row{State: running("x", 1), Due: epoch}, orchestrator.Row{State: running("y", 1), Due: epoch})
		v.LoseTimers(0)
		o.refused("after the loss", o.next(orchestrator.Row{State: running("z", 2), Due: epoch}))
		lost(t, o)
	}},
	{"the loss of a single row is noticed", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		o.write(orchestrator.Row{State: running("x", 1)}, orchestrator.Row{State: running("y", 1)})
		v.LoseRow(0, "x")
		o.refused("after the loss", o.next(orchestrator.Row{State: running("x", 1)}))
		lost(t, o)
	}},
	{"no timers are no loss", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		o.write(orchestrator.Row{State: running("x", 1), Due: epoch})
		o.write(orchestrator.Row{State: running("x", 1)})
		v.LoseTimers(0)
		o.write()
		if at := o.exchange(); at.Revision != 3 {
			t.Errorf("exchange returns %+v", at)
		}
	}},
}

// lost expects that o's view counts as lost, and is emptied by the next exchange.
func lost(t *testing.T, o *viewOwner) {
	t.Helper()
	at, err := o.view.Position(t.Context())
	if err != nil || at != (orchestrator.Position{}) {
		t.Errorf("position is %+v, %v", at, err)
	}
	if at := o.exchange(); at != (orchestrator.Position{}) {
		t.Errorf("exchange returns %+v", at)
	}
	o.empty("x", "y", "z")
	o.write(orchestrator.Row{State: running("x", 1), Due: epoch})
}
