package natsjournal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Codes of the API's errors that jetstream has no names for.
const (
	codeMessageTooLarge jetstream.ErrorCode = 10054
	codeHeaderTooLarge  jetstream.ErrorCode = 10097
	codeStoreFailed     jetstream.ErrorCode = 10077 // with the store's own words
)

// Append implements orchestrator.Appender.
func (s *stream) Append(d orchestrator.Draft, done func(uint64, error)) {
	if !strings.HasPrefix(d.Subject, s.subjects) {
		go done(0, fmt.Errorf("append to %s: it is not of partition %d", d.Subject, s.partition))
		return
	}
	s.journal.publisher.publish(&nats.Msg{Subject: d.Subject, Header: header(d), Data: d.Body}, done)
}

// header returns d's headers with its condition among them. They are d's own,
// which a draft that is sent again has already: a copy for each message cost
// more than the rest of Append.
func header(d orchestrator.Draft) nats.Header {
	if d.Chain == "" {
		return nats.Header(d.Header)
	}
	h := d.Header
	if h == nil {
		h = protocol.Header{}
	}
	h.Set(protocol.HeaderExpectedSequence, strconv.FormatUint(d.Expect, 10))
	h.Set(protocol.HeaderExpectedSubject, d.Chain)
	return nats.Header(h)
}

// publishError says what a failure to send means. Only what the client itself
// refuses was certainly not stored.
func publishError(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", err, orchestrator.ErrTooMuch)
	case errors.Is(err, nats.ErrBadSubject), errors.Is(err, nats.ErrBadHeaderMsg), errors.Is(err, nats.ErrHeadersNotSupported):
		return err
	}
	return fmt.Errorf("%w: %w", err, orchestrator.ErrInDoubt)
}

// readAck reads the answer to a publish.
func readAck(m *nats.Msg) (uint64, error) {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return 0, fmt.Errorf("%w: %w", nats.ErrNoResponders, orchestrator.ErrInDoubt)
	}
	if sequence, ok := plainAck(m.Data); ok {
		return sequence, nil
	}
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return 0, fmt.Errorf("acknowledgement %.80q: %w: %w", m.Data, err, orchestrator.ErrInDoubt)
	}
	switch {
	case ack.Error != nil:
		return 0, storeError(ack.Error)
	case ack.Sequence == 0:
		return 0, fmt.Errorf("acknowledgement %.80q: %w", m.Data, orchestrator.ErrInDoubt)
	}
	return ack.Sequence, nil
}

// plainAck reads the usual acknowledgement, {"stream":"SAGA-0","seq":7}, which
// is worth its ten lines: there is one for each message.
func plainAck(data []byte) (sequence uint64, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"stream":"`))
	if !ok {
		return 0, false
	}
	_, rest, ok = bytes.Cut(rest, []byte(`"`))
	if !ok || bytes.IndexByte(rest, '"') < 0 {
		return 0, false
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, ", "), []byte(`"seq":`)); !ok || len(rest) < 2 || len(rest) > 20 || rest[len(rest)-1] != '}' {
		return 0, false
	}
	for _, c := range rest[:len(rest)-1] {
		if c < '0' || c > '9' {
			return 0, false
		}
		sequence = sequence*10 + uint64(c-'0')
	}
	return sequence, sequence > 0
}

// storeError says what the server's refusal means.
func storeError(e *jetstream.APIError) error {
	switch e.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return fmt.Errorf("%w: %w", e, orchestrator.ErrConflict)
	case codeMessageTooLarge, codeHeaderTooLarge:
		return fmt.Errorf("%w: %w", e, orchestrator.ErrTooMuch)
	case codeStoreFailed:
		// The same code tells of a stream over its bound in bytes and of a
		// broken store. Those are no fault of one saga.
		if strings.Contains(e.Description, "per subject") {
			return fmt.Errorf("%w: %w", e, orchestrator.ErrTooMuch)
		}
	}
	return e
}
