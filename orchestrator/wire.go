package orchestrator

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of a start's tags.
const (
	MaxTags     = 16
	MaxTagBytes = 256 // of one value
)

// MaxWho bounds the name of whoever asks for something.
const MaxWho = 128

// maxTrace bounds a start's trace in bytes: every link repeats it, and headers have
// a bound. Version 00 of traceparent has 55, and later ones may have more.
const maxTrace = 256

// readStart reads a request to start. What it returns with an error is still
// enough to end the instance with that reason.
func readStart(m Message) (instance.Request, error) {
	r := instance.Request{
		ID: m.Address.ID, Sequence: m.Sequence, Time: m.Time.UTC(), Input: m.Body,
		Definition: m.Header.Get(protocol.HeaderDefinition),
	}
	if trace := m.Header.Get(protocol.HeaderTraceParent); len(trace) <= maxTrace {
		r.Trace = trace
	}
	if err := protocol.CheckName("definition", r.Definition); err != nil {
		r.Definition = ""
		return r, err
	}
	version, err := strconv.Atoi(m.Header.Get(protocol.HeaderVersion))
	if err != nil || version < 1 {
		return r, fmt.Errorf("header %s: %.40q is no version", protocol.HeaderVersion, m.Header.Get(protocol.HeaderVersion))
	}
	r.Version = version
	if len(m.Body) > protocol.MaxPayload {
		return r, fmt.Errorf("the input has %d bytes, at most %d are allowed", len(m.Body), protocol.MaxPayload)
	}
	if r.Tags, err = ReadTags(m.Header.Get(protocol.HeaderTags)); err != nil {
		return r, fmt.Errorf("header %s: %w", protocol.HeaderTags, err)
	}
	return r, nil
}

// ReadTags reads the business keys of a start from the header Saga-Tags.
func ReadTags(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	var tags map[string]string
	if err := protocol.Decode([]byte(text), &tags); err != nil {
		return nil, err
	}
	if len(tags) > MaxTags {
		return nil, fmt.Errorf("%d tags, at most %d are allowed", len(tags), MaxTags)
	}
	for key, value := range tags {
		if err := protocol.CheckName("tag", key); err != nil {
			return nil, err
		}
		if value != protocol.Text(value, MaxTagBytes) {
			return nil, fmt.Errorf("tag %s: its value has control characters, outer spaces, or more than %d bytes", key, MaxTagBytes)
		}
	}
	return tags, nil
}

// Genuine reports whether the server took m, a start, only because its chain
// had no link: else it is no new run.
func Genuine(m Message) bool {
	return m.Header.Get(protocol.HeaderExpectedSequence) == "0" && sameChain(m)
}

// sameChain reports whether m's condition was on its own saga's chain: the
// subject without what follows the id, and the chain's wildcards.
func sameChain(m Message) bool {
	expected := m.Header.Get(protocol.HeaderExpectedSubject)
	const tail = ".*.*.chain"
	n := len(expected) - len(tail)
	return n > 0 && expected[n:] == tail && len(m.Subject) > n && m.Subject[:n] == expected[:n] && m.Subject[n] == '.'
}

// follows reports whether m, a link, was stored on condition that the link
// before it was the one with that sequence.
func follows(m Message, last uint64) bool {
	n, err := strconv.ParseUint(m.Header.Get(protocol.HeaderExpectedSequence), 10, 64)
	return err == nil && n == last && sameChain(m)
}

// readLink reads a decision.
func readLink(m Message) (instance.Link, error) {
	events, err := DecodeEvents(m.Header.Get(protocol.HeaderEvents))
	if err != nil {
		return instance.Link{}, fmt.Errorf("link %d: %w", m.Sequence, err)
	}
	read, err := strconv.ParseUint(m.Header.Get(protocol.HeaderRead), 10, 64)
	if err != nil {
		return instance.Link{}, fmt.Errorf("link %d: header %s: %w", m.Sequence, protocol.HeaderRead, err)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get(protocol.HeaderTime))
	if err != nil {
		return instance.Link{}, fmt.Errorf("link %d: header %s: %w", m.Sequence, protocol.HeaderTime, err)
	}
	return instance.Link{Sequence: m.Sequence, Time: at.UTC(), Read: read, Events: events}, nil
}

// readInput reads a reply, a signal or a control. Its error says why the
// message can be no input.
func readInput(m Message) (instance.Input, error) {
	switch m.Address.Kind {
	case protocol.KindReply:
		r, err := protocol.ReadReply(m.Header, m.Body)
		return instance.Reply{Sequence: m.Sequence, Participant: m.Address.Name, Reply: r}, err
	case protocol.KindSignal:
		name := m.Header.Get(protocol.HeaderName)
		if len(m.Body) > protocol.MaxPayload {
			return nil, fmt.Errorf("the signal has %d bytes, at most %d are allowed", len(m.Body), protocol.MaxPayload)
		}
		return instance.SignalSent{Sequence: m.Sequence, Name: name, Body: m.Body}, protocol.CheckName("signal", name)
	case protocol.KindControl:
		return readControl(m)
	case protocol.KindUnknown, protocol.KindStart, protocol.KindLink, protocol.KindCanary, protocol.KindPurged:
	}
	return nil, errors.New("a subject that is no input's")
}

func readControl(m Message) (instance.Input, error) {
	h := m.Header
	c := instance.Control{
		Sequence: m.Sequence, Verb: instance.Verb(h.Get(protocol.HeaderVerb)),
		By: protocol.Text(h.Get(protocol.HeaderBy), MaxWho), Why: protocol.Text(h.Get(protocol.HeaderWhy), protocol.MaxReason),
		Step: h.Get(protocol.HeaderStep), Direction: protocol.Direction(h.Get(protocol.HeaderDirection)),
		As: protocol.Outcome(h.Get(protocol.HeaderAs)), Unsettled: h.Get(HeaderUnsettled) == "true", Output: m.Body,
	}
	if c.By == "" {
		return nil, fmt.Errorf("header %s is empty: a request says who asks", protocol.HeaderBy)
	}
	if len(m.Body) > protocol.MaxPayload {
		return nil, fmt.Errorf("the output has %d bytes, at most %d are allowed", len(m.Body), protocol.MaxPayload)
	}
	if text := h.Get(protocol.HeaderAttempt); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("header %s: %.40q is no attempt's number", protocol.HeaderAttempt, text)
		}
		c.Number = n
	}
	return c, nil
}

// HeaderUnsettled of a control asks to resolve a step without its participant.
const HeaderUnsettled = "Saga-Unsettled"

// newDecisionID draws the id by which a link is recognised when its append is
// in doubt.
func newDecisionID() string { return string(appendDecisionID(nil)) }

func appendDecisionID(b []byte) []byte {
	return strconv.AppendUint(strconv.AppendUint(b, rand.Uint64(), 36), rand.Uint64(), 36)
}

// Room for the headers of a link, with its condition, and for what of them is
// made for it: most links need no more.
const (
	headersOfCommand, sizeOfCommand = 18, 400
	headersOfLink, sizeOfLink       = 12, 160
)

// scratch has objects whose text is copied before they are put back.
var scratch = sync.Pool{New: func() any { return new(object) }}

// LinkDraft writes d, a decision about s, as the draft of the chain's next link.
// Where the saga is, and why, stands in headers of its own: who waits for its
// end needs to know no events.
func LinkDraft(subjects protocol.Subjects, p int, s *instance.State, d instance.Decision) (Draft, error) {
	o := scratch.Get().(*object)
	defer scratch.Put(o)
	o.b, o.err = o.b[:0], nil
	if o.events(d.Events); o.err != nil {
		return Draft{}, o.err
	}
	count, size := headersOfLink, sizeOfLink
	if d.Command != nil {
		count, size = headersOfCommand, sizeOfCommand
	}
	after, h := d.After, protocol.NewWriter(count, size)
	h.SetBytes(protocol.HeaderEvents, o.b)
	var room [32]byte
	chain := subjects.Chain(p, s.ID)
	h.SetBytes(protocol.HeaderExpectedSequence, strconv.AppendUint(room[:0], s.Last, 10))
	h.Set(protocol.HeaderExpectedSubject, chain) // who observes a link sees its condition too
	h.SetBytes(protocol.HeaderDecision, appendDecisionID(room[:0]))
	h.SetBytes(protocol.HeaderRead, strconv.AppendUint(room[:0], d.Read, 10))
	h.SetBytes(protocol.HeaderTime, protocol.AppendTime(room[:0], after.Updated))
	h.Set(protocol.HeaderStatus, after.Status.String())
	if after.Reason != "" && (after.Status == instance.Stuck || after.Status == instance.Compensated) {
		h.Set(protocol.HeaderReason, protocol.Text(after.Reason, protocol.MaxReason))
	}
	if s.Trace != "" {
		h.Set(protocol.HeaderTraceParent, s.Trace)
	}
	draft := Draft{Header: h.Header, Chain: chain, Expect: s.Last}
	c := d.Command
	if c == nil {
		h.Set(protocol.HeaderDefinition, s.Definition)
		h.Set(protocol.HeaderVersion, strconv.Itoa(s.Version))
		h.SetBytes(protocol.HeaderRun, strconv.AppendUint(room[:0], s.Run, 10))
		draft.Subject = subjects.Link(p, s.ID, protocol.NoOne)
		return draft, nil
	}
	draft.Subject, draft.Body = subjects.Link(p, s.ID, c.Participant), c.Body
	protocol.Command{
		Saga: s.ID, Definition: s.Definition, Version: s.Version, Attempt: c.Attempt, Action: c.Action,
		Due: c.Due, Settle: c.Settle, ContentType: protocol.ContentTypeJSON,
	}.Write(h)
	return draft, nil
}

// A PurgeRecord says which histories left the journal.
type PurgeRecord struct {
	Number uint64       `json:"number"` // counts the partition's records from 1
	Sagas  []PurgedSaga `json:"sagas"`
}

// A PurgedSaga is one run of an id whose messages up to Last left.
type PurgedSaga struct {
	ID   string `json:"id"`
	Run  uint64 `json:"run"` // 0: there was no start
	Last uint64 `json:"last"`
}

func readPurgeRecord(m Message) (PurgeRecord, error) {
	var r PurgeRecord
	err := json.Unmarshal(m.Body, &r)
	return r, err
}
