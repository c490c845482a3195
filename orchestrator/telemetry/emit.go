package telemetry

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/orchestrator/telemetry/spans"
)

// IDs gives the spans of sagas the ids that follow from their history, and
// others random ones. It is an sdktrace.IDGenerator.
type IDs struct{}

type idsKey struct{}

// NewIDs returns the ids of a span that begins a trace.
func (i IDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if c, ok := ctx.Value(idsKey{}).(trace.SpanContext); ok {
		return c.TraceID(), c.SpanID()
	}
	var id trace.TraceID
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id, i.NewSpanID(ctx, id)
}

// NewSpanID returns the id of a span in a trace that there is.
func (IDs) NewSpanID(ctx context.Context, _ trace.TraceID) (id trace.SpanID) {
	if c, ok := ctx.Value(idsKey{}).(trace.SpanContext); ok {
		return c.SpanID()
	}
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

// checkIDs makes sure that a provider takes its ids from IDs. The span is never
// ended, and so never exported.
func checkIDs(t trace.Tracer) error {
	want := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	_, span := t.Start(context.WithValue(context.Background(), idsKey{}, want), "check")
	if got := span.SpanContext(); got.TraceID() != want.TraceID() || got.SpanID() != want.SpanID() {
		return errors.New("telemetry: the tracer provider does not take its ids from telemetry.IDs, or is none that records")
	}
	return nil
}

// emit makes a span that has ended already.
func emit(t trace.Tracer, s spans.Span) {
	ctx := context.Background()
	if s.Parent.IsValid() {
		// That it is sampled was decided before, and by more than its parent.
		ctx = trace.ContextWithSpanContext(ctx, s.Parent.WithTraceFlags(trace.FlagsSampled))
	}
	links := make([]trace.Link, len(s.Links))
	for i, to := range s.Links {
		links[i] = trace.Link{SpanContext: to}
	}
	_, span := t.Start(context.WithValue(ctx, idsKey{}, s.Context), s.Name,
		trace.WithSpanKind(s.Kind), trace.WithTimestamp(s.Start), trace.WithLinks(links...), trace.WithAttributes(s.Attributes...))
	if s.Error != "" {
		span.SetStatus(codes.Error, s.Error)
	}
	span.End(trace.WithTimestamp(s.End))
}
