package protocol

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Header is the metadata of a message. It converts to nats.Header.
type Header map[string][]string

// Get returns the first value of key, or "".
func (h Header) Get(key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Set replaces the values of key.
func (h Header) Set(key, value string) { h[key] = []string{value} }

// Writer returns a writer that adds to h, with room for n.
func (h Header) Writer(n int) *Writer { return &Writer{Header: h, values: make([]string, 0, n)} }

// A Writer sets many headers: their values share one array, where Header.Set
// makes one for each, and those that are made of bytes share their text too.
type Writer struct {
	Header Header
	values []string
	text   strings.Builder
}

// NewWriter returns a writer of new headers, with room for n, and for size
// bytes that SetBytes is given.
func NewWriter(n, size int) *Writer {
	w := &Writer{Header: make(Header, n), values: make([]string, 0, n)}
	w.text.Grow(size)
	return w
}

// Set replaces the values of key.
func (w *Writer) Set(key, value string) {
	n := len(w.values)
	w.values = append(w.values, value)
	w.Header[key] = w.values[n : n+1 : n+1]
}

// SetBytes is Set of a copy of value.
func (w *Writer) SetBytes(key string, value []byte) {
	from := w.text.Len()
	w.text.Write(value)
	w.Set(key, w.text.String()[from:])
}

// Headers of links, commands and replies. Names are case-sensitive.
const (
	HeaderDefinition = "Saga-Definition" // name of the definition
	HeaderVersion    = "Saga-Version"    // its version
	HeaderRun        = "Saga-Run"        // sequence of the start; not on a start itself
	HeaderDecision   = "Saga-Decision"   // id of the link, drawn by its publisher
	HeaderRead       = "Saga-Read"       // last input that the decision has read
	HeaderEvents     = "Saga-Events"     // what was decided, as JSON
	HeaderTime       = "Saga-Time"       // when it was decided, by its publisher's clock, RFC 3339
	HeaderStatus     = "Saga-Status"     // where the saga is after the decision: running, compensating, completed, compensated, stuck
	HeaderTags       = "Saga-Tags"       // of a start: business keys to search by, as a JSON object of strings

	HeaderStep      = "Saga-Step"
	HeaderDirection = "Saga-Direction" // do or undo
	HeaderAttempt   = "Saga-Attempt"   // number, from 1
	HeaderAction    = "Saga-Action"    // what the participant is asked to do
	HeaderKey       = "Saga-Key"       // idempotency key, the same for every attempt
	HeaderDue       = "Saga-Due"       // when the outcome becomes unknown, RFC 3339
	HeaderSettle    = "Saga-Settle"    // resolved by hand: record this outcome, do nothing else

	HeaderOutcome  = "Saga-Outcome"
	HeaderReason   = "Saga-Reason"   // why it did not succeed; of a link, why the saga is stuck or compensated
	HeaderTook     = "Saga-Took"     // the handler's time in microseconds
	HeaderInstance = "Saga-Instance" // who answered, for people: its id in discovery and its host, as id@host

	HeaderVerb = "Saga-Verb" // of a control: cancel, suspend, resume, retry, resolve
	HeaderBy   = "Saga-By"   // of a control: who
	HeaderWhy  = "Saga-Why"  // of a control: why
	HeaderName = "Saga-Name" // of a signal: its name
	HeaderAs   = "Saga-As"   // of a control: the outcome that a step is resolved as

	HeaderTraceParent = "traceparent"
	HeaderTraceState  = "tracestate"
	HeaderContentType = "Content-Type"
	ContentTypeJSON   = "application/json"

	HeaderExpectedSequence = "Nats-Expected-Last-Subject-Sequence"
	HeaderExpectedSubject  = "Nats-Expected-Last-Subject-Sequence-Subject"
)

// Limits, in bytes. A body that is longer goes by reference.
const (
	MaxPayload = 512 << 10 // of a body
	MaxReason  = 1 << 10   // of a reason; a longer one is cut
	MaxHeaders = 48 << 10  // of all headers of one message
)

// number reads the positive integer under key.
func (h Header) number(key string) (uint64, error) {
	text := h.Get(key)
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("header %s: %.40q is no positive integer", key, text)
	}
	return n, nil
}

// FormatTime writes t as headers have it.
func FormatTime(t time.Time) string { return string(AppendTime(nil, t)) }

// AppendTime is FormatTime into b.
func AppendTime(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, time.RFC3339Nano) }
