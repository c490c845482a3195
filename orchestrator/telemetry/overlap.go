package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/amends-io/amends/orchestrator"
)

// Bounds of what is read again at a takeover.
const (
	overlapStep    = 1024
	maxOverlap     = 262_144 // messages
	overlapTimeout = 30 * time.Second
)

var errEnough = errors.New("read up to where the owner reads")

// overlap reads what was stored shortly before from, where the owner begins to
// read: the spans of it may have been lost with the process that saw it. Those
// that were not are made again, with the same ids.
func (t *Telemetry) overlap(p int, part orchestrator.Partition, from uint64) {
	ctx, cancel := context.WithTimeout(t.ctx, overlapTimeout)
	defer cancel()
	cutoff := time.Now().Add(-recent)
	first := from
	for step := uint64(overlapStep); first > 1 && from-first < maxOverlap; step *= 2 {
		first -= min(step, first-1)
		m, err := part.Get(ctx, first)
		if err == nil && m.Time.Before(cutoff) {
			break
		}
		if err != nil && !errors.Is(err, orchestrator.ErrNotFound) { // a purged one says nothing
			return
		}
	}
	if first >= from {
		return
	}
	_ = part.Read(ctx, first, func(m orchestrator.Message) error { // 'amends traces export' makes up for what it lacks
		if m.Sequence < from && m.Time.After(cutoff) {
			t.again(ctx, p, m)
		}
		if m.Sequence+1 >= from {
			return errEnough
		}
		return nil
	})
}

// again hands on a message that is not urgent.
func (t *Telemetry) again(ctx context.Context, p int, m orchestrator.Message) {
	if !tells(m) {
		return
	}
	m.Body = nil
	select {
	case t.queue <- item{kind: read, p: p, message: m}:
	case <-ctx.Done():
	}
}
