package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Codes of the API's errors that jetstream has no names for.
const (
	codeNoMessage       jetstream.ErrorCode = 10037
	codeMessageTooLarge jetstream.ErrorCode = 10054
	codeStoreFailed     jetstream.ErrorCode = 10077 // too many messages of one subject, too
	codeHeaderTooLarge  jetstream.ErrorCode = 10097
)

// call asks JetStream's API, which answers from the stream's leader.
func (c *Client) call(ctx context.Context, subject string, request, response any) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.nc.RequestWithContext(ctx, c.api+subject, body)
	if err != nil {
		return c.hint(err)
	}
	var failure struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &failure); err != nil {
		return fmt.Errorf("answer %.80q: %w", answer.Data, err)
	}
	if failure.Error != nil {
		return failure.Error
	}
	return json.Unmarshal(answer.Data, response)
}

// stream returns the configuration of one of the journal's streams.
func (c *Client) stream(ctx context.Context, stream string) (jetstream.StreamConfig, error) {
	var info jetstream.StreamInfo
	err := c.call(ctx, "STREAM.INFO."+stream, nil, &info)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), isCode(err, jetstream.JSErrCodeStreamNotFound):
		return jetstream.StreamConfig{}, fmt.Errorf("client: stream %s: %w", stream, ErrNoJournal)
	case errors.Is(err, nats.ErrNoResponders):
		return jetstream.StreamConfig{}, fmt.Errorf("client: %w: the server at %s has no JetStream", ErrNoJournal, c.nc.ConnectedUrlRedacted())
	case err != nil:
		return jetstream.StreamConfig{}, fmt.Errorf("client: look for stream %s: %w", stream, err)
	}
	return info.Config, nil
}

// A lookup asks the leader for one message: the last one of a subject, or the
// next of a subject from a sequence on.
type lookup struct {
	Sequence      uint64 `json:"seq,omitempty"`
	LastBySubject string `json:"last_by_subj,omitempty"`
	NextBySubject string `json:"next_by_subj,omitempty"`
}

// look returns the message that l asks for, or ErrNotFound.
func (c *Client) look(ctx context.Context, p int, l lookup) (orchestrator.Message, error) {
	var response struct {
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	err := c.call(ctx, "STREAM.MSG.GET."+c.subjects.Stream(p), l, &response)
	if isCode(err, codeNoMessage) {
		return orchestrator.Message{}, ErrNotFound
	}
	if err != nil {
		return orchestrator.Message{}, err
	}
	found := response.Message
	m := orchestrator.Message{Sequence: found.Sequence, Time: found.Time.UTC(), Subject: found.Subject, Body: found.Data}
	if len(found.Header) > 0 {
		h, err := nats.DecodeHeadersMsg(found.Header)
		if err != nil {
			return orchestrator.Message{}, fmt.Errorf("headers of message %d: %w", found.Sequence, err)
		}
		m.Header = protocol.Header(h)
	}
	if a, err := c.subjects.Parse(m.Subject); err == nil {
		m.Address = a
	}
	return m, nil
}

// replay reads a saga message by message and folds it: the way that needs no
// orchestrator.
func (c *Client) replay(ctx context.Context, p int, id string) (orchestrator.Replayed, error) {
	var history []orchestrator.Message
	for next := uint64(1); ; {
		m, err := c.look(ctx, p, lookup{Sequence: next, NextBySubject: c.subjects.Saga(p, id)})
		if errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil {
			return orchestrator.Replayed{}, fmt.Errorf("history of %s: %w", id, err)
		}
		history, next = append(history, m), m.Sequence+1
	}
	n, err := c.Partitions(ctx)
	if err != nil {
		return orchestrator.Replayed{}, err
	}
	r, err := orchestrator.Replay(history, n, nil)
	if errors.Is(err, orchestrator.ErrNoStart) {
		err = fmt.Errorf("saga %s: %w", id, ErrNotFound)
	}
	return r, err
}

// publish stores m, and returns its sequence. While it is in doubt, it sends
// the same bytes under the same condition. orchestrator.ErrConflict says that
// the condition did not hold, perhaps because an earlier try was stored.
func (c *Client) publish(ctx context.Context, m *nats.Msg) (uint64, error) {
	ctx, cancel := bounded(ctx, 6*c.timeout)
	defer cancel()
	for try := 1; ; try++ {
		sequence, err := c.publishOnce(ctx, m)
		if err == nil || !errors.Is(err, ErrInDoubt) {
			return sequence, err
		}
		if ctx.Err() != nil || c.nc.IsClosed() || !pause.For(ctx, min(time.Duration(try)*50*time.Millisecond, time.Second)) {
			return 0, err
		}
	}
}

func (c *Client) publishOnce(ctx context.Context, m *nats.Msg) (uint64, error) {
	once, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	doubt := func(err error) error { return fmt.Errorf("%w: %w", ErrInDoubt, c.hint(err)) }
	sequence, err := c.send(once, m)
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return sequence, nil
	case errors.As(err, &refused):
	case errors.Is(err, pipeline.ErrInDoubt): // even if the connection is closed by now
		return 0, doubt(err)
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject),
		errors.Is(err, nats.ErrBadHeaderMsg), errors.Is(err, nats.ErrConnectionClosed):
		return 0, err
	default:
		if denied := c.nc.LastError(); errors.Is(denied, nats.ErrPermissionViolation) && strings.Contains(denied.Error(), `"`+m.Subject+`"`) {
			return 0, denied // the server threw it away
		}
		return 0, doubt(err)
	}
	switch code := refused.ErrorCode; {
	case code == jetstream.JSErrCodeStreamWrongLastSequence, code == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return 0, orchestrator.ErrConflict
	case code == codeMessageTooLarge, code == codeHeaderTooLarge, code == codeStoreFailed:
		return 0, fmt.Errorf("%w: %w", orchestrator.ErrTooMuch, refused)
	case refused.Code == 503: // no leader, or no resources at the moment
		return 0, doubt(refused)
	}
	return 0, refused
}

// send sends m, and returns what the server says. Where the journal takes
// batches, messages of many callers share one.
func (c *Client) send(ctx context.Context, m *nats.Msg) (uint64, error) {
	group := c.group(m.Subject)
	if group == nil {
		answer, err := c.nc.RequestMsgWithContext(ctx, m)
		if err != nil {
			return 0, err
		}
		return pipeline.ReadAck(answer)
	}
	type result struct {
		sequence uint64
		err      error
	}
	answered := make(chan result, 1)
	// A copy: it may still wait to be sent when ctx is over, and m is sent again.
	group.Publish(&nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}, func(sequence uint64, err error) {
		answered <- result{sequence, err}
	})
	select {
	case r := <-answered:
		return r.sequence, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// isCode reports whether err is the API's error of that code.
func isCode(err error, code jetstream.ErrorCode) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && e.ErrorCode == code
}
