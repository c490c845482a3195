package verbs

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// An Entry is one message of a saga's history, taken apart for readers.
type Entry struct {
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"` // the store's stamp
	Kind     string    `json:"kind"`

	Participant string            `json:"participant,omitempty"`
	Input       string            `json:"input,omitempty"` // id of a signal or a control
	Step        string            `json:"step,omitempty"`
	Direction   string            `json:"direction,omitempty"`
	Attempt     int               `json:"attempt,omitempty"`
	Action      string            `json:"action,omitempty"`
	Key         string            `json:"key,omitempty"`
	Due         *time.Time        `json:"due,omitempty"`
	Settle      string            `json:"settle,omitempty"`
	Outcome     string            `json:"outcome,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Took        int64             `json:"took_us,omitempty"`
	Instance    string            `json:"instance,omitempty"` // that answered
	Status      string            `json:"status,omitempty"`
	Decided     *time.Time        `json:"decided,omitempty"`
	Read        uint64            `json:"read,omitempty"`
	Events      []Event           `json:"events,omitempty"`
	Definition  string            `json:"definition,omitempty"`
	Version     int               `json:"version,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Verb        string            `json:"verb,omitempty"`
	By          string            `json:"by,omitempty"`
	Why         string            `json:"why,omitempty"`
	As          string            `json:"as,omitempty"`
	Name        string            `json:"name,omitempty"`

	TraceParent string `json:"traceparent,omitempty"`
	Bytes       int    `json:"bytes,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	Body        any    `json:"body,omitempty"`
	Problem     string `json:"problem,omitempty"`
}

// An Event is a recorded fact with its name.
type Event struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// maxText bounds somebody's text in an entry.
const maxText = protocol.MaxReason

// NewEntry takes m apart. Whatever a publisher wrote, it returns something that
// can be shown: what cannot be read is said under Problem.
func NewEntry(m orchestrator.Message, payload bool) Entry {
	h, text := m.Header, func(name string) string { return protocol.Text(m.Header.Get(name), maxText) }
	e := Entry{
		Sequence: m.Sequence, Time: m.Time.UTC(), Kind: m.Address.Kind.String(), Bytes: len(m.Body),
		TraceParent: text(protocol.HeaderTraceParent), ContentType: text(protocol.HeaderContentType),
	}
	if payload {
		e.Body = Readable(m.Body)
	}
	switch m.Address.Kind {
	case protocol.KindStart:
		e.Definition, e.Version = text(protocol.HeaderDefinition), number(h, protocol.HeaderVersion)
		var err error
		if e.Tags, err = orchestrator.ReadTags(h.Get(protocol.HeaderTags)); err != nil {
			e.Problem = protocol.Text(err.Error(), maxText)
		}
	case protocol.KindLink:
		e.link(m, text)
	case protocol.KindReply:
		e.Participant = m.Address.Name
		e.attempt(h, text)
		e.Outcome, e.Reason = text(protocol.HeaderOutcome), text(protocol.HeaderReason)
		e.Instance = text(protocol.HeaderInstance)
		e.Took = max(0, int64(number(h, protocol.HeaderTook)))
	case protocol.KindSignal:
		e.Input, e.Name = m.Address.Name, text(protocol.HeaderName)
	case protocol.KindControl:
		e.Input = m.Address.Name
		e.Verb, e.By, e.Why, e.As = text(protocol.HeaderVerb), text(protocol.HeaderBy), text(protocol.HeaderWhy), text(protocol.HeaderAs)
		e.attempt(h, text)
	case protocol.KindUnknown, protocol.KindCanary, protocol.KindPurged:
		e.Kind = protocol.KindUnknown.String()
	}
	return e
}

func (e *Entry) link(m orchestrator.Message, text func(string) string) {
	h := m.Header
	e.Status, e.Reason, e.Decided = text(protocol.HeaderStatus), text(protocol.HeaderReason), stamp(h.Get(protocol.HeaderTime))
	e.Read, _ = strconv.ParseUint(h.Get(protocol.HeaderRead), 10, 53)
	if m.Address.Name != protocol.NoOne {
		e.Participant = m.Address.Name
		e.attempt(h, text)
		e.Action, e.Key, e.Settle = text(protocol.HeaderAction), text(protocol.HeaderKey), text(protocol.HeaderSettle)
		e.Due = stamp(h.Get(protocol.HeaderDue))
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(h.Get(protocol.HeaderEvents)), &list); err != nil {
		e.Problem = protocol.Text("its events cannot be read: "+err.Error(), maxText)
		return
	}
	for _, event := range list {
		for name, data := range event {
			e.Events = append(e.Events, Event{protocol.Text(name, maxText), data})
		}
	}
}

func (e *Entry) attempt(h protocol.Header, text func(string) string) {
	e.Step, e.Direction, e.Attempt = text(protocol.HeaderStep), text(protocol.HeaderDirection), number(h, protocol.HeaderAttempt)
	if !protocol.Direction(e.Direction).Valid() {
		e.Direction = ""
	}
}

// number reads a header that should be a number of no great size.
func number(h protocol.Header, name string) int {
	n, err := strconv.ParseUint(h.Get(name), 10, 52)
	if err != nil {
		return 0
	}
	return int(n)
}

func stamp(text string) *time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() > 9999 || t.Year() < 0 {
		return nil
	}
	t = t.UTC()
	return &t
}

// Readable is a body as JSON shows it: as it is where it is JSON, as text where
// it is that, and as {"base64": …} else.
func Readable(body []byte) any {
	switch {
	case len(body) == 0:
		return nil
	case protocol.CheckJSON(body) == nil:
		return json.RawMessage(body)
	case string(body) == protocol.Text(string(body), len(body)):
		return string(body)
	}
	return map[string][]byte{"base64": body}
}
