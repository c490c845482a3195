package orchestrator_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

func retention(d time.Duration) func(*orchestrator.Config) {
	return func(c *orchestrator.Config) { c.Retention = d }
}

// gone waits until the journal has nothing about id, and the view no row.
func (w *world) gone(id string) {
	w.t.Helper()
	w.until(id+" has left", func() bool {
		history, err := w.journal.Partition(0).History(w.ctx, id, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		rows, err := w.view.Partition(0).States(w.ctx, []string{id})
		if err != nil {
			w.t.Fatal(err)
		}
		return len(history) == 0 && len(rows) == 0
	})
}

// Faults, row 30: an id that is used again after its history left meets no
// ghost of its earlier run: no late reply of it is taken, no repeated purge
// touches it, and no decision of a zombie lands on the empty chain.
func TestAnIDThatIsUsedAgainMeetsNoGhost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a", retention(time.Minute))
		run := w.start("o-1")
		w.await("o-1", instance.Completed)
		ghost := w.lastCommand()
		last := w.state("o-1").Last
		w.gone("o-1")

		// A zombie that still knows the chain's last link.
		h := protocol.Header{}
		h.Set(protocol.HeaderExpectedSequence, "3")
		h.Set(protocol.HeaderExpectedSubject, w.subjects().Chain(0, "o-1"))
		w.publish(w.subjects().Link(0, "o-1", "shipping"), h, nil)
		if history, _ := w.journal.Partition(0).History(w.ctx, "o-1", 0); len(history) != 0 {
			t.Error("a decision was stored on a history that had left")
		}

		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "ship" }
		again := w.start("o-1")
		if again == run || again == 0 {
			t.Fatalf("run %d after run %d", again, run)
		}
		w.until("ship is requested", func() bool { s := w.state("o-1"); return s.Step("ship") != nil })
		w.reply(ghost, protocol.Done)
		w.awaitPosition()
		if s := w.state("o-1"); s.Status != instance.Running {
			t.Errorf("a reply to run %d made run %d %s", run, again, s.Status)
		}
		// Whoever rebuilds the view reads the record again, and purges again.
		if err := w.journal.Partition(0).Purge(w.ctx, "o-1", last+1); err != nil {
			t.Fatal(err)
		}
		purged := m.Status().Counts.Purged
		w.view.Flush()
		w.start("o-2")
		w.until("the record was read again", func() bool { return m.Status().Counts.Purged > purged })
		w.answer = nil
		w.until("o-1 still waits", func() bool { s := w.state("o-1"); return s.Run == again && s.Status == instance.Running })
		ghost.Attempt.Run = again
		w.reply(ghost, protocol.Done)
		w.await("o-1", instance.Completed)
		w.checkView("o-1")
	})
}

// Faults, row 43: a view from before a purge gets rid of the rows whose
// histories have left; one from before the oldest record that is kept is
// rebuilt from empty.
func TestAViewOlderThanAPurgeLosesItsRows(t *testing.T) {
	for name, forget := range map[string]bool{"records are kept": false, "records have left": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				first := w.run("a", retention(time.Minute), func(c *orchestrator.Config) { c.CanaryEvery = time.Hour })
				ids := w.startMany("old", 10)
				w.awaitEnds(ids)
				w.checkView(ids...)
				// The newest message that the view has seen stays.
				stays := w.control("ghost", "c-1", instance.Cancel)
				w.until("the view has seen it", func() bool { return w.position() == stays })
				old := w.view.Snapshot()
				for _, id := range ids {
					w.gone(id)
				}
				more := w.startMany("more", 10)
				w.awaitEnds(more)
				w.until("more have left", func() bool { return first.Status().Counts.Purged >= 20 })
				kept := w.startMany("kept", 5)
				w.awaitEnds(kept)
				first.stop()
				if forget {
					if err := w.journal.Partition(0).Trim(w.ctx, 1, 1); err != nil {
						t.Fatal(err)
					}
				}
				w.view.Restore(old)
				w.run("b")
				w.checkView(kept...)
				for _, id := range append(ids, more...) {
					w.gone(id)
				}
				if page, err := w.view.Partition(0).List(w.ctx, orchestrator.Query{}); err != nil || len(page.Sagas) != len(kept) {
					t.Errorf("%d rows, %v, want %d", len(page.Sagas), err, len(kept))
				}
			})
		})
	}
}

// A process that dies between a purge's record and the purge leaves it to the
// next one, which reads the record.
func TestAPurgeThatWasCutShortIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var dead atomic.Bool
		first := w.run("a", retention(time.Minute), mortal(&dead))
		w.awaitEnds(w.startMany("o", 3))
		w.checkView("o-0", "o-1", "o-2")
		part := w.journal.Partition(0)
		w.until("the record is stored", func() bool {
			records, err := part.Purges(w.ctx)
			return err == nil && len(records) > 0
		})
		w.crash(first, &dead)
		w.run("b")
		for _, id := range []string{"o-0", "o-1", "o-2"} {
			w.gone(id)
		}
	})
}

// A saga that is not over never leaves, however old it is.
func TestALiveSagaNeverLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		def := threeSteps(false)
		def.Steps[1].Timeout = 90 * 24 * time.Hour
		w := newWorld(t, def)
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "charge" }
		m := w.run("a", retention(time.Second))
		w.start("slow")
		w.until("charge is requested", func() bool { s := w.state("slow"); return s.Step("charge") != nil })
		tick := time.NewTicker(time.Hour)
		defer tick.Stop()
		for range 3 {
			<-tick.C
		}
		w.answer = nil
		w.awaitEnds(w.startMany("quick", 1))
		w.gone("quick-0")
		if s := w.state("slow"); s.Status != instance.Running || m.Status().Counts.Purged != 1 {
			t.Errorf("slow is %s, %d histories left", s.Status, m.Status().Counts.Purged)
		}
	})
}

// shortPages is a view whose lists stop early, as one may that has looked at
// much and found little.
type shortPages struct{ orchestrator.View }

func (v shortPages) Partition(p int) orchestrator.PartitionView {
	return shortPartition{v.View.Partition(p)}
}

type shortPartition struct{ orchestrator.PartitionView }

func (p shortPartition) List(ctx context.Context, q orchestrator.Query) (orchestrator.Page, error) {
	q.Limit = 2
	return p.PartitionView.List(ctx, q)
}

// What is due to leave is found behind any number of sagas that began before
// it was due and ended lately, and does not wait for the next round page by page.
func TestASagaLeavesHoweverFarDownTheListItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a", retention(time.Minute), func(c *orchestrator.Config) { c.View = shortPages{w.view} })
		<-time.After(5 * time.Second) // one look at histories meets both kinds
		w.awaitEnds(w.startMany("early", 1))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "charge" }
		long := w.startMany("long", 9)
		w.until("each waits for its charge", func() bool {
			return w.commands(func(c protocol.Command) bool { return c.Action == "charge" }) >= 1+len(long)
		})
		<-time.After(30 * time.Second)
		w.answer = nil
		w.awaitEnds(long)
		w.gone("early-0")
		for _, id := range long {
			if w.state(id).Run == 0 {
				t.Errorf("%s ended last, and left first", id)
			}
		}
		left := func(n uint64) func() bool { return func() bool { return m.Status().Counts.Purged >= n } }
		w.until("the first of those leaves", left(2))
		first := time.Now()
		w.until("the last of them has left", left(10))
		if took := time.Since(first); took > 5*time.Second {
			t.Errorf("nine histories took %s", took)
		}
	})
}
