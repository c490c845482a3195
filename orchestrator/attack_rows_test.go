package orchestrator_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A view may have a row although its position is before the saga's start: the
// owner died before the saga was at rest. The next one reads the start again,
// and must not tell the view that the row is new.
func TestAStartThatIsReadAgainMayHaveARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fanOut())
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
		var dead atomic.Bool
		first := w.run("a", strict(t, &dead))
		killed := w.killAt(first, 2, false) // one of two steps is requested
		w.start("o-1")
		<-killed
		<-time.After(time.Second) // its row is written
		if rows, err := w.view.Partition(0).States(w.ctx, []string{"o-1"}); err != nil || len(rows) != 1 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		w.crash(first, &dead)
		w.answer = nil
		w.run("b", strict(t, nil))
		w.await("o-1", instance.Completed)
		w.checkView("o-1")
	})
}
