package participants_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// A recorder is a tracer provider that keeps its last span.
type recorder struct {
	embedded.TracerProvider
	mu   sync.Mutex
	last *recorded
}

type recorded struct {
	noop.Span
	context, parent trace.SpanContext
	name            string
	kind            trace.SpanKind
	attributes      map[string]string
	status          codes.Code
	ended           bool
}

func (r *recorder) Tracer(string, ...trace.TracerOption) trace.Tracer { return tracerOf{r: r} }

type tracerOf struct {
	embedded.Tracer
	r *recorder
}

func (t tracerOf) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	parent := trace.SpanContextFromContext(ctx)
	config := trace.NewSpanStartConfig(options...)
	s := &recorded{
		parent: parent, name: name, kind: config.SpanKind(), attributes: make(map[string]string),
		context: trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: parent.TraceID(), SpanID: trace.SpanID{9, 9, 9, 9, 9, 9, 9, 9}, TraceFlags: trace.FlagsSampled, TraceState: parent.TraceState(),
		}),
	}
	t.r.mu.Lock()
	t.r.last = s
	t.r.mu.Unlock()
	return trace.ContextWithSpan(ctx, s), s
}

func (s *recorded) SpanContext() trace.SpanContext { return s.context }
func (s *recorded) IsRecording() bool              { return !s.ended }
func (s *recorded) SetStatus(c codes.Code, _ string) {
	s.status = c
}

func (s *recorded) SetAttributes(attributes ...attribute.KeyValue) {
	for _, a := range attributes {
		s.attributes[string(a.Key)] = a.Value.String()
	}
}
func (s *recorded) End(...trace.SpanEndOption) { s.ended = true }

func TestTheTraceGoesThroughTheHandlerToTheReply(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	var r recorder
	var inHandler trace.SpanContext
	p := answering(t, j, func(ctx context.Context, _ amount) (receipt, error) {
		inHandler = trace.SpanContextFromContext(ctx)
		return receipt{"R-1"}, nil
	}, participants.WithTracerProvider(&r))
	j.run(p)
	c := command("order-1", protocol.Do, 2, `{"units":1}`)
	header := make(protocol.Header)
	c.WriteHeader(header)
	header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	header.Set("tracestate", "vendor=1")
	j.store(c, header)
	reply := protocol.Header(j.message().Header)

	const traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-0909090909090909-01"
	if got := reply.Get("traceparent"); got != traced || reply.Get("tracestate") != "vendor=1" {
		t.Errorf("the reply has traceparent %s, tracestate %s; want %s, vendor=1", got, reply.Get("tracestate"), traced)
	}
	s := r.last
	if s.parent.SpanID().String() != "00f067aa0ba902b7" || !s.parent.IsRemote() || inHandler.SpanID() != s.context.SpanID() || !s.ended {
		t.Errorf("span %+v, in the handler %v", s, inHandler)
	}
	if s.name != "process saga.{p}.{id}.out.payment.chain" || s.kind != trace.SpanKindConsumer || s.status != codes.Unset {
		t.Errorf("span %q, kind %s, status %s", s.name, s.kind, s.status)
	}
	want := map[string]string{
		"messaging.system": "nats", "messaging.operation.name": "process", "messaging.operation.type": "process",
		"messaging.destination.template": "saga.{p}.{id}.out.payment.chain", "messaging.consumer.group.name": "payment",
		"saga.id": "order-1", "saga.type": "place-order", "saga.definition.version": "1", "saga.step": "pay",
		"saga.direction": "do", "saga.attempt": "2", "saga.action": "charge", "saga.outcome": "done",
	}
	if diff := cmp.Diff(want, s.attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

func TestAFailedAttemptIsAnErrorInItsSpan(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	var r recorder
	p := answering(t, j, func(context.Context, amount) (receipt, error) { panic("oh") }, participants.WithTracerProvider(&r))
	j.run(p)
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	if got := j.reply(); got.Outcome != protocol.Failed || got.Reason != "panic: oh" {
		t.Errorf("%s (%s)", got.Outcome, got.Reason)
	}
	if r.last.status != codes.Error || !r.last.ended {
		t.Errorf("span %+v", r.last)
	}
}

// What is logged about a command is logged in the context of its span.
func TestLogsHaveTheTraceOfTheCommand(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	var r recorder
	traces := make(chan trace.TraceID, 16)
	first := true
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		if first {
			first = false
			return receipt{}, participants.InDoubt(errors.New("who knows"))
		}
		return receipt{"R-1"}, nil
	}, participants.WithTracerProvider(&r), participants.WithLogger(slog.New(tracesOf(traces))))
	j.run(p)
	c := command("order-1", protocol.Do, 1, `{"units":1}`)
	header := make(protocol.Header)
	c.WriteHeader(header)
	header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	j.store(c, header)
	j.reply()
	if got := <-traces; got.String() != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("it was logged in the trace %s", got)
	}
}

// tracesOf is a log that keeps the traces of warnings.
type tracesOf chan trace.TraceID

func (c tracesOf) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (c tracesOf) Handle(ctx context.Context, _ slog.Record) error {
	c <- trace.SpanContextFromContext(ctx).TraceID()
	return nil
}
func (c tracesOf) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c tracesOf) WithGroup(string) slog.Handler      { return c }

func TestWithoutATraceTheReplyHasNone(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	j.run(answering(t, j, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil }))
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	if h := protocol.Header(j.message().Header); h.Get("traceparent") != "" {
		t.Errorf("traceparent %s", h.Get("traceparent"))
	}
}
