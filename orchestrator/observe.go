package orchestrator

import (
	"context"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// An Observer is told what an orchestrator does, for traces and metrics. It
// changes nothing, and without one nothing is done for it. Its methods are
// called by the goroutines that drive sagas: they must return at once, and
// neither keep nor change what they are given a pointer to.
type Observer interface {
	// TraceParent returns the W3C trace context that the command of an attempt
	// carries, or "" for that of the saga's client.
	TraceParent(s *instance.State, a protocol.Attempt) string
	// Context returns ctx with the trace of a saga, for what is logged about it.
	Context(ctx context.Context, s *instance.State) context.Context
	// Began says that this member drives a partition from now on, and reads
	// the journal from sequence from.
	Began(p int, part Partition, from uint64)
	// Stored is called with every decision of this member, once it is stored,
	// in their order. An input that answers one may be told of before it. The
	// link is as the journal has it, but has the time at which it was decided,
	// and no body.
	Stored(p int, link Message, events []instance.Event)
	// Read is called with what the owner reads, in order: every message that
	// was there at takeover, and then, live, the inputs alone.
	Read(p int, m Message, live bool)
}

// about is the context in which something is logged about a saga, or, with
// nil, about none.
func (o *owner) about(sg *saga) context.Context {
	if o.cfg.Observer == nil || sg == nil {
		return context.Background()
	}
	return o.cfg.Observer.Context(context.Background(), &sg.state)
}

// traceCommand gives a command the trace of its own attempt.
func (o *owner) traceCommand(f *flight) {
	if parent := o.cfg.Observer.TraceParent(&f.saga.state, f.decision.Command.Attempt); parent != "" {
		f.draft.Header.Set(protocol.HeaderTraceParent, parent)
	}
}

// observe tells of a link of ours.
func (o *owner) observe(f *flight, sequence uint64) {
	to := protocol.NoOne
	if f.decision.Command != nil {
		to = f.decision.Command.Participant
	}
	o.cfg.Observer.Stored(o.p, Message{
		Sequence: sequence, Time: f.decision.After.Updated, Subject: f.draft.Subject, Header: f.draft.Header,
		Address: protocol.Address{Partition: o.p, ID: f.saga.id(), Kind: protocol.KindLink, Name: to},
	}, f.decision.Events)
}
