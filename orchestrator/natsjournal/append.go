package natsjournal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/pipeline"
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
	s.publish(&nats.Msg{Subject: d.Subject, Header: header(d), Data: d.Body}, func(sequence uint64, err error) {
		done(sequence, appendError(err))
	})
}

// header returns d's headers with its condition among them. They are d's own:
// a copy for each message cost more than the rest of Append. What has it already
// is not changed, as others may read it by now.
func header(d orchestrator.Draft) nats.Header {
	if d.Chain == "" {
		return nats.Header(d.Header)
	}
	h := d.Header
	if h == nil {
		h = protocol.Header{}
	}
	expect, err := strconv.ParseUint(h.Get(protocol.HeaderExpectedSequence), 10, 64)
	if err != nil || expect != d.Expect || h.Get(protocol.HeaderExpectedSubject) != d.Chain {
		condition := h.Writer(2)
		condition.Set(protocol.HeaderExpectedSequence, strconv.FormatUint(d.Expect, 10))
		condition.Set(protocol.HeaderExpectedSubject, d.Chain)
	}
	return nats.Header(h)
}

// appendError says what an answer of the pipeline means.
func appendError(err error) error {
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return storeError(refused)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", err, orchestrator.ErrTooMuch)
	case errors.Is(err, pipeline.ErrInDoubt):
		return fmt.Errorf("%w: %w", err, orchestrator.ErrInDoubt)
	}
	return err
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
