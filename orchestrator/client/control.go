package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// By says who asks for something, and why. It is kept with the saga's history.
type By struct {
	Who, Why string
	// Input is the request's id: repeated with the same one, it is the same
	// request. Drawn if empty.
	Input string
}

// A StepRef names what a person decides about.
type StepRef struct {
	Step      string
	Direction protocol.Direction // do or undo
	Number    int                // the attempt that is meant; 0 for the latest
}

// A Resolution is what a person says became of a step.
type Resolution struct {
	StepRef
	As        protocol.Outcome // done or undone
	Output    []byte           // of a step that is done
	Unsettled bool             // without asking the participant: a command still queued there takes effect
}

// Cancel asks for the saga to be undone. Once the pivot was requested it is too
// late, unless the pivot is refused.
func (s Saga) Cancel(ctx context.Context, by By) (Decision, error) {
	return s.control(ctx, instance.Cancel, by, nil, nil)
}

// Suspend asks for no more commands to be sent.
func (s Saga) Suspend(ctx context.Context, by By) (Decision, error) {
	return s.control(ctx, instance.Suspend, by, nil, nil)
}

// Resume asks for commands to be sent again.
func (s Saga) Resume(ctx context.Context, by By) (Decision, error) {
	return s.control(ctx, instance.Resume, by, nil, nil)
}

// Retry asks for the next attempt at a step at once.
func (s Saga) Retry(ctx context.Context, by By, step StepRef) (Decision, error) {
	h, err := step.header()
	if err != nil {
		return Decision{}, fmt.Errorf("client: retry: %w", err)
	}
	return s.control(ctx, instance.Retry, by, h, nil)
}

// Resolve says what became of a step. Unless r is Unsettled, the participant is
// asked to settle on it, and the saga stays stuck until that has answered: the
// decision says that it was asked.
func (s Saga) Resolve(ctx context.Context, by By, r Resolution) (Decision, error) {
	h, err := r.header()
	if err == nil && r.As != protocol.Done && r.As != protocol.Undone {
		err = fmt.Errorf("%.32q is neither done nor undone", string(r.As))
	}
	if err == nil && len(r.Output) > protocol.MaxPayload {
		err = fmt.Errorf("the output has %d bytes, at most %d are allowed", len(r.Output), protocol.MaxPayload)
	}
	if err != nil {
		return Decision{}, fmt.Errorf("client: resolve: %w", err)
	}
	h.Set(protocol.HeaderAs, string(r.As))
	if r.Unsettled {
		h.Set(orchestrator.HeaderUnsettled, "true")
	}
	return s.control(ctx, instance.Resolve, by, h, r.Output)
}

func (r StepRef) header() (protocol.Header, error) {
	if err := protocol.CheckName("step", r.Step); err != nil {
		return nil, err
	}
	if !r.Direction.Valid() {
		return nil, fmt.Errorf("%.32q is neither do nor undo", string(r.Direction))
	}
	if r.Number < 0 {
		return nil, fmt.Errorf("attempt %d is negative", r.Number)
	}
	h := protocol.Header{}
	h.Set(protocol.HeaderStep, r.Step)
	h.Set(protocol.HeaderDirection, string(r.Direction))
	if r.Number > 0 {
		h.Set(protocol.HeaderAttempt, strconv.Itoa(r.Number))
	}
	return h, nil
}

// Signal sends a message to the saga, which keeps it until something waits for
// it. input makes a repeat recognisable; drawn if empty.
func (s Saga) Signal(ctx context.Context, name string, body []byte, input string) (Decision, error) {
	h := protocol.Header{}
	h.Set(protocol.HeaderName, name)
	h.Set(protocol.HeaderContentType, protocol.ContentTypeJSON)
	err := protocol.CheckName("signal", name)
	if err == nil && len(body) > 0 {
		err = protocol.CheckJSON(body)
	}
	if err != nil {
		return Decision{}, fmt.Errorf("client: signal: %w", err)
	}
	return s.send(ctx, message{kind: protocol.KindSignal, input: input, header: h, body: body, compare: []string{protocol.HeaderName}})
}

func (s Saga) control(ctx context.Context, verb instance.Verb, by By, h protocol.Header, body []byte) (Decision, error) {
	if h == nil {
		h = protocol.Header{}
	}
	who := protocol.Text(by.Who, orchestrator.MaxWho)
	if who == "" {
		return Decision{}, fmt.Errorf("client: %s: a request says who asks", verb)
	}
	h.Set(protocol.HeaderVerb, string(verb))
	h.Set(protocol.HeaderBy, who)
	if why := protocol.Text(by.Why, protocol.MaxReason); why != "" {
		h.Set(protocol.HeaderWhy, why)
	}
	return s.send(ctx, message{kind: protocol.KindControl, input: by.Input, header: h, body: body, compare: []string{
		protocol.HeaderVerb, protocol.HeaderStep, protocol.HeaderDirection, protocol.HeaderAttempt,
		protocol.HeaderAs, orchestrator.HeaderUnsettled, protocol.HeaderBy,
	}})
}

// A message is a signal or a control to be sent.
type message struct {
	kind    protocol.Kind // signal or control
	input   string
	header  protocol.Header
	body    []byte
	compare []string // headers by which another message is told apart
}

// send stores m once, and waits for the decision that read it.
func (s Saga) send(ctx context.Context, m message) (Decision, error) {
	if s.c == nil {
		return Decision{}, errors.New("client: this saga was not started")
	}
	if m.input == "" {
		m.input = uuid.NewString()
	}
	if err := protocol.CheckID(m.input); err != nil {
		return Decision{}, fmt.Errorf("client: of the input: %w", err)
	}
	ctx, cancel := bounded(ctx, 6*s.c.timeout)
	defer cancel()
	e, err := s.expect(ctx)
	if err != nil {
		return Decision{}, fmt.Errorf("client: %w", err)
	}
	stored, repeated, err := s.store(ctx, m, e)
	if err != nil {
		return Decision{Input: m.input}, fmt.Errorf("client: %w", err)
	}
	d, err := e.decision(ctx, stored)
	d.Input, d.Asked, d.Repeated = m.input, stored, repeated
	if err != nil {
		return d, fmt.Errorf("client: %w", err)
	}
	return d, nil
}

// store publishes m on condition that its subject is empty. One that is refused
// counts as stored if the message that refused it is of this run, and the same.
func (s Saga) store(ctx context.Context, m message, e *expectation) (sequence uint64, repeated bool, err error) {
	subject := s.c.subjects.Control(s.partition, s.id, m.input)
	if m.kind == protocol.KindSignal {
		subject = s.c.subjects.Signal(s.partition, s.id, m.input)
	}
	trace(ctx, m.header)
	m.header.Set(protocol.HeaderExpectedSequence, "0")
	m.header.Set(protocol.HeaderExpectedSubject, subject)
	err = orchestrator.ErrConflict
	for {
		if !e.over() {
			sequence, err = s.c.publish(ctx, &nats.Msg{Subject: subject, Header: nats.Header(m.header), Data: m.body})
		}
		switch {
		case err == nil:
			return sequence, false, nil
		case errors.Is(err, ErrInDoubt):
			return 0, false, &DoubtError{ID: s.id, Input: m.input, Err: err}
		case !errors.Is(err, orchestrator.ErrConflict):
			return 0, false, err
		}
		stored, err := s.c.look(ctx, s.partition, leader.Lookup{LastBySubject: subject})
		switch {
		case err == nil:
			return stored.Sequence, true, m.same(s.id, e.run, stored)
		case !errors.Is(err, ErrNotFound):
			return 0, false, fmt.Errorf("input %s exists, and cannot be read: %w", m.input, err)
		case e.over():
			return 0, false, &OverError{s.id, e.status}
		case !pause.For(ctx, s.c.timeout/100):
			return 0, false, &DoubtError{ID: s.id, Input: m.input, Err: ctx.Err()}
		}
	}
}

// same reports in what the message that is stored under m's input id is another one.
func (m message) same(id string, run uint64, stored orchestrator.Message) error {
	conflict := &ConflictError{ID: id, Input: m.input}
	if stored.Sequence <= run {
		conflict.What = "run of the saga to speak to"
		return conflict
	}
	for _, name := range m.compare {
		if have, want := stored.Header.Get(name), m.header.Get(name); have != want {
			conflict.What, conflict.Have, conflict.Want = name, protocol.Text(have, 80), want
			return conflict
		}
	}
	if !sameBody(stored.Body, m.body) {
		conflict.What = "body"
		return conflict
	}
	return nil
}
