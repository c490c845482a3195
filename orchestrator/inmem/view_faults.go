package inmem

import (
	"context"
	"sync"
	"time"
)

// A hold makes writes wait.
type hold struct {
	open    chan struct{}
	waiting int
}

// Fail makes every call return err and change nothing, until Fail(nil).
func (v *View) Fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.away = err
}

// Doubt makes every write that takes effect return err all the same, as when
// its answer is lost, until Doubt(nil).
func (v *View) Doubt(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.doubt = err
}

// Flush loses everything, as FLUSHALL does.
func (v *View) Flush() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.partitions)
}

// LoseTimers loses the timers of partition p, and nothing else.
func (v *View) LoseTimers(p int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s, ok := v.partitions[p]; ok && s.timers != nil {
		s.timers = map[string]time.Time{}
	}
}

// LoseRow loses the row of one saga, and leaves its timer.
func (v *View) LoseRow(p int, id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s, ok := v.partitions[p]; ok {
		delete(s.rows, id)
	}
}

// A Snapshot is what a view held at some time.
type Snapshot struct{ partitions map[int]*stored }

// Snapshot returns what v holds, as a replica that hears nothing more has it.
func (v *View) Snapshot() Snapshot {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Snapshot{cloneAll(v.partitions)}
}

// Restore makes v hold what it held then, as a failover to a stale replica does.
func (v *View) Restore(s Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.partitions = cloneAll(s.partitions)
}

func cloneAll(from map[int]*stored) map[int]*stored {
	to := make(map[int]*stored, len(from))
	for p, s := range from {
		to[p] = s.clone()
	}
	return to
}

// HoldWrites makes writes of partition p wait, before they are looked at, until
// release is called or their context is over. It may be called again only
// after release, which may be called twice.
func (v *View) HoldWrites(p int) (release func()) {
	h := &hold{open: make(chan struct{})}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.holds[p] != nil {
		panic("inmem: writes of this partition are held already")
	}
	v.holds[p] = h
	return sync.OnceFunc(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.holds, p)
		close(h.open)
	})
}

// Held returns how many writes of partition p wait.
func (v *View) Held(p int) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if h := v.holds[p]; h != nil {
		return h.waiting
	}
	return 0
}

// wait returns when the writes of p are not held.
func (v *View) wait(ctx context.Context, p int) error {
	v.mu.Lock()
	h := v.holds[p]
	if h == nil {
		v.mu.Unlock()
		return nil
	}
	h.waiting++
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		h.waiting--
	}()
	select {
	case <-h.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
