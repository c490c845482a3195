package orchestrator_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// What follows are losses of the journal's tail (faults, row 42) of which the
// newest message that was read tells nothing.

func quiet(c *orchestrator.Config) { c.CanaryEvery = 24 * time.Hour }

// stopsWithALoss waits until m ends because the journal lost something.
func (w *world) stopsWithALoss(m *member) {
	w.t.Helper()
	var lost *orchestrator.LostError
	select {
	case err := <-m.ended:
		if !errors.As(err, &lost) {
			w.t.Errorf("got %v, want a LostError", err)
		}
	case <-time.After(time.Minute):
		w.t.Error("it goes on")
	}
}

func (w *world) tail() uint64 {
	w.t.Helper()
	tail, err := w.journal.Partition(0).Tail(context.WithoutCancel(w.ctx))
	if err != nil {
		w.t.Fatal(err)
	}
	return tail.Last
}

// The newest message may be a purge record, which its owner does not read
// either, and which its position passes. What took its place would be left out.
func TestAJournalThatLostItsLastPurgeRecordStopsTheOrchestrator(t *testing.T) {
	for name, grow := range map[string]int{"shorter": 0, "grown again": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				m := w.run("a", quiet, retention(time.Minute))
				w.awaitEnds(w.startMany("o", 3))
				w.gone("o-0")
				w.awaitPosition()
				m.stop()
				if last := w.records()[0].Sequence; last != w.tail() || w.position() != last {
					t.Fatalf("the journal ends at %d, the position is %d, the record %d", w.tail(), w.position(), last)
				}
				w.journal.LoseTail(0, 1)
				w.startMany("after", grow)
				w.stopsWithALoss(w.run("b", quiet))
			})
		})
	}
}

// A link of ours that is stored once the journal has lost another, and before
// anybody looked, does not hide that.
func TestANewLinkHidesNoLossOfTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
		m := w.run("a", quiet)
		w.start("early")
		w.until("early waits", func() bool { return len(w.state("early").Steps) == 1 })
		early := w.state("early")
		due, _ := early.NextTimer()
		<-time.After(time.Second)
		w.start("late")
		w.until("late waits", func() bool { return len(w.state("late").Steps) == 1 })
		w.awaitPosition()
		<-time.After(time.Until(due.Due) - 20*time.Millisecond) // so that its timer fires before anybody looks
		if last := w.state("late").Last; last != w.tail() {
			t.Fatalf("the journal ends at %d, and not with link %d", w.tail(), last)
		}
		w.journal.LoseTail(0, 1)
		w.startMany("after", 1)
		w.stopsWithALoss(m)
	})
}

// A stream that was made again is not the journal, even if what it has says
// nothing about the messages that were seen: from the first takeover on.
func TestAStreamThatWasMadeAgainIsKnownByItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
		m := w.run("a", quiet)
		w.start("o-1")
		w.awaitPosition()
		tail := w.tail()
		w.journal.Recreate(0)
		for w.tail() <= tail {
			w.control("ghost", "c-"+strconv.FormatUint(w.tail(), 10), instance.Cancel)
		}
		if err := w.journal.Partition(0).Purge(w.ctx, "ghost", w.tail()); err != nil {
			t.Fatal(err)
		}
		w.stopsWithALoss(m)
	})
}
