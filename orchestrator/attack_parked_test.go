package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/participants/protocol"
)

// What waits for a parked saga lies before the position. A process that
// unparks it, and dies before it has read all of that, leaves a row which is
// parked no more: the next one must find the rest all the same.
func TestAnUnparkingThatWasCutShortLosesNoInput(t *testing.T) {
	for n := 2; n <= 4; n++ {
		t.Run(fmt.Sprintf("killed at append %d", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
				first := w.run("a", func(c *orchestrator.Config) { c.Definitions = nil })
				w.start("o-1")
				w.await("o-1", instance.Stuck)
				for i := range 3 {
					w.control("o-1", fmt.Sprintf("s-%d", i), instance.Suspend)
				}
				w.control("o-1", "c-1", instance.Cancel)
				w.awaitPosition()
				first.stop()
				var dead atomic.Bool
				second := w.run("b", mortal(&dead))
				killed := w.killAt(second, n, false)
				<-killed
				<-time.After(time.Second) // the row is written
				w.crash(second, &dead)
				w.run("c", strict(t, nil))
				w.until("the cancel was read", func() bool { return w.state("o-1").Cancelled })
			})
		})
	}
}

// hardOfHearing has a journal read and append, but tell nobody a saga's history
// while it is deaf.
func hardOfHearing(deaf *atomic.Bool) func(*orchestrator.Config) {
	return func(c *orchestrator.Config) {
		c.Journal = orchestratortest.Tampered{Journal: c.Journal, History: func(ctx context.Context, p orchestrator.Partition, id string, from uint64) ([]orchestrator.Message, error) {
			if deaf.Load() {
				return nil, errors.New("no replica answers")
			}
			return p.History(ctx, id, from)
		}}
	}
}

// A saga whose history could not be read is forgotten when its id is started:
// it must not come back beside the new run when the journal answers again.
func TestASagaThatWasReplacedDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var deaf atomic.Bool
		m := w.run("a", strict(t, nil), hardOfHearing(&deaf))
		w.awaitEnds(w.startMany("before", 1))
		deaf.Store(true)
		for n := range 20 {
			id := fmt.Sprintf("o-%d", n)
			w.control(id, "c-1", instance.Cancel) // before its start: nobody's
			<-time.After(100 * time.Millisecond)
			w.start(id)
		}
		deaf.Store(false)
		for n := range 20 {
			w.awaitEnds([]string{fmt.Sprintf("o-%d", n)})
		}
		w.awaitPosition()
		if c := m.Status().Counts; c.Conflicts+c.Reloads > 0 {
			t.Errorf("%d conflicts with itself, %d reloads", c.Conflicts, c.Reloads)
		}
	})
}

// An input whose saga's history cannot be read at first, and has left by then,
// does not hold the position.
func TestAHistoryThatLeftUnreadHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var deaf atomic.Bool
		w.run("a", hardOfHearing(&deaf))
		w.awaitEnds(w.startMany("before", 1))
		deaf.Store(true)
		w.control("ghost", "c-1", instance.Cancel)
		<-time.After(time.Second)
		last := w.control("ghost", "c-2", instance.Cancel)
		if err := w.journal.Partition(0).Purge(w.ctx, "ghost", last+1); err != nil {
			t.Fatal(err)
		}
		deaf.Store(false)
		w.awaitEnds(w.startMany("after", 1))
		w.awaitPosition()
	})
}
