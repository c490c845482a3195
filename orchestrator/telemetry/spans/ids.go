package spans

import (
	"context"
	"crypto/sha256"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Key is what the ids of a saga's spans are made from: whoever knows the
// saga's start, or its state, makes the same. The start's stamp keeps the
// traces of two journals apart that both have a saga of that id and run.
type Key struct {
	ID      string
	Run     uint64
	Started time.Time         // the store's stamp of the start
	Client  trace.SpanContext // of whoever started it; may be invalid
}

// KeyOf returns the key of a saga whose state is known.
func KeyOf(s *instance.State) Key {
	return Key{ID: s.ID, Run: s.Run, Started: s.Started, Client: ParseParent(s.Trace)}
}

// Root returns the context of the saga's root span. It is in the trace of the
// client, if that has one.
func (k Key) Root() trace.SpanContext {
	sum := k.sum("start", protocol.Attempt{})
	id := trace.TraceID(sum[:16])
	if k.Client.IsValid() {
		id = k.Client.TraceID()
	}
	return own(id, trace.SpanID(sum[16:24]))
}

// summary returns the context of the span that says how the saga ended.
func (k Key) summary() trace.SpanContext {
	sum := k.sum("end", protocol.Attempt{})
	return own(k.Root().TraceID(), trace.SpanID(sum[:8]))
}

// attempt returns the contexts of an attempt, and of the sending of its
// command. An attempt has a trace of its own. The last half of a trace's id is
// the one of the saga's root, so that whoever samples by it takes all of a
// saga or nothing.
func (k Key) attempt(a protocol.Attempt) (whole, send trace.SpanContext) {
	sum := k.sum("attempt", a)
	id, root := trace.TraceID(sum[:16]), k.Root().TraceID()
	copy(id[8:], root[8:])
	return own(id, trace.SpanID(sum[16:24])), own(id, trace.SpanID(sum[24:]))
}

// answer returns the contexts of the participant's work, for one that has no
// tracer, and of taking its reply.
func (k Key) answer(a protocol.Attempt) (process, reply trace.SpanContext) {
	sum := k.sum("answer", a)
	whole, _ := k.attempt(a)
	return own(whole.TraceID(), trace.SpanID(sum[:8])), own(whole.TraceID(), trace.SpanID(sum[8:16]))
}

// TraceParent returns the header that the command of an attempt carries: the
// participant's span is a child of the sending.
func (k Key) TraceParent(a protocol.Attempt, sampled bool) string {
	_, send := k.attempt(a)
	flags := "-00"
	if sampled {
		flags = "-01"
	}
	return "00-" + send.TraceID().String() + "-" + send.SpanID().String() + flags
}

// sum hashes what names a span. No part of it has a zero byte, see
// protocol.CheckID and CheckName.
func (k Key) sum(what string, a protocol.Attempt) [sha256.Size]byte {
	var buffer [256]byte
	b := append(append(buffer[:0], what...), 0)
	b = append(append(b, k.ID...), 0)
	b = append(strconv.AppendUint(b, k.Run, 10), 0)
	b = append(strconv.AppendInt(b, k.Started.UnixNano(), 10), 0)
	b = append(append(b, a.Step...), 0)
	b = append(append(b, a.Direction...), 0)
	return sha256.Sum256(strconv.AppendInt(b, int64(a.Number), 10))
}

func own(t trace.TraceID, s trace.SpanID) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: trace.FlagsSampled})
}

// ParseParent reads a traceparent header; what is none gives an invalid context.
func ParseParent(text string) trace.SpanContext {
	if text == "" {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), parent(text)))
}

// parent is a carrier of nothing but a traceparent.
type parent string

func (p parent) Get(key string) string {
	if key == protocol.HeaderTraceParent {
		return string(p)
	}
	return ""
}
func (p parent) Set(string, string) {}
func (p parent) Keys() []string     { return nil }
