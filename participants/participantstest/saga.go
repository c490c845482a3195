package participantstest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// An Action is what a command asks for: any protocol.Action.
type Action interface {
	Participant() string
	Name() string
}

// A Saga sends a participant the commands of one step of one saga, as the
// orchestrator would: each is another attempt. What is sent and answered takes
// the form it has on the wire.
type Saga struct {
	t        testing.TB
	p        *participants.Participant
	id, step string
	run      uint64
	attempts *atomic.Int64
}

var sagas atomic.Int64

// New returns a saga of its own.
func New(t testing.TB, p *participants.Participant) Saga {
	return Saga{t: t, p: p, id: fmt.Sprintf("saga-%d", sagas.Add(1)), step: "step", run: 1, attempts: new(atomic.Int64)}
}

// ID is the saga's id.
func (s Saga) ID() string { return s.id }

// Step returns the same saga at another step.
func (s Saga) Step(name string) Saga {
	s.step, s.attempts = name, new(atomic.Int64)
	return s
}

// Run returns another run of the same id.
func (s Saga) Run(run uint64) Saga {
	s.run, s.attempts = run, new(atomic.Int64)
	return s
}

// Do sends the next attempt to carry the step out. No answer fails the test.
func (s Saga) Do(a Action, req any) protocol.Reply {
	s.t.Helper()
	return s.answered(s.Command(protocol.Do, a, req))
}

// Undo sends the next attempt to undo the step. No answer fails the test.
func (s Saga) Undo(a Action, req any) protocol.Reply {
	s.t.Helper()
	return s.answered(s.Command(protocol.Undo, a, req))
}

// Settle sends what an operator's decision about the step becomes: the outcome
// of do or undo is o.
func (s Saga) Settle(d protocol.Direction, o protocol.Outcome, a Action, req any) protocol.Reply {
	s.t.Helper()
	c := s.Command(d, a, req)
	c.Settle = o
	return s.answered(c)
}

func (s Saga) answered(c protocol.Command) protocol.Reply {
	s.t.Helper()
	reply, err := s.Send(c)
	if err != nil {
		s.t.Fatalf("participantstest: %s got no answer: %v", c.Attempt, err)
	}
	return reply
}

// Command returns the command of the step's next attempt. To send it twice is
// to deliver it twice.
func (s Saga) Command(d protocol.Direction, a Action, req any) protocol.Command {
	s.t.Helper()
	body, err := protocol.Encode(req)
	if err != nil {
		s.t.Fatalf("participantstest: %v", err)
	}
	return protocol.Command{
		Saga: s.id, Definition: "test", Version: 1, Participant: s.p.Name(), Action: a.Name(),
		Attempt:     protocol.Attempt{Run: s.run, Step: s.step, Direction: d, Number: int(s.attempts.Add(1))},
		ContentType: protocol.ContentTypeJSON, Body: body,
	}
}

// Send delivers c and returns the reply. An error, made by
// participants.InDoubt or participants.Conflict, says that there is none.
func (s Saga) Send(c protocol.Command) (protocol.Reply, error) {
	return s.SendContext(context.Background(), c)
}

// SendContext is Send with the context that the handler gets.
func (s Saga) SendContext(ctx context.Context, c protocol.Command) (protocol.Reply, error) {
	header := make(protocol.Header)
	c.WriteHeader(header)
	c, err := protocol.ReadCommand(protocol.Address{ID: c.Saga, Kind: protocol.KindLink, Name: c.Participant}, header, c.Body)
	if err != nil {
		return protocol.Reply{}, fmt.Errorf("participantstest: command: %w", err)
	}
	reply, err := s.p.Answer(ctx, c)
	if err != nil {
		return protocol.Reply{}, err
	}
	header = make(protocol.Header)
	reply.WriteHeader(header)
	return protocol.ReadReply(header, reply.Body)
}

// Output is the result in a reply that is done.
func Output[Rep any](t testing.TB, r protocol.Reply) Rep {
	t.Helper()
	var rep Rep
	if r.Outcome != protocol.Done {
		t.Fatalf("participantstest: the reply to %s is %s (%s), not done", r.Attempt, r.Outcome, r.Reason)
	}
	if err := protocol.Decode(r.Body, &rep); err != nil {
		t.Fatalf("participantstest: output of %s: %v", r.Attempt, err)
	}
	return rep
}
