package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Decision is what an orchestrator decided when it read a signal or a request.
type Decision struct {
	Input    string // id of the input
	Asked    uint64 // its sequence
	Repeated bool   // it was stored before

	Link   uint64 // sequence of the decision
	Time   time.Time
	Events []instance.Event

	Refused string // why it could not be done, or empty
	TooLate bool   // of a cancel: recorded, and obeyed only if the pivot is refused
}

// Obeyed reports whether what was asked for happens.
func (d Decision) Obeyed() bool { return d.Link != 0 && d.Refused == "" && !d.TooLate }

// An expectation waits for a decision about one saga.
type expectation struct {
	Saga
	run    uint64          // of the saga, as it is now
	status instance.Status // how it had ended, or empty
	parked string          // why nobody can decide at the moment
	failed error
}

// expect looks at the saga's last link.
func (s Saga) expect(ctx context.Context) (*expectation, error) {
	e := &expectation{Saga: s}
	last, err := e.last(ctx)
	if err != nil {
		return nil, fmt.Errorf("saga %s: %w", e.id, err)
	}
	if e.run = last.Sequence; last.Address.Kind != protocol.KindStart {
		if e.run, err = strconv.ParseUint(last.Header.Get(protocol.HeaderRun), 10, 64); err != nil {
			return nil, fmt.Errorf("saga %s: link %d: header %s: %w", e.id, last.Sequence, protocol.HeaderRun, err)
		}
	}
	if e.Saga.run != 0 && e.run != e.Saga.run {
		return nil, fmt.Errorf("saga %s: its history has left the journal, and the id runs again: %w", e.id, ErrNotFound)
	}
	e.status, _, _ = ending(last.Header)
	e.park(last.Header)
	return e, nil
}

func (e *expectation) over() bool { return e.status != "" }

func (e *expectation) last(ctx context.Context) (orchestrator.Message, error) {
	return e.c.look(ctx, e.partition, leader.Lookup{LastBySubject: e.c.subjects.Chain(e.partition, e.id)})
}

// park notes whether the saga waits for somebody who can decide.
func (e *expectation) park(h protocol.Header) {
	e.parked = ""
	events, err := orchestrator.DecodeEvents(h.Get(protocol.HeaderEvents))
	if err != nil {
		return // a start has none
	}
	for _, ev := range events {
		if ev, ok := ev.(instance.Parked); ok {
			e.parked = ev.Reason
		}
	}
}

// firstLook is when a decision is looked for again: the journal announces none
// that sends a command. An idle orchestrator takes about as long.
const firstLook = 2 * time.Millisecond

// decision returns the decision that read the input with that sequence. Links
// are looked at one by one, in the journal, and less and less often.
func (e *expectation) decision(ctx context.Context, input uint64) (Decision, error) {
	wait := firstLook
	for next := input + 1; ; {
		m, err := e.c.look(ctx, e.partition, leader.Lookup{Sequence: next, NextBySubject: e.c.subjects.Chain(e.partition, e.id)})
		switch {
		case err == nil:
			if d, done, err := e.judge(m, input); done {
				return d, err
			}
			next, wait = m.Sequence+1, firstLook
			continue
		case errors.Is(err, ErrNotFound) && next == input+1:
			if err := e.endedBefore(ctx, input); err != nil {
				return Decision{}, err
			}
		}
		if !errors.Is(err, ErrNotFound) {
			e.failed = err
		}
		if wait = min(wait, e.c.every); !pause.For(ctx, wait) {
			return Decision{}, e.undecided(ctx)
		}
		wait *= 2
		if e.c.nc.IsClosed() {
			return Decision{}, nats.ErrConnectionClosed
		}
	}
}

// endedBefore fails if the saga was over before its input was stored.
func (e *expectation) endedBefore(ctx context.Context, input uint64) error {
	last, err := e.last(ctx)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("saga %s: its history has left the journal: %w", e.id, ErrNotFound)
	}
	if err != nil {
		e.failed = err
		return nil
	}
	if status, _, ok := ending(last.Header); ok && last.Sequence < input {
		return &OverError{e.id, status}
	}
	return nil
}

// judge looks at a link behind the input: whether it is the decision, or shows
// that there will be none.
func (e *expectation) judge(m orchestrator.Message, input uint64) (d Decision, done bool, err error) {
	if m.Address.Kind == protocol.KindStart {
		return d, false, nil // it is refused by name, or is of a run to come
	}
	events, err := orchestrator.DecodeEvents(m.Header.Get(protocol.HeaderEvents))
	if err != nil {
		return d, true, fmt.Errorf("saga %s: link %d cannot be read: %w", e.id, m.Sequence, err)
	}
	read, err := strconv.ParseUint(m.Header.Get(protocol.HeaderRead), 10, 64)
	if err != nil {
		return d, true, fmt.Errorf("saga %s: link %d: header %s: %w", e.id, m.Sequence, protocol.HeaderRead, err)
	}
	d = Decision{Link: m.Sequence, Time: m.Time, Events: events}
	for _, ev := range events {
		if d.names(ev, input) {
			return d, true, nil
		}
	}
	if status, _, ok := ending(m.Header); ok {
		return Decision{}, true, &OverError{e.id, status}
	}
	if read >= input {
		return Decision{}, true, fmt.Errorf("%w; 'amends inputs --rejected' says why", ErrRejected)
	}
	e.park(m.Header)
	return Decision{}, false, nil
}

// names reports whether ev was caused by the input, and notes how it went.
func (d *Decision) names(ev instance.Event, input uint64) bool {
	switch ev := ev.(type) {
	case instance.ControlRefused:
		if ev.Input == input {
			d.Refused = ev.Reason
		}
		return ev.Input == input
	case instance.CancelRequested:
		if ev.Input == input {
			d.TooLate = ev.TooLate
		}
		return ev.Input == input
	case instance.Suspended:
		return ev.Input == input
	case instance.Resumed:
		return ev.Input == input
	case instance.RetryRequested:
		return ev.Input == input
	case instance.ResolveRequested:
		return ev.Input == input
	case instance.Resolved:
		return ev.Input == input
	case instance.SignalReceived:
		return ev.Input == input
	}
	return false
}

// undecided says that the input is stored, and what it waits for.
func (e *expectation) undecided(ctx context.Context) error {
	what := fmt.Sprintf("the request to saga %s is stored, and nobody has decided it yet", e.id)
	if e.parked != "" {
		what += "; the saga is parked: " + e.parked
	}
	if e.failed != nil && !errors.Is(e.failed, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w; the last look failed: %w", what, context.Cause(ctx), e.failed)
	}
	return fmt.Errorf("%s: %w", what, context.Cause(ctx))
}
