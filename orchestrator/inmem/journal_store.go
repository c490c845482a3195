package inmem

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// A store is what the connections to one journal share.
type store struct {
	subjects      protocol.Subjects
	maxMessage    int
	maxPerSubject int

	mu       sync.Mutex
	stamp    time.Time // newest one given out
	streams  []*stream
	durables map[string]*durable
	grown    signal // of any stream, or a durable was made

	leases      *leaseStore
	definitions definitions
}

// now returns a stamp that no message had before, so that a tail that was
// lost and grew again can be recognised although virtual time stood still.
func (s *store) now() time.Time {
	now := time.Now().UTC().Round(0)
	if !now.After(s.stamp) {
		now = s.stamp.Add(1)
	}
	s.stamp = now
	return now
}

// A signal wakes everybody who waits for a change. The store's lock guards it.
type signal struct{ waiting chan struct{} }

func (s *signal) wait() <-chan struct{} {
	if s.waiting == nil {
		s.waiting = make(chan struct{})
	}
	return s.waiting
}

func (s *signal) wake() {
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}

// A stream is one partition's messages.
type stream struct {
	store      *store
	created    time.Time
	messages   []*orchestrator.Message // of sequence index+1; nil if it was purged
	bySaga     map[string][]uint64     // by the third token of the subject
	perSubject map[string]int
	grown      signal
	lost       signal // a part of it was lost
}

func (s *store) newStream() *stream {
	st := &stream{store: s}
	st.clear()
	return st
}

func (s *stream) clear() {
	s.created, s.messages = s.store.now(), nil
	s.bySaga, s.perSubject = map[string][]uint64{}, map[string]int{}
}

// add stores a message if the condition in its headers holds, as a server does.
func (s *stream) add(subject string, h protocol.Header, body []byte) (uint64, error) {
	if size := headerSize(h); size > maxHeader || size+len(body) > s.store.maxMessage {
		return 0, fmt.Errorf("append to %s: %d bytes: %w", subject, size+len(body), orchestrator.ErrTooMuch)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if err := s.condition(subject, h); err != nil {
		return 0, fmt.Errorf("append to %s: %w", subject, err)
	}
	if s.perSubject[subject] >= s.store.maxPerSubject {
		return 0, fmt.Errorf("append to %s: %d messages are there: %w", subject, s.perSubject[subject], orchestrator.ErrTooMuch)
	}
	m := &orchestrator.Message{
		Sequence: uint64(len(s.messages)) + 1, Time: s.store.now(),
		Subject: subject, Header: cloneHeader(h), Body: bytes.Clone(body),
	}
	if address, err := s.store.subjects.Parse(subject); err == nil {
		m.Address = address
	}
	s.messages = append(s.messages, m)
	s.bySaga[saga(subject)] = append(s.bySaga[saga(subject)], m.Sequence)
	s.perSubject[subject]++
	s.grown.wake()
	s.store.grown.wake()
	return m.Sequence, nil
}

// condition compares what h expects with what is there. A number that cannot
// be read is one that no message has; one that is empty is none.
func (s *stream) condition(subject string, h protocol.Header) error {
	text, chain := h.Get(protocol.HeaderExpectedSequence), h.Get(protocol.HeaderExpectedSubject)
	if text == "" {
		if chain != "" {
			return fmt.Errorf("a condition on %s without a sequence", chain)
		}
		return nil
	}
	if chain == "" {
		chain = subject
	}
	want, err := strconv.ParseUint(text, 10, 63)
	var last uint64
	if m := s.last(chain); m != nil {
		last = m.Sequence
	}
	if err != nil || last != want {
		return fmt.Errorf("expected %.20s, the last is %d: %w", text, last, orchestrator.ErrConflict)
	}
	return nil
}

// last returns the newest message whose subject matches filter, or nil.
func (s *stream) last(filter string) *orchestrator.Message {
	if id := saga(filter); id != "" && id != "*" && id != ">" {
		for _, sequence := range slices.Backward(s.bySaga[id]) {
			if m := s.messages[sequence-1]; matches(m.Subject, filter) {
				return m
			}
		}
		return nil
	}
	for _, m := range slices.Backward(s.messages) {
		if m != nil && matches(m.Subject, filter) {
			return m
		}
	}
	return nil
}

// remove deletes a message, as a purge does.
func (s *stream) remove(m *orchestrator.Message) {
	s.messages[m.Sequence-1] = nil
	if s.perSubject[m.Subject]--; s.perSubject[m.Subject] == 0 {
		delete(s.perSubject, m.Subject)
	}
	id := saga(m.Subject)
	rest := slices.DeleteFunc(s.bySaga[id], func(sequence uint64) bool { return sequence == m.Sequence })
	if len(rest) == 0 {
		delete(s.bySaga, id)
		return
	}
	s.bySaga[id] = rest
}

// from returns up to limit messages from sequence next on.
func (s *stream) from(next uint64, limit int) []orchestrator.Message {
	var found []orchestrator.Message
	for i := max(next, 1) - 1; i < uint64(len(s.messages)) && len(found) < limit; i++ {
		if m := s.messages[i]; m != nil {
			found = append(found, *m)
		}
	}
	return found
}

// saga returns the third token of a subject.
func saga(subject string) string {
	_, rest, _ := strings.Cut(subject, ".")
	_, rest, _ = strings.Cut(rest, ".")
	id, _, _ := strings.Cut(rest, ".")
	return id
}

// matches reports whether filter, which may hold wildcards, matches subject.
func matches(subject, filter string) bool {
	for {
		want, filterRest, filterMore := strings.Cut(filter, ".")
		have, rest, more := strings.Cut(subject, ".")
		switch {
		case want == ">":
			return true
		case want != "*" && want != have, more != filterMore:
			return false
		case !more:
			return true
		}
		filter, subject = filterRest, rest
	}
}

func cloneHeader(h protocol.Header) protocol.Header {
	if h == nil {
		return nil
	}
	c := make(protocol.Header, len(h)+2)
	for key, values := range h {
		c[key] = slices.Clone(values)
	}
	return c
}

// headerSize is the size of h on the wire.
func headerSize(h protocol.Header) int {
	if len(h) == 0 {
		return 0
	}
	size := len("NATS/1.0\r\n\r\n")
	for key, values := range h {
		for _, value := range values {
			size += len(key) + len(": \r\n") + len(value)
		}
	}
	return size
}
