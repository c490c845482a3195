package orchestrator_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A strictView fails the test when a write that was taken said of a row's
// predecessor what was not so: a store that trusts it leaves old entries in
// its index.
type strictView struct {
	t *testing.T
	*inmem.View
	dead *atomic.Bool // nil: it lives for ever
}

func (v strictView) Ping(ctx context.Context) error {
	if v.dead != nil && v.dead.Load() {
		return errDead
	}
	return v.View.Ping(ctx)
}

func (v strictView) Partition(p int) orchestrator.PartitionView {
	part := v.View.Partition(p)
	if v.dead != nil {
		part = mortalPartition{part, v.dead}
	}
	return strictPartition{v.t, part, v.View.Partition(p)}
}

type strictPartition struct {
	t *testing.T
	orchestrator.PartitionView
	truth orchestrator.PartitionView
}

func (v strictPartition) Write(ctx context.Context, w orchestrator.Write) error {
	var ids []string
	for _, r := range w.Rows {
		ids = append(ids, r.State.ID)
	}
	before, err := v.truth.States(ctx, ids)
	if err != nil {
		return v.PartitionView.Write(ctx, w)
	}
	at, err := v.truth.Position(ctx)
	if err != nil {
		return v.PartitionView.Write(ctx, w)
	}
	for _, r := range w.Deleted {
		delete(before, r.State.ID)
	}
	if err := v.PartitionView.Write(ctx, w); err != nil {
		return err
	}
	if w.Position.Stamp.Sequence < at.Stamp.Sequence {
		v.t.Errorf("the view had seen %d, and was told that it had seen %d", at.Stamp.Sequence, w.Position.Stamp.Sequence)
	}
	for _, r := range w.Rows {
		if r.Was == nil {
			continue
		}
		// A write whose answer was lost is taken again.
		if got, want := brief(*r.Was), brief(before[r.State.ID]); got != want && want != brief(r.State) {
			v.t.Errorf("%s: the row before was said to be %s, and was %s", r.State.ID, got, want)
		}
	}
	return nil
}

func brief(s instance.State) string {
	due := "none"
	if t, ok := s.NextTimer(); ok {
		due = t.Due.String()
	}
	return fmt.Sprintf("%q run %d last %d %s, timer %s", s.ID, s.Run, s.Last, s.Status, due)
}

// strict makes a member whose writes of the view are looked at, and that crash
// can kill if dead is not nil.
func strict(t *testing.T, dead *atomic.Bool) func(*orchestrator.Config) {
	return func(c *orchestrator.Config) {
		if v, ok := c.View.(*inmem.View); ok {
			c.View = strictView{t, v, dead}
		}
	}
}

// inMemory is how many sagas, and appends under way, m has in all.
func inMemory(m *member) (sagas, appends int) {
	for _, p := range m.Status().Partitions {
		sagas, appends = sagas+p.Sagas, appends+p.Appends
	}
	return sagas, appends
}
