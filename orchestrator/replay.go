package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Replayed saga is what its history adds up to.
type Replayed struct {
	State   instance.State
	Pending []Pending // inputs that no link has read, in the journal's order
	Seen    uint64    // sequence of the last message of the history
}

// Pending is an input that waits for its decision.
type Pending struct {
	Sequence uint64
	Input    instance.Input
	Refusal  string // of a start: why the instance can never run
}

// ErrNoStart says that a history has no start: the id was never used, or its
// history has left.
var ErrNoStart = errors.New("the journal has no start of it")

// An UnreadableError says that a history has a link which this version cannot
// fold. The saga must be left alone by whoever gets it.
type UnreadableError struct {
	ID  string
	Err error
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("saga %s: its history cannot be read: %v", e.ID, e.Err)
}

func (e *UnreadableError) Unwrap() error { return e.Err }

// Replay folds the history of one saga, whose partition is one of count. It
// calls no definition. rejected, which may be nil, is told of every message
// that can be no input.
func Replay(history []Message, count int, rejected func(Message, error)) (Replayed, error) {
	var r Replayed
	bodies := map[uint64][]byte{}
	for _, m := range history {
		r.Seen = m.Sequence
		if err := r.add(m, count, bodies, rejected); err != nil {
			return r, err
		}
	}
	if r.State.Run == 0 {
		return r, ErrNoStart
	}
	r.prune()
	return r, nil
}

func (r *Replayed) add(m Message, count int, bodies map[uint64][]byte, rejected func(Message, error)) error {
	switch kind := m.Address.Kind; {
	case kind == protocol.KindStart:
		r.addStart(m, count)
	case kind == protocol.KindLink:
		return r.addLink(m, bodies)
	case kind.Input():
		in, err := readInput(m)
		if err != nil {
			if rejected != nil {
				rejected(m, err)
			}
			return nil
		}
		bodies[m.Sequence] = m.Body
		r.Pending = append(r.Pending, Pending{Sequence: m.Sequence, Input: in})
	}
	return nil
}

func (r *Replayed) addStart(m Message, count int) {
	if r.State.Run != 0 && !Genuine(m) {
		r.State = instance.Repeat(r.State, m.Sequence, m.Time.UTC())
		return
	}
	state, pending := begin(m, count)
	r.State, r.Pending = state, append(r.Pending, pending) // a reply to an earlier run stays pending: the core drops it
}

// begin returns the state of the saga that m starts, and the input to decide.
func begin(m Message, count int) (instance.State, Pending) {
	request, err := readStart(m)
	pending := Pending{Sequence: m.Sequence, Input: instance.Start{Sequence: m.Sequence}}
	home := protocol.Partition(m.Address.ID, count)
	switch {
	case err != nil:
		pending.Refusal = "the start cannot be read: " + protocol.Text(err.Error(), protocol.MaxReason)
	case home != m.Address.Partition:
		pending.Refusal = fmt.Sprintf("the start is in partition %d, its id belongs to %d", m.Address.Partition, home)
	case !Genuine(m):
		pending.Refusal = "the start was published without the condition that its chain is empty"
	}
	return instance.Begin(request), pending
}

func (r *Replayed) addLink(m Message, bodies map[uint64][]byte) error {
	fail := func(err error) error { return &UnreadableError{m.Address.ID, err} }
	if r.State.Run == 0 {
		return fail(fmt.Errorf("link %d comes before every start", m.Sequence))
	}
	if !follows(m, r.State.Last) {
		return fail(fmt.Errorf("link %d does not follow link %d", m.Sequence, r.State.Last))
	}
	link, err := readLink(m)
	if err != nil {
		return fail(err)
	}
	if !complete(link.Events, func(seq uint64) ([]byte, bool) { b, ok := bodies[seq]; return b, ok }) {
		return fail(fmt.Errorf("link %d refers to a reply that the history lacks", m.Sequence))
	}
	r.State = instance.Fold(r.State, link)
	return nil
}

// prune drops the inputs that links have read.
func (r *Replayed) prune() {
	kept := r.Pending[:0]
	for _, p := range r.Pending {
		if p.Sequence > r.State.Read {
			kept = append(kept, p)
		}
	}
	r.Pending = kept
}

// complete puts the bodies into events that refer to them by sequence.
func complete(events []instance.Event, body func(sequence uint64) ([]byte, bool)) bool {
	for i, ev := range events {
		ok := true
		switch ev := ev.(type) {
		case instance.ActionDone:
			ev.Output, ok = body(ev.Reply)
			events[i] = ev
		case instance.SignalReceived:
			ev.Body, ok = body(ev.Input)
			events[i] = ev
		case instance.ResolveRequested:
			if ev.Direction == protocol.Do && ev.As == protocol.Done {
				ev.Output, ok = body(ev.Input)
				events[i] = ev
			}
		case instance.Resolved:
			if ev.Direction == protocol.Do && ev.As == protocol.Done {
				ev.Output, ok = body(ev.Input)
				events[i] = ev
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// Load replays one saga from the journal. The answer contains the message with
// sequence atLeast, unless that has left: a replica that lacks it is asked
// again until ctx is over.
func Load(ctx context.Context, part Historian, id string, atLeast uint64, count int, rejected func(Message, error)) (Replayed, error) {
	for {
		history, err := part.History(ctx, id, 0)
		if err != nil {
			return Replayed{}, fmt.Errorf("history of %s: %w", id, err)
		}
		if n := len(history); atLeast == 0 || n > 0 && history[n-1].Sequence >= atLeast {
			return Replay(history, count, rejected)
		}
		switch _, err := part.Get(ctx, atLeast); {
		case errors.Is(err, ErrNotFound):
			return Replay(history, count, rejected)
		case err != nil:
			return Replayed{}, fmt.Errorf("history of %s: no replica has message %d: %w", id, atLeast, err)
		}
		pause.For(ctx, replicaLag)
	}
}

// replicaLag is how long to wait before a replica that lags is asked again.
const replicaLag = 5 * time.Millisecond
