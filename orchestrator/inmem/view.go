package inmem

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A View keeps the view of every partition in memory, and can be made to fail
// in the ways in which a store does. It waits on channels only, so it can be
// used in a bubble of testing/synctest.
type View struct {
	mu         sync.Mutex
	partitions map[int]*stored
	holds      map[int]*hold
	away       error // of every call
	doubt      error // of a write that took effect
}

// NewView returns a view of nothing.
func NewView() *View {
	return &View{partitions: map[int]*stored{}, holds: map[int]*hold{}}
}

// Ping reports the error that Fail was given.
func (v *View) Ping(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.reachable(ctx)
}

// Partition returns the view of partition p.
func (v *View) Partition(p int) orchestrator.PartitionView { return partitionView{v, p} }

// reachable reports why a call cannot be answered. The caller has locked v.
func (v *View) reachable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return v.away
}

type partitionView struct {
	view *View
	p    int
}

// do calls f with what is stored, unless the view is unreachable.
func (pv partitionView) do(ctx context.Context, f func(*stored) error) error {
	v := pv.view
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.reachable(ctx); err != nil {
		return err
	}
	s, ok := v.partitions[pv.p]
	if !ok {
		s = &stored{}
		v.partitions[pv.p] = s
	}
	return f(s)
}

func (pv partitionView) Exchange(ctx context.Context, generation string) (at orchestrator.Position, err error) {
	err = pv.do(ctx, func(s *stored) error {
		if !s.whole() {
			*s = begin()
		}
		s.generation, at = generation, s.position
		return nil
	})
	return at, err
}

func (pv partitionView) Write(ctx context.Context, w orchestrator.Write) error {
	if err := pv.view.wait(ctx, pv.p); err != nil {
		return err
	}
	c, err := encode(w)
	if err != nil {
		return err
	}
	return pv.do(ctx, func(s *stored) error {
		if err := s.write(c); err != nil {
			return err
		}
		return pv.view.doubt
	})
}

func (pv partitionView) States(ctx context.Context, ids []string) (map[string]instance.State, error) {
	states := make(map[string]instance.State, len(ids))
	err := pv.do(ctx, func(s *stored) error {
		for _, id := range ids {
			r, ok := s.rows[id]
			if !ok {
				continue
			}
			state, err := orchestrator.DecodeState(r.text)
			if err != nil {
				return err
			}
			states[id] = state
		}
		return nil
	})
	return states, err
}

func (pv partitionView) Timers(ctx context.Context, handle func(id string, due time.Time)) error {
	var timers map[string]time.Time
	if err := pv.do(ctx, func(s *stored) error {
		timers = maps.Clone(s.timers)
		return nil
	}); err != nil {
		return err
	}
	// handle may call the view again, so it is called without the lock.
	for _, id := range slices.Sorted(maps.Keys(timers)) {
		handle(id, timers[id])
	}
	return nil
}

func (pv partitionView) List(ctx context.Context, q orchestrator.Query) (page orchestrator.Page, err error) {
	err = pv.do(ctx, func(s *stored) (err error) {
		page, err = s.list(q)
		return err
	})
	return page, err
}

func (pv partitionView) Count(ctx context.Context) ([]orchestrator.Count, error) {
	counts := map[orchestrator.Class]int{}
	err := pv.do(ctx, func(s *stored) error {
		for _, r := range s.rows {
			counts[orchestrator.Class{Definition: r.state.Definition, Version: r.state.Version, Status: r.state.Status}]++
		}
		return nil
	})
	return orchestrator.CountsOf(counts), err
}

func (pv partitionView) Clusters(ctx context.Context, q orchestrator.ClusterQuery) (clusters orchestrator.Clusters, err error) {
	err = pv.do(ctx, func(s *stored) error {
		clusters = orchestrator.ClustersOf(func(yield func(instance.State) bool) {
			for _, r := range s.rows {
				if !yield(r.state) {
					return
				}
			}
		}, q)
		return nil
	})
	return clusters, err
}

func (pv partitionView) Audit(ctx context.Context, q orchestrator.AuditQuery) (page orchestrator.AuditPage, err error) {
	err = pv.do(ctx, func(s *stored) error {
		for _, r := range s.rows {
			page.Rows = append(page.Rows, q.Asked(&r.state)...)
		}
		return nil
	})
	orchestrator.SortAudit(page.Rows)
	if limit := q.Bounded(); len(page.Rows) > limit {
		next := page.Rows[limit-1].Cursor()
		page.Rows, page.Next = page.Rows[:limit], &next
	}
	return page, err
}

func (pv partitionView) Position(ctx context.Context) (at orchestrator.Position, err error) {
	err = pv.do(ctx, func(s *stored) error {
		if s.whole() {
			at = s.position
		}
		return nil
	})
	return at, err
}

func (pv partitionView) Forget(ctx context.Context) error {
	return pv.do(ctx, func(s *stored) error {
		*s = stored{}
		return nil
	})
}

// A change is a Write as it is stored.
type change struct {
	generation string
	position   orchestrator.Position
	rows       map[string]row
	due        map[string]time.Time
	deleted    []string
}

// encode fails on what no store could keep, before anything is stored.
func encode(w orchestrator.Write) (change, error) {
	c := change{generation: w.Generation, position: w.Position, rows: map[string]row{}, due: map[string]time.Time{}}
	c.position.Stamp.Created = w.Position.Stamp.Created.UTC().Round(0)
	c.position.Stamp.Time = w.Position.Stamp.Time.UTC().Round(0)
	for _, r := range w.Rows {
		id := r.State.ID
		if _, twice := c.rows[id]; twice {
			return c, fmt.Errorf("write the view: two rows of saga %.64q", id)
		}
		text, err := orchestrator.EncodeState(r.State)
		if err != nil {
			return c, fmt.Errorf("encode saga %.64q: %w", id, err)
		}
		state, err := orchestrator.DecodeState(text)
		if err != nil {
			return c, fmt.Errorf("decode saga %.64q: %w", id, err)
		}
		c.rows[id] = row{text, state}
		if !r.Due.IsZero() {
			c.due[id] = millisecond(r.Due)
		}
	}
	for _, r := range w.Deleted {
		c.deleted = append(c.deleted, r.State.ID)
	}
	return c, nil
}

// millisecond rounds up, so that no timer is early.
func millisecond(t time.Time) time.Time {
	floor := t.Truncate(time.Millisecond).UTC()
	if floor.Before(t) {
		return floor.Add(time.Millisecond)
	}
	return floor
}
