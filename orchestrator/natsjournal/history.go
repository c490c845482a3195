package natsjournal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of one page of a history.
const (
	pageMessages = 512
	pageBytes    = 8 << 20
)

// Headers that a batched direct get adds to what was stored (ADR-31). nats.go
// has no call for it.
var added = []string{
	jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.SequenceHeader,
	jetstream.TimeStampHeaer, headerNumPending, jetstream.LastSequenceHeader,
}

const headerNumPending = "Nats-Num-Pending"

// A page asks for the messages of a subject from a sequence on.
type page struct {
	Sequence      uint64 `json:"seq"`
	NextBySubject string `json:"next_by_subj"`
	Batch         int    `json:"batch"`
	MaxBytes      int    `json:"max_bytes"`
}

// History implements orchestrator.Historian.
func (s *stream) History(ctx context.Context, id string, from uint64) ([]orchestrator.Message, error) {
	if err := protocol.CheckID(id); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	ctx, cancel := s.journal.bounded(ctx)
	defer cancel()
	var found []orchestrator.Message
	// One message says how many there are, and then so many are asked for: when
	// a page has room for one more, the server looks for it up to the stream's
	// end, which takes a hundred times as long as the others.
	next := page{Sequence: max(from, 1), NextBySubject: s.journal.subjects.Saga(s.partition, id), Batch: 1, MaxBytes: pageBytes}
	for {
		messages, pending, err := s.page(ctx, next)
		switch {
		case err != nil:
			return nil, fmt.Errorf("history of %s: %w", id, err)
		case pending == 0 || len(messages) == 0:
			return append(found, messages...), nil
		case next.Batch == 1:
			next.Batch = min(1+pending, pageMessages) // that one again: the server counts from the start for nothing
		default:
			found = append(found, messages...)
			next.Sequence, next.Batch = messages[len(messages)-1].Sequence+1, min(pending, pageMessages)
		}
	}
}

// page reads one page, and returns how many there are behind it.
func (s *stream) page(ctx context.Context, p page) (found []orchestrator.Message, pending int, err error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, 0, err
	}
	answers, end, err := s.journal.replies.request(s.journal.leader.Prefix+"DIRECT.GET."+s.name, body, p.Batch+1)
	if err != nil {
		return nil, 0, err
	}
	defer end()
	var last uint64
	for {
		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case m := <-answers:
			// A stored message has a subject, whatever its headers say.
			if final(m.Header, jetstream.SubjectHeader) == "" {
				pending, err := endOfPage(m, last)
				return found, pending, err
			}
			message, before, err := s.stored(m)
			if err != nil {
				return nil, 0, err
			}
			if before != last {
				return nil, 0, fmt.Errorf("messages between %d and %d did not arrive", last, before)
			}
			last = message.Sequence
			found = append(found, message)
		}
	}
}

// endOfPage reads the message that ends a page.
func endOfPage(m *nats.Msg, last uint64) (pending int, err error) {
	switch status := m.Header.Get("Status"); status {
	case "204":
		if text := m.Header.Get(jetstream.LastSequenceHeader); text != strconv.FormatUint(last, 10) {
			return 0, fmt.Errorf("messages after %d up to %.20s did not arrive", last, text)
		}
		return strconv.Atoi(m.Header.Get(headerNumPending))
	case "404":
		return 0, nil
	case "503":
		return 0, nats.ErrNoResponders
	default:
		return 0, fmt.Errorf("status %.20q %.80q", status, m.Header.Get("Description"))
	}
}

// stored takes the message that was stored out of an answer, and the sequence
// of the one sent before it.
func (s *stream) stored(m *nats.Msg) (orchestrator.Message, uint64, error) {
	sequence, err := strconv.ParseUint(final(m.Header, jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return orchestrator.Message{}, 0, err
	}
	before, err := strconv.ParseUint(final(m.Header, jetstream.LastSequenceHeader), 10, 64)
	if err != nil {
		return orchestrator.Message{}, 0, err
	}
	stamp, err := time.Parse(time.RFC3339Nano, final(m.Header, jetstream.TimeStampHeaer))
	if err != nil {
		return orchestrator.Message{}, 0, err
	}
	subject := final(m.Header, jetstream.SubjectHeader)
	for _, name := range added {
		// Those that were stored, if a publisher sent some, come first.
		if values := m.Header[name]; len(values) > 1 {
			m.Header[name] = values[:len(values)-1]
		} else {
			delete(m.Header, name)
		}
	}
	message := orchestrator.Message{
		Sequence: sequence, Time: stamp.UTC(), Subject: subject, Address: s.journal.leader.Address(subject), Body: m.Data,
	}
	if len(m.Header) > 0 {
		message.Header = protocol.Header(m.Header)
	}
	return message, before, nil
}

// final returns the last value of name: the server adds its own behind those
// of the publisher.
func final(h nats.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// Last implements orchestrator.Historian.
func (s *stream) Last(ctx context.Context, id string) (orchestrator.Message, error) {
	if err := protocol.CheckID(id); err != nil {
		return orchestrator.Message{}, fmt.Errorf("last link: %w", err)
	}
	m, err := s.journal.look(ctx, s.name, leader.Lookup{LastBySubject: s.journal.subjects.Chain(s.partition, id)})
	if err != nil {
		return orchestrator.Message{}, fmt.Errorf("last link of %s: %w", id, err)
	}
	return m, nil
}

// Get implements orchestrator.Historian.
func (s *stream) Get(ctx context.Context, sequence uint64) (orchestrator.Message, error) {
	if sequence == 0 {
		return orchestrator.Message{}, fmt.Errorf("message 0: %w", orchestrator.ErrNotFound)
	}
	m, err := s.journal.look(ctx, s.name, leader.Lookup{Sequence: sequence})
	if err != nil {
		return orchestrator.Message{}, fmt.Errorf("message %d: %w", sequence, err)
	}
	return m, nil
}

// Tail implements orchestrator.Historian.
func (s *stream) Tail(ctx context.Context) (orchestrator.Tail, error) {
	info, err := s.journal.info(ctx, s.name)
	if err != nil {
		return orchestrator.Tail{}, fmt.Errorf("tail: %w", err)
	}
	tail := orchestrator.Tail{Created: info.Created.UTC(), First: info.State.FirstSeq, Last: info.State.LastSeq}
	if info.State.Msgs == 0 {
		tail.First = tail.Last + 1
	}
	return tail, nil
}

// Purges implements orchestrator.Historian.
func (s *stream) Purges(ctx context.Context) ([]orchestrator.Message, error) {
	var records []orchestrator.Message
	subject := s.journal.subjects.Purged(s.partition)
	for _, l := range []leader.Lookup{{Sequence: 1, NextBySubject: subject}, {LastBySubject: subject}} {
		m, err := s.journal.look(ctx, s.name, l)
		switch {
		case isNotFound(err):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("purges of partition %d: %w", s.partition, err)
		case len(records) == 0 || m.Sequence > records[0].Sequence:
			records = append(records, m)
		}
	}
	return records, nil
}
