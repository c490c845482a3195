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
	// Stored says that the link with that sequence is a decision of this member.
	Stored(p int, sequence uint64, events []instance.Event)
	// Read is called with every message of the partition, in order; with a link
	// of this member after Stored. What is not live was there at takeover.
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
