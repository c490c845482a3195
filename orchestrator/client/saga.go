package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/sagas"
)

// A Saga is one run of an id, or, if it was made by Client.Saga, whichever run
// there is.
type Saga struct {
	c         *Client
	id        string
	partition int
	run       uint64 // 0: whichever there is
	existed   bool
	mark      mark // of when it was started by us
}

// Saga returns the saga with that id, which may or may not exist.
func (c *Client) Saga(ctx context.Context, id string) (Saga, error) {
	p, err := c.home(ctx, id)
	if err != nil {
		return Saga{}, err
	}
	return Saga{c: c, id: id, partition: p}, nil
}

// ID is the saga's id.
func (s Saga) ID() string { return s.id }

// Run is the sequence of the saga's start, or 0 if it was not looked at.
func (s Saga) Run() uint64 { return s.run }

// Existed reports whether Start found the saga instead of starting it.
func (s Saga) Existed() bool { return s.existed }

// A Handle is a saga whose data is an S.
type Handle[S any] struct {
	Saga
	definition sagas.Typed[S]
}

// Attach returns the handle of a saga that somebody else has started.
func Attach[S any](ctx context.Context, c *Client, definition sagas.Typed[S], id string) (Handle[S], error) {
	saga, err := c.Saga(ctx, id)
	return Handle[S]{saga, definition}, err
}

// An End is how a saga ended, or why it is stuck.
type End struct {
	ID     string
	Run    uint64
	Status instance.Status // completed, compensated or stuck
	Reason string          // why it turned back, or is stuck
	Last   uint64          // sequence of its last link
	// State is the whole saga, input and outputs included; the zero State if
	// the wait was StatusOnly.
	State instance.State
}

// An Outcome is an End with the saga's data: its input, and what the steps that
// took effect have put into it.
type Outcome[S any] struct {
	End
	Value S
}

// A WaitOption changes what Wait waits for.
type WaitOption func(*waiting)

type waiting struct {
	throughStuck, statusOnly bool
}

// ThroughStuck waits until the saga is over, however long a person takes.
func ThroughStuck() WaitOption { return func(w *waiting) { w.throughStuck = true } }

// StatusOnly does without the saga's data, and without the reason where that is
// not in the last link: nothing needs to be read once the end was announced.
func StatusOnly() WaitOption { return func(w *waiting) { w.statusOnly = true } }

// Wait returns when the saga is over or stuck, or with ctx's error.
func (h Handle[S]) Wait(ctx context.Context, options ...WaitOption) (Outcome[S], error) {
	end, err := h.Saga.Wait(ctx, options...)
	out := Outcome[S]{End: end}
	if err != nil || end.State.ID == "" {
		return out, err
	}
	out.Value, err = h.value(end.State)
	return out, err
}

// Value returns the saga's data as far as it is known.
func (h Handle[S]) Value(ctx context.Context) (S, error) {
	state, err := h.c.read(ctx, h.partition, h.id, 0)
	if err != nil {
		var zero S
		return zero, err
	}
	return h.value(state)
}

func (h Handle[S]) value(s instance.State) (S, error) {
	def := h.definition
	if s.Definition != def.Name || s.Version != def.Version || s.Fingerprint != "" && s.Fingerprint != def.Fingerprint() {
		var zero S
		return zero, fmt.Errorf("client: saga %s is of %s@%d with another structure than %s here", s.ID, s.Definition, s.Version, def)
	}
	value, err := def.Value(s.Known(def.Definition))
	if err != nil {
		return value, fmt.Errorf("client: data of saga %s: %w", s.ID, err)
	}
	return value, nil
}

// State returns the saga as the journal knows it now, payloads included.
func (s Saga) State(ctx context.Context) (instance.State, error) {
	ctx, cancel := bounded(ctx, 2*s.c.timeout)
	defer cancel()
	return s.c.read(ctx, s.partition, s.id, 0)
}

// read returns a saga with its payloads, as somebody sees it who knows the
// message with sequence atLeast: from an orchestrator if one answers, and from
// the journal if none does or the answer does not fit into a message.
func (c *Client) read(ctx context.Context, p int, id string, atLeast uint64) (instance.State, error) {
	var a orchestrator.GetAnswer
	err := c.ask(ctx, orchestrator.EndpointGet, orchestrator.GetRequest{ID: id, AtLeast: atLeast, Payloads: true}, &a)
	switch {
	case err == nil && !a.Omitted:
		return a.Saga, nil
	case errors.Is(err, ErrNotFound):
		return instance.State{}, fmt.Errorf("saga %s: %w", id, ErrNotFound)
	case ctx.Err() != nil:
		return instance.State{}, err
	}
	r, err := c.replay(ctx, p, id)
	return r.State, err
}

// deadline says what was waited for in vain.
func deadline(ctx context.Context, what string, last error) error {
	err := context.Cause(ctx)
	if last != nil && !errors.Is(last, context.DeadlineExceeded) && !errors.Is(last, context.Canceled) {
		return fmt.Errorf("client: %s: %w; the last look failed: %w", what, err, last)
	}
	return fmt.Errorf("client: %s: %w", what, err)
}

// jittered spreads waiters that began together.
func jittered(d time.Duration, random float64) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*random))
}
