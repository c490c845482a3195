package orchestrator_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
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

// A retry sends the bytes of the first attempt. If a rival made the saga's history
// leave, there are none: it is forgotten, and holds the position no longer.
func TestARetryOfAHistoryThatLeftIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return protocol.Failed, true }
		m := w.run("a")
		w.start("o-1")
		w.until("it waits for its second attempt", func() bool {
			s := w.state("o-1")
			return len(s.Steps) == 1 && s.Steps[0].Do.Phase == instance.Waiting
		})
		w.checkView("o-1")
		if err := w.journal.Partition(0).Purge(w.ctx, "o-1", w.state("o-1").Last+1); err != nil {
			t.Fatal(err)
		}
		w.until("nothing is left of it", func() bool {
			rows, err := w.view.Partition(0).States(w.ctx, []string{"o-1"})
			sagas, appends := inMemory(m)
			return err == nil && len(rows)+sagas+appends == 0
		})
		w.awaitPosition()
	})
}

// A history that takes long to read is read all the same, and no other saga waits
// for it.
func TestAHistoryThatTakesLongToReadHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		slow := func(ctx context.Context, p orchestrator.Partition, id string, from uint64) ([]orchestrator.Message, error) {
			if id == "o-1" {
				select {
				case <-time.After(10 * time.Second):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			return p.History(ctx, id, from)
		}
		w.run("a", func(c *orchestrator.Config) {
			c.Journal = orchestratortest.Tampered{Journal: c.Journal, History: slow}
		})
		run := w.oneAttemptOpen()
		w.secondAttempt(run) // the reply to it makes the owner read the history
		<-time.After(5 * time.Second)
		w.answer = nil
		began := time.Now()
		w.awaitEnds(w.startMany("others", 5))
		if took := time.Since(began); took > time.Second {
			t.Errorf("others took %v", took)
		}
		if s := w.await("o-1", instance.Completed); s.Step("reserve").Do.Number != 2 {
			t.Errorf("reserve took %d attempts, want 2", s.Step("reserve").Do.Number)
		}
		w.checkView("o-1")
	})
}
