package participants

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/participants/protocol"
)

// scope names this package to OpenTelemetry.
const scope = "github.com/amends-io/amends/participants"

// A tracer makes the span of each command: a child of the command's context,
// which is one message to one consumer.
type tracer struct {
	tracer trace.Tracer
	name   string // of spans; ids do not belong there
	fixed  []attribute.KeyValue
	kind   []trace.SpanStartOption
	took   stopwatch
}

func newTracer(p *Participant) tracer {
	prefix := p.config.subjects.Prefix
	if prefix == "" {
		prefix = protocol.DefaultPrefix
	}
	destination := prefix + ".{p}.{id}.out." + p.name + ".chain"
	t := tracer{
		tracer: p.config.tracers.Tracer(scope, trace.WithInstrumentationVersion(SDKVersion)),
		name:   "process " + destination,
		kind:   []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer)},
		fixed: []attribute.KeyValue{
			attribute.String("messaging.system", "nats"),
			attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.destination.template", destination),
			attribute.String("messaging.consumer.group.name", protocol.Durable(p.name)),
		},
	}
	t.took = newStopwatch(p.config.meters, t.fixed)
	return t
}

// A span is of one delivery.
type span struct {
	trace.Span
	took  stopwatch
	began time.Time // zero if nobody measures
}

// start begins the span of a delivery and puts it into the handler's context.
func (t tracer) start(ctx context.Context, d *delivery) (context.Context, span) {
	header := protocol.Header(d.msg.Headers())
	if header.Get(protocol.HeaderTraceParent) != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, carrier(header))
	}
	ctx, s := t.tracer.Start(ctx, t.name, t.kind...)
	if s.IsRecording() {
		c := d.command
		s.SetAttributes(t.fixed...)
		s.SetAttributes(
			attribute.String("saga.id", c.Saga), attribute.String("saga.type", c.Definition),
			attribute.String("saga.definition.version", strconv.Itoa(c.Version)),
			attribute.String("saga.step", c.Attempt.Step), attribute.String("saga.direction", string(c.Attempt.Direction)),
			attribute.Int("saga.attempt", c.Attempt.Number), attribute.String("saga.action", c.Action))
	}
	return ctx, span{s, t.took, t.took.start(ctx)}
}

func (s span) end(o protocol.Outcome, err error) {
	if s.IsRecording() {
		if err != nil {
			s.SetStatus(codes.Error, err.Error())
		} else {
			s.SetAttributes(attribute.String("saga.outcome", string(o)))
			if o == protocol.Failed {
				s.SetStatus(codes.Error, "")
			}
		}
	}
	s.took.stop(s, o, err)
	s.End()
}

// inject writes the span's context to a reply.
func (s span) inject(h protocol.Header) {
	if s.SpanContext().IsValid() {
		propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), s.Span), carrier(h))
	}
}

// A carrier is a header with its keys as they are: propagation.HeaderCarrier
// would write them in capitals.
type carrier protocol.Header

func (c carrier) Get(key string) string { return protocol.Header(c).Get(key) }
func (c carrier) Set(key, value string) { protocol.Header(c).Set(key, value) }
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	return keys
}
