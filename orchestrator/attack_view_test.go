package orchestrator_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A write of the view that failed is tried again without the rows of sagas that
// were forgotten meanwhile: two rows of one id would make every later write fail.
func TestAWriteThatFailedBringsNoForgottenRunBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		w.awaitEnds(w.startMany("before", 1))
		w.awaitPosition()
		release := w.view.HoldWrites(0)
		defer release()
		w.start("o-1")
		s := w.await("o-1", instance.Completed)
		w.until("a write waits", func() bool { return w.view.Held(0) > 0 })
		if err := w.journal.Partition(0).Purge(w.ctx, "o-1", s.Last+1); err != nil {
			t.Fatal(err)
		}
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
		w.start("o-1")
		<-time.After(6 * time.Second) // the write is given up
		release()
		began := time.Now()
		w.checkView("o-1")
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the view followed after %v", took)
		}
		if got := m.Status().Counts.Alarms; got > 1 {
			t.Errorf("%d alarms", got)
		}
	})
}

// A refusingView takes the partition over, and then no write.
type refusingView struct {
	*inmem.View
	exchanges *atomic.Int64
}

func (v refusingView) Partition(p int) orchestrator.PartitionView {
	return refusingPartition{v.View.Partition(p), v.exchanges}
}

type refusingPartition struct {
	orchestrator.PartitionView
	exchanges *atomic.Int64
}

func (v refusingPartition) Exchange(ctx context.Context, generation string) (orchestrator.Position, error) {
	v.exchanges.Add(1)
	return v.PartitionView.Exchange(ctx, generation)
}

func (v refusingPartition) Write(context.Context, orchestrator.Write) error {
	return orchestrator.ErrNotFollowing
}

// A view that loses every write at once is not rebuilt hundreds of times a second.
func TestAViewThatRefusesEveryWriteIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var exchanges atomic.Int64
		w.run("a", func(c *orchestrator.Config) { c.View = refusingView{c.View.(*inmem.View), &exchanges} })
		w.startMany("o", 5)
		<-time.After(time.Minute)
		if n := exchanges.Load(); n > 100 {
			t.Errorf("%d takeovers in a minute", n)
		}
	})
}

// While the view is away nothing spins.
func TestNothingSpinsWhileTheViewIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var asked atomic.Int64
		w.run("a", retention(time.Minute), func(c *orchestrator.Config) {
			c.Now = func() time.Time { asked.Add(1); return time.Now() }
		})
		w.awaitEnds(w.startMany("before", 1))
		w.view.Fail(errors.New("connection refused"))
		w.start("o-1")
		before := asked.Load()
		<-time.After(20 * time.Second)
		if n := asked.Load() - before; n > 2000 {
			t.Errorf("the clock was asked %d times in 20 s", n)
		}
	})
}

// A hungView takes questions about rows, and writes, and answers none while it hangs.
type hungView struct {
	*inmem.View
	hangs *atomic.Bool
}

func (v hungView) Partition(p int) orchestrator.PartitionView {
	return hungPartition{v.View.Partition(p), v.hangs}
}

type hungPartition struct {
	orchestrator.PartitionView
	hangs *atomic.Bool
}

func (v hungPartition) States(ctx context.Context, ids []string) (map[string]instance.State, error) {
	if v.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return v.PartitionView.States(ctx, ids)
}

func (v hungPartition) Write(ctx context.Context, w orchestrator.Write) error {
	if v.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return v.PartitionView.Write(ctx, w)
}

// Sagas that are not in memory are taken from the journal while the view hangs,
// without that each of them waits for it first.
func TestAViewThatHangsHoldsFewUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
		first := w.run("a")
		ids := w.startMany("o", 20)
		w.until("all wait for an answer", func() bool { return w.commands(func(protocol.Command) bool { return true }) == len(ids) })
		w.checkView(ids...)
		w.awaitPosition()
		first.stop()
		var hangs atomic.Bool
		second := w.run("b", func(c *orchestrator.Config) { c.View = hungView{c.View.(*inmem.View), &hangs} })
		w.until("b is live", func() bool { return isLive(second) })
		hangs.Store(true)
		w.answer = nil
		began := time.Now()
		for _, c := range slices.Clone(w.sent) {
			w.reply(c, protocol.Done)
		}
		w.awaitEnds(ids)
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it took %v", took)
		}
		hangs.Store(false)
		w.checkView(ids...)
	})
}
