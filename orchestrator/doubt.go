package orchestrator

import (
	"context"
	"errors"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// readTimeout bounds a read of the journal that the owner waits for.
const readTimeout = 2 * time.Second

// retryWait is how long to wait before a try after so many.
func retryWait(tries int) time.Duration {
	return min(50*time.Millisecond<<min(tries, 6), 2*time.Second)
}

// doubt finds out what became of an append that was not acknowledged: the
// saga's last link says so, and only it.
func (o *owner) doubt(f *flight, reason error) {
	sg := f.saga
	f.sent = time.Time{} // no try is under way: it is looked after from here
	o.stats.doubts.Add(1)
	ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
	last, err := o.part.Last(ctx, sg.id())
	cancel()
	switch {
	case errors.Is(err, ErrNotFound): // its history has left: somebody else purged it
		o.lost(f, f.draft.Expect)
	case err != nil:
		o.log.WarnContext(o.about(sg), "an append is in doubt, and the journal does not say yet", "saga", sg.id(), "reason", reason, "error", err)
		o.after(retryWait(f.tries), func() {
			if sg.flight == f {
				f.tries++
				o.doubt(f, reason)
			}
		})
	case f.is(last):
		o.stored(f, last.Sequence)
	case last.Sequence == f.draft.Expect:
		o.after(retryWait(f.tries), func() { // the same bytes under the same condition: one of them can be stored
			if sg.flight == f {
				o.publish(f)
			}
		})
	default:
		o.lost(f, last.Sequence)
	}
}

// lost gives an append up that lost to what somebody else did, at sequence.
func (o *owner) lost(f *flight, sequence uint64) {
	o.stats.conflicts.Add(1)
	o.reload(f.saga, sequence)
	o.turn(f.saga)
}

// ackPatience is how long acknowledgements may take that were under way when
// reading was interrupted.
const ackPatience = time.Second

// askAfter finds out, in a while, what became of the appends that were sent
// before and are still not acknowledged: a stream that changed its leader lost
// what the old one was about to answer, and to wait for the publisher's
// time-out would hold those sagas up.
func (o *owner) askAfter(before time.Time) {
	o.after(ackPatience, func() {
		began := time.Now()
		for _, sg := range o.sagas {
			f := sg.flight
			if f == nil || f.sent.IsZero() || !f.sent.Before(before) {
				continue
			}
			if time.Since(began) > readTimeout {
				return // the journal is slow again; those time out
			}
			f.tries++ // what the try before is told does not count any more
			o.doubt(f, errNotAcknowledged)
		}
	})
}

var errNotAcknowledged = errors.New("no acknowledgement came over an interruption")

// knows reports whether sg's state has every link up to sequence. Of what comes
// after the last one it asks the journal: not the leader for the last link, as
// one that was deposed would still answer, but any replica for all that follows.
// Its answer counts if it has the message itself. What it has beyond, a flood of
// replies to attempts that never were, costs no second question.
func (o *owner) knows(sg *saga, sequence uint64) bool {
	known := max(sg.sure, sg.state.Last)
	if sg.proven { // else the position may have passed a link that its row lacks
		known = max(known, o.whole)
	}
	if sequence <= known {
		return true
	}
	ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
	defer cancel()
	since, err := o.part.History(ctx, sg.id(), known+1)
	if n := len(since); err != nil || n == 0 || since[n-1].Sequence < sequence {
		return false
	}
	for _, m := range since {
		if m.Address.Kind == protocol.KindLink {
			return false
		}
		sg.sure = m.Sequence
	}
	return true
}

// slowRead bounds a read of a history that nothing waits for but its saga.
const slowRead = time.Minute

// reload takes from the journal what a saga's state is, up to atLeast and
// beyond, with every input after the last one that a link has read: those that
// were dropped before are looked at again. It reports whether that is known
// now; if not, the saga is tried again later, or left alone.
func (o *owner) reload(sg *saga, atLeast uint64) bool {
	if sg.flight != nil {
		o.end(sg.flight)
	}
	ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
	defer cancel()
	atLeast = max(atLeast, sg.seen, sg.state.Last)
	replayed, err := Load(ctx, o.part, sg.id(), atLeast, o.defs.partitions, nil)
	return o.loaded(sg, atLeast, replayed, err)
}

// loaded takes what a read of a saga's history came to.
func (o *owner) loaded(sg *saga, atLeast uint64, replayed Replayed, err error) bool {
	var unreadable *UnreadableError
	switch {
	case err == nil:
		o.stats.reloads.Add(1)
		if o.live && replayed.State.Run == sg.state.Run && replayed.State.Last > sg.state.Last {
			o.stats.rivals.Add(1)
		}
		sg.adopt(replayed)
		sg.sure = max(atLeast, replayed.Seen)
		o.changed(sg)
		return true
	case errors.As(err, &unreadable):
		sg.loading, sg.frozen = false, err
		o.alarm(sg, "a saga's history cannot be read; it is left alone", "saga", sg.id(), "error", err)
	case errors.Is(err, ErrNoStart): // its history has left, or it never was
		sg.frozen = err
		if sg.state.Run > 0 {
			o.deleted = append(o.deleted, Row{State: sg.state})
		}
		o.forget(sg)
	default:
		sg.loading = true
		o.log.WarnContext(o.about(sg), "a saga's history cannot be read now", "saga", sg.id(), "error", err)
		o.loadBeside(sg, atLeast)
	}
	return false
}

// loadBeside reads a saga's history again in a while, for as long as it takes: it
// may be large, and no other saga is to wait for it. Meanwhile nothing of the
// saga is decided or dropped, so what comes in stays queued.
func (o *owner) loadBeside(sg *saga, atLeast uint64) {
	id := sg.id()
	go func() {
		if !pause.For(o.ctx, retryWait(2)) {
			return
		}
		ctx, cancel := context.WithTimeout(o.ctx, slowRead)
		defer cancel()
		replayed, err := Load(ctx, o.part, id, atLeast, o.defs.partitions, nil)
		o.inbox.put(func() {
			if sg.loading && o.sagas[id] == sg {
				o.loaded(sg, atLeast, replayed, err)
				o.turn(sg)
			}
		})
	}()
}

// lookup returns the saga with that id: from memory, else from the view's row,
// else from the journal up to atLeast. It returns nil if there is no start.
func (o *owner) lookup(id string, atLeast uint64) *saga {
	if sg := o.sagas[id]; sg != nil {
		return sg
	}
	sg := &saga{state: instance.State{ID: id}}
	o.sagas[id] = sg
	// A parked saga has inputs before the position that no link has read, and one
	// that is absent its start, which a row does not have.
	if row, ok := o.row(id); ok && row.Parked == "" && row.Status != instance.Absent {
		sg.state, sg.written, sg.seen = row, &row, row.Read
		return sg
	}
	if !o.reload(sg, atLeast) && !sg.loading && errors.Is(sg.frozen, ErrNoStart) {
		return nil
	}
	return sg
}

// row asks the view. One that gave no answer is not asked for a while, as each
// question may take as long: the journal knows too.
func (o *owner) row(id string) (instance.State, bool) {
	if time.Now().Before(o.askRowsAt) {
		return instance.State{}, false
	}
	ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
	defer cancel()
	rows, err := o.view.States(ctx, []string{id})
	if err != nil {
		o.askRowsAt = time.Now().Add(viewTimeout)
		return instance.State{}, false
	}
	row, ok := rows[id]
	return row, ok
}

// get reads one message of the journal.
func (o *owner) get(sequence uint64) (Message, error) {
	ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
	defer cancel()
	return o.part.Get(ctx, sequence)
}

// after has f done by the owner's goroutine in a while.
func (o *owner) after(d time.Duration, f func()) {
	time.AfterFunc(d, func() { o.inbox.put(f) })
}

// later tries a saga again that could not go on. If the journal lacks what its
// command is made of, somebody else purged its history, or a part of it is lost.
func (o *owner) later(sg *saga, err error) {
	o.log.WarnContext(o.about(sg), "a saga cannot go on now", "saga", sg.id(), "error", err)
	sg.resting = false
	if errors.Is(err, ErrNotFound) {
		o.reload(sg, 0)
	}
	o.after(retryWait(2), func() { o.turn(sg) })
}
