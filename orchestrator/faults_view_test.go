package orchestrator_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// ids starts n sagas called prefix-0 and so on.
func (w *world) startMany(prefix string, n int) []string {
	var ids []string
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		ids = append(ids, id)
		w.start(id)
	}
	return ids
}

// Faults, row 16: whatever the view loses, the owner notices at its next write
// and rebuilds it from the journal.
func TestAViewThatIsLostIsRebuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = refuseShippingOf("3")
		w.run("a")
		ids := w.startMany("before", 30)
		w.awaitEnds(ids)
		w.checkView(ids...)
		w.view.Flush()
		ids = append(ids, w.startMany("after", 30)...)
		w.awaitEnds(ids)
		w.checkView(ids...)
	})
}

// Faults, row 16: a failover to a stale replica is noticed, and what it lacks
// is read again.
func TestAViewThatIsStaleCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.run("a")
		ids := w.startMany("early", 20)
		w.awaitEnds(ids)
		w.checkView(ids...)
		stale := w.view.Snapshot()
		more := w.startMany("later", 20)
		w.awaitEnds(more)
		w.checkView(more...)
		w.view.Restore(stale)
		last := w.startMany("last", 1)
		w.awaitEnds(last)
		w.checkView(append(append(ids, more...), last...)...)
	})
}

// Faults, row 25: the loss of the timers alone is noticed by the next owner.
func TestTimersThatAreLostAloneComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Attempt.Number > 1 }
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		w.start("o-1")
		w.until("it runs", func() bool { return len(w.state("o-1").Steps) == 1 })
		w.checkView("o-1")
		w.crash(first, &dead)
		w.view.LoseTimers(0)
		w.run("b")
		w.await("o-1", instance.Completed)
		w.checkView("o-1")
	})
}

// Faults, row 30 of the matrix: a row that is lost costs a read of the journal.
func TestALiveRowThatIsLostComesBackWithItsReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "reserve" }
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		w.start("o-1")
		w.until("it runs", func() bool { return len(w.state("o-1").Steps) == 1 })
		w.checkView("o-1")
		w.crash(first, &dead)
		w.view.LoseRow(0, "o-1")
		second := w.run("b")
		w.until("b is live", func() bool { p := second.Status().Partitions; return len(p) == 1 && p[0].Live })
		w.mu.Lock()
		c := w.sent[0]
		w.mu.Unlock()
		w.reply(c, protocol.Done)
		w.await("o-1", instance.Completed)
		w.checkView("o-1")
	})
}

// While the view is away the owner goes on from the journal and memory; past
// its patience it gives the partition up, and takes it again when the view is
// back. Nothing is lost.
func TestTheViewMayBeAway(t *testing.T) {
	for _, away := range []time.Duration{5 * time.Second, 5 * time.Minute} {
		t.Run(away.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				m := w.run("a")
				w.awaitEnds(w.startMany("before", 5))
				w.view.Fail(errors.New("connection refused"))
				back := time.After(away)
				during := w.startMany("during", 20)
				if away < 30*time.Second {
					w.awaitEnds(during)
				}
				<-back
				if owns := len(m.Status().Partitions); (owns == 0) != (away > 30*time.Second) {
					t.Errorf("after %v it owns %d partitions", away, owns)
				}
				waiting := w.startMany("waiting", 5)
				w.view.Fail(nil)
				w.awaitEnds(append(during, waiting...))
				w.checkView(append(during, waiting...)...)
			})
		})
	}
}

// A write of the view whose answer is lost is found out by the next one.
func TestAWriteOfTheViewInDoubtIsTakenOverAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.run("a")
		w.awaitEnds(w.startMany("before", 2))
		w.view.Doubt(errors.New("i/o timeout"))
		ids := w.startMany("during", 10)
		w.awaitEnds(ids)
		w.view.Doubt(nil)
		ids = append(ids, w.startMany("after", 5)...)
		w.awaitEnds(ids)
		w.checkView(ids...)
	})
}

// Faults, rows 40 and 41: a former owner's write is refused, whether or not it
// moves the position, and so is one to a view that was flushed meanwhile.
func TestAZombiesWriteOfTheViewIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		first := w.run("a")
		w.awaitEnds(w.startMany("before", 3))
		release := w.view.HoldWrites(0)
		ids := w.startMany("during", 10)
		w.until("a write waits", func() bool { return w.view.Held(0) > 0 })
		w.journal.ExpireLease("partition.0")
		w.run("b")
		w.until("nobody but b owns it", func() bool { return len(first.Status().Partitions) == 0 })
		release()
		w.awaitEnds(ids)
		w.checkView(ids...)
	})
}

// Faults, row 42: a journal that lost its tail and grew again is noticed by
// the stamp of the newest message that was seen. Nobody goes on from there.
func TestAJournalThatLostItsTailStopsTheOrchestrator(t *testing.T) {
	for name, grow := range map[string]int{"shorter": 0, "grown past the view": 60} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				first := w.run("a")
				ids := w.startMany("before", 5)
				w.awaitEnds(ids)
				w.checkView(ids...)
				first.stop()
				tick := time.NewTicker(time.Second) // power comes back later
				defer tick.Stop()
				<-tick.C
				w.journal.LoseTail(0, 20)
				w.startMany("after", grow)
				second := w.run("b")
				var lost *orchestrator.LostError
				if err := <-second.ended; !errors.As(err, &lost) {
					t.Errorf("got %v, want a LostError", err)
				}
				if grow > 0 && w.state("after-0").Status != instance.Absent {
					t.Error("it went on deciding")
				}
			})
		})
	}
}

// Faults, row 42: a journal that lost its newest message alone has lost
// something. An owner does not read its own links, so the newest one of them is
// looked for as well as the newest message that it has read.
func TestAJournalThatLostItsLastMessageStopsTheOrchestrator(t *testing.T) {
	for _, last := range []string{"link", "input"} {
		for _, when := range []string{"while it runs", "before it starts", "grown again"} {
			t.Run(last+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { loseLast(t, last == "link", when) })
			})
		}
	}
}

func loseLast(t *testing.T, link bool, when string) {
	w := newWorld(t, threeSteps(false))
	quiet := func(c *orchestrator.Config) { c.CanaryEvery = time.Hour }
	w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
	m := w.run("a", quiet)
	w.start("o-1")
	w.awaitPosition()
	last := w.state("o-1").Last
	if !link {
		last = w.control("ghost", "c-1", instance.Cancel)
	}
	w.until("the view knows of it", func() bool {
		at, err := w.view.Partition(0).Position(w.ctx)
		return err == nil && last == map[bool]uint64{true: at.Stamp.Link, false: at.Stamp.Sequence}[link]
	})
	if when != "while it runs" {
		m.stop()
	}
	w.journal.LoseTail(0, 1)
	if tail, err := w.journal.Partition(0).Tail(w.ctx); err != nil || tail.Last != last-1 {
		t.Fatalf("it ends at %d, %v, and the last message was %d", tail.Last, err, last)
	}
	if when == "grown again" {
		w.startMany("after", 3)
	}
	if when != "while it runs" {
		m = w.run("b", quiet)
	}
	var lost *orchestrator.LostError
	select {
	case err := <-m.ended:
		if !errors.As(err, &lost) {
			t.Errorf("got %v, want a LostError", err)
		}
	case <-time.After(time.Minute):
		t.Error("it goes on")
	}
}

// Matrix row 17: a stream that was deleted and made again is not the journal.
func TestAStreamThatWasMadeAgainStopsTheOrchestrator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		w.awaitEnds(w.startMany("before", 5))
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		<-tick.C
		w.journal.Recreate(0)
		var lost *orchestrator.LostError
		if err := <-m.ended; !errors.As(err, &lost) {
			t.Errorf("got %v, want a LostError", err)
		}
	})
}
