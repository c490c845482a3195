package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/telemetry/spans"
	"github.com/amends-io/amends/participants/protocol"
)

// maxSagas bounds what is kept in memory. What is forgotten is read from the journal
// when something happens to it again.
const maxSagas = 100_000

// A watcher follows the sagas of the partitions that this process drives. All
// its fields belong to the goroutine of run.
type watcher struct {
	*Telemetry
	parts map[int]orchestrator.Partition
	sagas map[sagaKey]*watched
}

type sagaKey struct {
	p  int
	id string
}

type watched struct {
	spans.Saga
	run     uint64
	sampled bool // of that run
}

func newWatcher(t *Telemetry) *watcher {
	return &watcher{t, map[int]orchestrator.Partition{}, map[sagaKey]*watched{}}
}

func (w *watcher) run() {
	for {
		select {
		case i := <-w.queue:
			w.take(i)
		case <-w.ctx.Done():
			return
		}
	}
}

func (w *watcher) take(i item) {
	switch i.kind {
	case began:
		w.begin(i.p, i.part)
	case stored:
		w.message(i.p, i.message, i.events, true)
	case read:
		w.message(i.p, i.message, nil, false)
	case flush:
		close(i.done)
	}
}

// begin forgets what was known of a partition when it was driven before:
// somebody else may have driven it since.
func (w *watcher) begin(p int, part orchestrator.Partition) {
	w.parts[p] = part
	for key := range w.sagas {
		if key.p == p {
			delete(w.sagas, key)
		}
	}
}

// message takes a message; mine is a decision of this process, with its events.
func (w *watcher) message(p int, m orchestrator.Message, events []instance.Event, mine bool) {
	key := sagaKey{p, m.Address.ID}
	sg := w.sagas[key]
	if sg == nil {
		switch m.Address.Kind {
		case protocol.KindStart:
			sg = w.remember(key)
		case protocol.KindLink:
			w.load(key, m, mine)
			return
		default:
			return // the link that reads it will tell
		}
	}
	facts, err := sg.Add(m, events)
	if errors.Is(err, spans.ErrGap) {
		w.load(key, m, mine)
		return
	}
	w.report(key, sg, facts, mine)
}

func (w *watcher) remember(key sagaKey) *watched {
	if len(w.sagas) >= maxSagas {
		for other := range w.sagas {
			delete(w.sagas, other)
			break
		}
	}
	sg := &watched{}
	w.sagas[key] = sg
	return sg
}

// report tells what has happened to a saga.
func (w *watcher) report(key sagaKey, sg *watched, facts []spans.Fact, mine bool) {
	if sg.run != sg.Run {
		sg.run, sg.sampled = sg.Run, w.tracer != nil && w.sampled(sg.Key)
	}
	for _, f := range facts {
		if sg.sampled {
			for _, s := range sg.Of(w.subjects, f) {
				emit(w.tracer, s)
			}
		}
		if mine {
			w.meter.fact(sg, f)
		}
		if _, over := f.(spans.Ended); over {
			delete(w.sagas, key)
		}
	}
}

// How often a replica that lacks the newest message is asked again, and how
// long all of that may take.
const (
	loadTries   = 20
	loadWait    = 10 * time.Millisecond
	loadTimeout = 2 * time.Second
)

// load takes from the journal what happened to a saga up to a message of it,
// and tells all of it: the process that saw the rest may have been killed
// before that was exported. Only the message itself is counted.
func (w *watcher) load(key sagaKey, m orchestrator.Message, mine bool) {
	delete(w.sagas, key)
	part := w.parts[key.p]
	if part == nil {
		return
	}
	history, err := w.history(part, key.id, m.Sequence)
	if err != nil {
		w.dropped.Add(1)
		w.log.Debug("the spans of a saga are missing", "saga", key.id, "error", err)
		return
	}
	sg := w.remember(key)
	for _, h := range history {
		if h.Sequence > m.Sequence && h.Address.Kind != protocol.KindReply {
			break // it comes by itself; a reply may have come before m
		}
		facts, err := sg.Add(h, nil)
		if err != nil {
			delete(w.sagas, key)
			w.dropped.Add(1)
			return
		}
		w.report(key, sg, facts, mine && h.Sequence == m.Sequence)
	}
}

func (w *watcher) history(part orchestrator.Partition, id string, atLeast uint64) ([]orchestrator.Message, error) {
	ctx, cancel := context.WithTimeout(w.ctx, loadTimeout)
	defer cancel()
	for range loadTries {
		history, err := part.History(ctx, id, 0)
		if n := len(history); err != nil || n > 0 && history[n-1].Sequence >= atLeast {
			return history, err
		}
		select {
		case <-time.After(loadWait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, orchestrator.ErrNotFound
}
