package spans

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/participants/protocol"
)

// A Span is one span, ready to be exported.
type Span struct {
	Name       string
	Kind       trace.SpanKind
	Context    trace.SpanContext
	Parent     trace.SpanContext // invalid where a trace begins
	Links      []trace.SpanContext
	Start, End time.Time
	Attributes []attribute.KeyValue
	Error      string // what is wrong, in a word; "" if nothing is
}

// Of returns the spans that a fact of the saga completes.
func (s *Saga) Of(subjects protocol.Subjects, f Fact) []Span {
	switch f := f.(type) {
	case Begun:
		return []Span{s.begin(subjects, f)}
	case Closed:
		return s.attempted(subjects, f.Attempt)
	case Ended:
		return []Span{s.end(f)}
	case Requested:
	}
	return nil
}

// begin is the root: the start waits for its first decision.
func (s *Saga) begin(subjects protocol.Subjects, f Begun) Span {
	p := f.Message.Address.Partition
	template := subjects.Start(-1, "{id}")
	return Span{
		Name: "process " + templated(template), Kind: trace.SpanKindConsumer,
		Context: s.Root(), Parent: remote(s.Client), Start: s.Key.Started, End: f.At,
		Attributes: append(s.message("process", subjects.Start(p, s.ID), templated(template)), stored(subjects, p, s.Run)...),
	}
}

// end is the summary.
func (s *Saga) end(f Ended) Span {
	name := "saga"
	if s.Definition != "" {
		name += " " + s.Definition
	}
	return Span{
		Name: name, Kind: trace.SpanKindInternal, Context: s.summary(), Parent: s.Root(), Links: s.made,
		Start: s.Key.Started, End: f.At,
		Attributes: append(s.about(), attribute.String("saga.outcome", string(f.Outcome)), attribute.Int("saga.attempts", s.count)),
	}
}

// attempted is an attempt with its parts.
func (s *Saga) attempted(subjects protocol.Subjects, a *Attempt) []Span {
	whole, send := s.attempt(a.Attempt)
	p, to := a.Address.Partition, templated(subjects.Link(-1, "{id}", a.Participant))
	list := []Span{{
		Name: string(a.Direction) + " " + a.Step, Kind: trace.SpanKindInternal, Context: whole,
		Links: []trace.SpanContext{s.Root()}, Start: a.Decided, End: a.Closed, Attributes: append(s.about(), a.about()...),
	}, {
		Name: "send " + to, Kind: trace.SpanKindProducer, Context: send, Parent: whole, Start: a.Decided, End: a.Decided,
		Attributes: slices.Concat(s.message("send", subjects.Link(p, s.ID, a.Participant), to), a.about(), stored(subjects, p, a.Sequence)),
	}}
	if a.Outcome != "" {
		list[0].Attributes = append(list[0].Attributes, attribute.String("saga.outcome", string(a.Outcome)))
	}
	if a.Outcome == protocol.Failed || a.Outcome == protocol.Unknown {
		list[0].Error = string(a.Outcome)
		list[0].Attributes = append(list[0].Attributes, attribute.String("error.type", list[0].Error))
	}
	if a.answer.sequence == 0 {
		return list
	}
	return append(list, s.answered(subjects, a, send, to)...)
}

// answered is what became of a command at its participant, and of its reply.
// The participant's own span is in the reply, if it has a tracer: else one is
// made from what the reply says of the handler's time.
func (s *Saga) answered(subjects protocol.Subjects, a *Attempt, send trace.SpanContext, to string) (list []Span) {
	process, reply := s.answer(a.Attempt)
	p, from := a.Address.Partition, templated(subjects.Reply(-1, "{id}", a.Participant))
	theirs := a.answer.trace
	if theirs.TraceID() == send.TraceID() && theirs.SpanID() != send.SpanID() && theirs.IsSampled() {
		process = remote(theirs)
	} else {
		start := a.answer.stamp.Add(-a.answer.took)
		if start.Before(a.Decided) {
			start = a.Decided
		}
		list = append(list, Span{
			Name: "process " + to, Kind: trace.SpanKindConsumer, Context: process, Parent: send, Start: start, End: a.answer.stamp,
			Attributes: slices.Concat(s.message("process", subjects.Link(p, s.ID, a.Participant), to), a.about(), []attribute.KeyValue{
				attribute.String("messaging.consumer.group.name", protocol.Durable(a.Participant)),
				attribute.Bool("saga.derived", true),
			}),
		})
	}
	return append(list, Span{
		Name: "process " + from, Kind: trace.SpanKindConsumer, Context: reply, Parent: process, Start: a.answer.stamp, End: a.Closed,
		Attributes: slices.Concat(s.message("process", subjects.Reply(p, s.ID, a.Participant), from), a.about(), stored(subjects, p, a.answer.sequence)),
	})
}

// stored says where a message is in the journal.
func stored(subjects protocol.Subjects, p int, sequence uint64) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("messaging.nats.stream", subjects.Stream(p)), attribute.Int64("messaging.nats.sequence", int64(sequence)),
	}
}

// about is what every span of an attempt says of it.
func (a *Attempt) about() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("saga.step", a.Step), attribute.String("saga.direction", string(a.Direction)),
		attribute.Int("saga.attempt", a.Number), attribute.String("saga.action", a.Action),
	}
}

// about is what every span says of its saga.
func (s *Saga) about() []attribute.KeyValue {
	list := make([]attribute.KeyValue, 1, 12)
	list[0] = attribute.String("saga.id", s.ID)
	if s.Definition != "" {
		list = append(list, attribute.String("saga.type", s.Definition), attribute.String("saga.definition.version", s.Version))
	}
	return list
}

// message says what is done with a message. The saga's id is in what is
// particular, never in a name.
func (s *Saga) message(operation, subject, template string) []attribute.KeyValue {
	return append(s.about(),
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.name", operation), attribute.String("messaging.operation.type", operation),
		attribute.String("messaging.destination.name", subject), attribute.String("messaging.destination.template", template))
}
