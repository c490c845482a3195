package orchestrator

import (
	"context"
	"errors"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
)

// flusher is the part of an owner that writes the view, and knows whether it is
// there. One write is under way at a time; rows of one saga that change
// meanwhile are merged.
type flusher struct {
	dirty      []*saga
	dirtyBytes int // bytes of payloads of dirty, as they were when they were marked
	deleted    []Row
	writing    bool      // a write is under way
	flushAt    time.Time // not before
	failing    time.Time // since when writes fail; zero if they do not
	wrote      time.Time
	askRowsAt  time.Time // not before: the view gave no answer
}

// viewTimeout bounds one write of the view.
const viewTimeout = 5 * time.Second

// idleFlush is how often a position that moves alone is written.
const idleFlush = time.Second

func (o *owner) markDirty(sg *saga) {
	if sg.dirty {
		return
	}
	if len(o.dirty) == 0 && !o.writing && o.failing.IsZero() {
		o.flushAt = time.Now().Add(o.cfg.FlushEvery)
	}
	sg.dirty, sg.dirtyBytes = true, payloads(&sg.state)
	o.dirty = append(o.dirty, sg)
	o.dirtyBytes += sg.dirtyBytes
}

// crowded reports whether so much waits to be written that nothing is to be
// read for now.
func (o *owner) crowded() bool { return len(o.dirty) >= maxDirty || o.dirtyBytes >= maxDirtyBytes }

// payloads is how many bytes of payloads the row of s has. A row has at most some
// hundred times protocol.MaxPayload of them, and most have hardly any.
func payloads(s *instance.State) int {
	n := len(s.Input)
	for i := range s.Steps {
		n += len(s.Steps[i].Do.Output)
	}
	for i := range s.Signals {
		n += len(s.Signals[i].Body)
	}
	return n
}

// safe is the highest sequence up to which nothing has to be read again.
func (o *owner) safe() uint64 {
	if _, at, ok := o.holds.first(); ok {
		return min(uint64(at)-1, o.read)
	}
	return o.read
}

func (o *owner) flushIfDue() {
	if o.writing {
		return
	}
	now := time.Now()
	switch {
	case len(o.dirty) == 0 && len(o.deleted) == 0:
		if o.safe() == o.position.To || now.Sub(o.wrote) < idleFlush || now.Before(o.flushAt) {
			return
		}
	case now.Before(o.flushAt) && (len(o.dirty) < writeChunk && o.dirtyBytes < writeBytes || !o.failing.IsZero()):
		return
	}
	w, batch := o.gather()
	o.writing, o.wrote = true, now
	go func() {
		// Not o.ctx: a write that is cut off half-way is only in doubt.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), viewTimeout)
		defer cancel()
		err := o.view.Write(ctx, w)
		if err == nil {
			o.announce(w)
		}
		o.inbox.put(func() { o.written(w, batch, err) })
	}()
}

// Where many rows change, each waits longer, up to paceMost times FlushEvery:
// then one write holds several changes of a saga, and most sagas of a second
// cost Redis one row or two and not five. What lists show is a quarter of a
// second old then.
const (
	paceRows = 128
	paceMost = 12
)

// pace is how long to wait after a write of so many rows.
func (o *owner) pace(rows int) time.Duration {
	return o.cfg.FlushEvery * time.Duration(min(1+rows/paceRows, paceMost))
}

// gather takes the next write, which Redis is busy with for as long as it has
// bytes, and takes whole or not at all. The position moves only with the last
// of the rows that wait: a row may be newer than it, never older. No row goes
// before one that is to be deleted: it may be of the same id.
func (o *owner) gather() (Write, []*saga) {
	w := Write{Generation: o.generation, Position: o.position}
	gone := fits(len(o.deleted), func(i int) *instance.State { return &o.deleted[i].State })
	w.Deleted, o.deleted = o.deleted[:gone:gone], o.deleted[gone:]
	n := 0
	if len(o.deleted) == 0 {
		n = fits(len(o.dirty), func(i int) *instance.State { return &o.dirty[i].state })
	}
	batch := o.dirty[:n:n]
	o.dirty = o.dirty[n:]
	w.Position.Revision++
	if len(o.dirty) == 0 && len(o.deleted) == 0 {
		w.Position.To = max(o.position.To, o.safe())
	}
	if o.seen.Sequence > 0 {
		w.Position.Stamp = o.seen
	}
	w.Rows = make([]Row, n)
	for i, sg := range batch {
		sg.dirty = false
		o.dirtyBytes -= sg.dirtyBytes
		row := Row{State: sg.state, Was: sg.written}
		if t, ok := sg.state.NextTimer(); ok {
			row.Due = t.Due
		}
		w.Rows[i] = row
	}
	return w, batch
}

// fits is how many of n rows go in one write.
func fits(n int, row func(int) *instance.State) (count int) {
	for bytes := 0; count < min(n, writeChunk) && bytes < writeBytes; count++ {
		bytes += payloads(row(count))
	}
	return count
}

// written takes the outcome of a write.
func (o *owner) written(w Write, batch []*saga, err error) {
	o.writing = false
	switch {
	case err == nil:
		o.failing = time.Time{}
		o.position = w.Position
		o.flushAt = time.Now().Add(o.pace(len(w.Rows)))
		for i, sg := range batch {
			if !o.evict(sg) {
				state := w.Rows[i].State
				sg.written = &state
			}
		}
		o.stats.wrote(o.p, w, len(o.sagas), o.flights)
	case errors.Is(err, ErrNotFollowing):
		o.fail(errForget)
	default:
		now := time.Now()
		if o.failing.IsZero() {
			o.failing = now
			o.alarm(nil, "the view cannot be written; the journal goes on", "error", err)
		}
		if now.Sub(o.failing) > o.cfg.ViewPatience {
			o.fail(errViewAway)
			return
		}
		o.flushAt = now.Add(200 * time.Millisecond)
		o.deleted = append(w.Deleted, o.deleted...)
		for _, sg := range batch {
			if o.sagas[sg.id()] == sg { // else it was purged, or another run is in its place
				o.markDirty(sg)
			}
		}
	}
}

// evict forgets a saga that is over, once its row is written, and reports
// whether it did: whatever comes for it later finds the row.
func (o *owner) evict(sg *saga) bool {
	if !sg.over() || sg.dirty || o.sagas[sg.id()] != sg {
		return false
	}
	delete(o.sagas, sg.id())
	return true
}

// flushAtEnd writes what is known when the owner stops of its own accord, so
// that the next one has little to read.
func (o *owner) flushAtEnd() {
	if o.writing || !o.failing.IsZero() || len(o.dirty) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), viewTimeout)
	defer cancel()
	w, _ := o.gather()
	if err := o.view.Write(ctx, w); err != nil {
		o.log.Info("the last write of the view failed; the next owner reads more", "error", err)
		return
	}
	o.announce(w)
}

// pendingTimer is the input that a timer is.
func pendingTimer(t instance.Timer) Pending {
	return Pending{Input: instance.TimerFired{Attempt: t.Attempt}}
}
