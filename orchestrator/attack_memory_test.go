package orchestrator_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// A late reply takes a saga that is over back into memory. It leaves again, and
// its history is not kept for ever because of it.
func TestALateReplyKeepsNoSagaInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a", retention(time.Minute), strict(t, nil))
		w.awaitEnds(w.startMany("o", 5))
		w.until("they have left memory", func() bool { n, _ := inMemory(m); return n == 0 })
		w.mu.Lock()
		sent := append([]protocol.Command(nil), w.sent...)
		w.mu.Unlock()
		for _, c := range sent {
			w.reply(c, protocol.Done)
		}
		w.awaitPosition()
		if n, _ := inMemory(m); n != 0 {
			t.Errorf("%d sagas that are over are in memory", n)
		}
		w.until("their histories have left", func() bool {
			page, err := w.view.Partition(0).List(w.ctx, orchestrator.Query{})
			return err == nil && len(page.Sagas) == 0
		})
	})
}

// A late reply that is read while catching up is dropped with the saga that it
// speaks of, and holds the position no longer.
func TestALateReplyThatIsReadAgainHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		first := w.run("a")
		for n := range 300 {
			w.awaitEnds(w.startMany(fmt.Sprintf("o%d", n), 1))
			w.reply(w.lastCommand(), protocol.Done)
		}
		first.stop()
		w.view.Flush()
		second := w.run("b", strict(t, nil), func(c *orchestrator.Config) { c.FlushEvery = -1 }) // at once, amid catching up
		w.awaitPosition()
		w.until("nothing is left in memory", func() bool { n, _ := inMemory(second); return n == 0 })
	})
}
