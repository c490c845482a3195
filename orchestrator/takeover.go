package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amends-io/amends/internal/pause"
)

// takeOver makes the view ours and returns the sequence from which the journal
// has to be read. Starting, taking over, a view that fell behind and a full
// rebuild are this one procedure; they differ in the position alone.
func (o *owner) takeOver(ctx context.Context) (from uint64, err error) {
	position, err := o.view.Exchange(ctx, o.generation)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errViewAway, err)
	}
	tail, err := o.part.Tail(ctx)
	if err != nil {
		return 0, fmt.Errorf("end of partition %d: %w", o.p, err)
	}
	trusted, err := o.verify(ctx, position.Stamp)
	if err != nil {
		return 0, err
	}
	reach, err := o.recordsReach(ctx, position.To)
	if err != nil {
		return 0, err
	}
	trusted = trusted && (reach || position.To == 0)
	if !trusted {
		o.log.Warn("the view is older than what the journal still tells; it is rebuilt from empty", "position", position.To)
		if err := o.view.Forget(ctx); err != nil {
			return 0, fmt.Errorf("%w: %w", errViewAway, err)
		}
		if position, err = o.view.Exchange(ctx, o.generation); err != nil {
			return 0, fmt.Errorf("%w: %w", errViewAway, err)
		}
	}
	o.position = position
	o.resume(position, tail.Created)
	if position.To > 0 {
		if err := o.recall(ctx); err != nil {
			return 0, fmt.Errorf("%w: %w", errViewAway, err)
		}
	}
	o.stats.begin(o.p, position.To, tail.Last, &o.shown)
	o.log.Info("taking the partition over", "position", position.To, "end", tail.Last, "generation", o.generation)
	return position.To + 1, nil
}

// recall takes from the view what no message to come would tell: the timers,
// and the sagas that were parked, which this process may be able to decide.
func (o *owner) recall(ctx context.Context) error {
	err := o.view.Timers(ctx, func(id string, due time.Time) { o.timers.set(id, due.UnixMilli()) })
	if err != nil {
		return err
	}
	q := Query{Parked: true, Limit: MaxLimit}
	for {
		page, err := o.view.List(ctx, q)
		if err != nil {
			return err
		}
		for _, row := range page.Sagas {
			if sg := o.lookup(row.ID, row.Last); sg != nil {
				o.touch(sg, row.Read+1)
			}
		}
		if page.Next == nil {
			return nil
		}
		q.After = *page.Next
	}
}

// verify reports whether the journal still has what stamp names; see verifyStamp.
func (o *owner) verify(ctx context.Context, stamp Stamp) (trusted bool, err error) {
	return verifyStamp(ctx, o.p, o.part, stamp)
}

// verifyUntilReachable verifies what a reader has seen, as soon as the journal
// answers.
func (o *owner) verifyUntilReachable(ctx context.Context, seen Stamp) error {
	for try := 1; ; try++ {
		_, err := o.verify(ctx, seen)
		var lost *LostError
		if err == nil || errors.As(err, &lost) {
			return err
		}
		pause.For(ctx, retryWait(try))
		if ctx.Err() != nil {
			return nil
		}
	}
}

// recordsReach reports whether the records of purged histories reach back to
// position: a view that is older than the oldest one kept may have rows whose
// histories are gone.
func (o *owner) recordsReach(ctx context.Context, position uint64) (bool, error) {
	records, err := o.part.Purges(ctx)
	if err != nil {
		return false, fmt.Errorf("purge records of partition %d: %w", o.p, err)
	}
	if len(records) == 0 {
		return true, nil
	}
	oldest, errOldest := readPurgeRecord(records[0])
	newest, errNewest := readPurgeRecord(records[len(records)-1])
	if errOldest != nil || errNewest != nil {
		return false, nil
	}
	o.records = newest.Number
	return oldest.Number == 1 || records[0].Sequence <= position, nil
}

// goLive begins to decide. Every saga that was touched is asked until it is at
// rest, whether or not it has an input: a crash may have come between two
// links.
func (o *owner) goLive() {
	o.live = true
	o.stats.caughtUp(o.p)
	o.log.Info("caught up", "position", o.position.To, "read", o.read, "sagas", len(o.sagas))
	for _, sg := range o.sagas {
		o.asking = append(o.asking, sg)
	}
	o.ask()
}

// ask gives a turn to sagas that were touched while catching up, as many as
// there may be appends under way.
func (o *owner) ask() {
	for len(o.asking) > 0 && o.flights < maxFlights {
		sg := o.asking[len(o.asking)-1]
		o.asking = o.asking[:len(o.asking)-1]
		if o.sagas[sg.id()] == sg {
			o.turn(sg)
		}
	}
}

// fireTimers hands sagas the timers that are due.
func (o *owner) fireTimers(now time.Time) {
	for range maxTimers {
		id, at, ok := o.timers.first()
		if !ok || at > now.UnixMilli() || o.flights >= maxFlights {
			return
		}
		o.timers.remove(id)
		sg := o.lookup(id, 0)
		if sg == nil || sg.loading || sg.blocked || sg.frozen != nil {
			continue
		}
		t, ok := sg.state.NextTimer()
		if !ok {
			o.settle(sg)
			continue
		}
		if t.Due.After(now) {
			o.timers.set(id, t.Due.UnixMilli())
			continue
		}
		o.stats.timers.Add(1)
		// Its link comes after all that was read, so the position must not
		// pass what was read until the saga is at rest again.
		o.touch(sg, o.read+1)
		sg.queue = append(sg.queue, pendingTimer(t))
		o.turn(sg)
	}
}
