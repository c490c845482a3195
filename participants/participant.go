package participants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/participants/protocol"
)

// A Participant is a service that carries out steps of sagas. Its handlers are
// registered before it runs.
type Participant struct {
	nc       *nats.Conn
	name     string
	config   config
	handlers map[route]serveFunc
	problems []error // of options and handlers, for Check
	counts   counts
}

// A route is what a command's handler is found by.
type route struct {
	action    string
	direction protocol.Direction
}

// New returns the participant called name. What is wrong with it Check says,
// and Run. Without a connection it can only Answer, as tests do.
func New(nc *nats.Conn, name string, options ...Option) *Participant {
	p := &Participant{nc: nc, name: name, config: defaults(), handlers: make(map[route]serveFunc)}
	p.problem(protocol.CheckName("participant", name))
	for _, option := range options {
		p.problem(option(&p.config))
	}
	return p
}

// Name is the participant's name.
func (p *Participant) Name() string { return p.name }

// Check reports everything that is wrong with the participant's name, its
// options, and its handlers.
func (p *Participant) Check() error {
	problems := p.problems
	if len(p.handlers) == 0 {
		problems = append(slices.Clip(problems), fmt.Errorf("participants: %s has no handler", p.name))
	}
	return errors.Join(problems...)
}

func (p *Participant) problem(err error) {
	if err != nil {
		p.problems = append(p.problems, fmt.Errorf("participants: %w", err))
	}
}

// Handle registers the handler of an action: a Handler, or a plain function
// that carries the action out, as with Do. One action may have a handler for
// each direction.
func Handle[Req, Rep any, H Handler[Req, Rep] | func(context.Context, Req) (Rep, error)](p *Participant, a protocol.Action[Req, Rep], h H) {
	var handler Handler[Req, Rep]
	switch h := any(h).(type) {
	case Handler[Req, Rep]:
		handler = h
	case func(context.Context, Req) (Rep, error):
		if h != nil {
			handler = Do(h)
		}
	}
	p.register(a.Participant(), a.Name(), a.Check(), handler.direction, handler.serve)
}

func (p *Participant) register(participant, action string, err error, d protocol.Direction, serve serveFunc) {
	r := route{action, d}
	switch {
	case err != nil:
		p.problem(err)
	case participant != p.name:
		p.problem(fmt.Errorf("action %s is of participant %s, not of %s", action, participant, p.name))
	case serve == nil:
		p.problem(fmt.Errorf("action %s has no handler", action))
	case p.handlers[r] != nil:
		p.problem(fmt.Errorf("action %s has two handlers to %s it", action, d))
	default:
		p.handlers[r] = serve
	}
}

// known lists the routes for people: "do reserve, undo release".
func (p *Participant) known() string {
	var known []string
	for r := range p.handlers {
		known = append(known, string(r.direction)+" "+r.action)
	}
	slices.Sort(known)
	return strings.Join(known, ", ")
}

type commandKey struct{}

// CommandFrom returns the command that a handler was called for: its saga, its
// attempt, its idempotency key.
func CommandFrom(ctx context.Context) (protocol.Command, bool) {
	c, ok := ctx.Value(commandKey{}).(*protocol.Command)
	if !ok {
		return protocol.Command{}, false
	}
	return *c, true
}

// Answer calls the handler of c and returns the reply, which Run would store.
// An error is one of InDoubt or Conflict: there is no reply to give. It never
// panics.
func (p *Participant) Answer(ctx context.Context, c protocol.Command) (protocol.Reply, error) {
	began := time.Now()
	answer, err := p.call(context.WithValue(ctx, commandKey{}, &c), c)
	if err == nil {
		err = check(c, answer)
	}
	if err != nil {
		return protocol.Reply{}, err
	}
	r := protocol.Reply{
		Attempt: c.Attempt, Outcome: answer.Outcome, Reason: answer.Reason,
		Took: time.Since(began), Body: answer.Output,
	}
	if len(r.Body) > 0 {
		r.ContentType = protocol.ContentTypeJSON
	}
	return r, nil
}

func (p *Participant) call(ctx context.Context, c protocol.Command) (answer Answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.counts.panics.Add(1)
			answer, err = Answer{Outcome: protocol.Failed, Reason: fmt.Sprintf("panic: %v", v)}, nil
			p.logPanic(c, v)
		}
	}()
	serve := p.handlers[route{c.Action, c.Attempt.Direction}]
	if serve == nil {
		// Another version of the service may know it: not refused.
		return Answer{
			Outcome: protocol.Failed,
			Reason:  fmt.Sprintf("%s cannot %s %s; it can: %s", p.name, c.Attempt.Direction, c.Action, p.known()),
		}, nil
	}
	return serve(ctx, c)
}

// check keeps a handler from answering what is no answer to c.
func check(c protocol.Command, a Answer) error {
	if !a.Outcome.Answers(c.Attempt.Direction) {
		return Conflict(fmt.Errorf("handler of %s: %.40q is no answer to %s", c.Action, a.Outcome, c.Attempt.Direction))
	}
	if len(a.Output) > protocol.MaxPayload {
		return Conflict(fmt.Errorf("handler of %s: output has %d bytes, at most %d are allowed", c.Action, len(a.Output), protocol.MaxPayload))
	}
	return nil
}
