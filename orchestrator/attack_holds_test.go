package orchestrator_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// An owner that dies before the first decision about a saga is stored may have
// written its row. The next one decides the start all the same, also if it was
// forced in, and if an input came before it, so that the row is met first.
func TestAStartWhoseOwnerDiedIsDecidedByTheNext(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(w *world)
		want  instance.Status
	}{
		"forced in": {func(w *world) {
			h := protocol.Header{}
			h.Set(protocol.HeaderDefinition, "order")
			h.Set(protocol.HeaderVersion, "1")
			w.publish(w.subjects().Start(0, "o-1"), h, []byte(`{}`))
		}, instance.Compensated},
		"behind an input": {func(w *world) {
			w.control("o-1", "early", instance.Cancel)
			w.start("o-1")
		}, instance.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				var dead atomic.Bool
				first := w.run("a", mortal(&dead))
				w.until("a is live", func() bool { return isLive(first) })
				killed := w.killAt(first, 1, false)
				c.begin(w)
				<-killed
				<-time.After(5 * time.Second) // the view has whatever it will have
				w.crash(first, &dead)
				w.run("b")
				w.await("o-1", c.want)
				w.checkView("o-1")
			})
		})
	}
}

func isLive(m *member) bool {
	p := m.Status().Partitions
	return len(p) == 1 && p[0].Live
}
