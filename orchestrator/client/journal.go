package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/orchestrator"
)

// Codes of the API's errors that jetstream has no names for.
const (
	codeMessageTooLarge jetstream.ErrorCode = 10054
	codeStoreFailed     jetstream.ErrorCode = 10077 // too many messages of one subject, too
	codeHeaderTooLarge  jetstream.ErrorCode = 10097
)

// stream returns the configuration of one of the journal's streams.
func (c *Client) stream(ctx context.Context, stream string) (jetstream.StreamConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	info, err := c.leader.Info(ctx, stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), leader.IsCode(err, jetstream.JSErrCodeStreamNotFound):
		return jetstream.StreamConfig{}, fmt.Errorf("client: stream %s: %w", stream, ErrNoJournal)
	case errors.Is(err, nats.ErrNoResponders):
		return jetstream.StreamConfig{}, fmt.Errorf("client: %w: the server at %s has no JetStream", ErrNoJournal, c.nc.ConnectedUrlRedacted())
	case err != nil:
		return jetstream.StreamConfig{}, fmt.Errorf("client: look for stream %s: %w", stream, err)
	}
	return info.Config, nil
}

// look returns the message that l asks for, or ErrNotFound.
func (c *Client) look(ctx context.Context, p int, l leader.Lookup) (orchestrator.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.leader.Look(ctx, c.subjects.Stream(p), l)
}

// replay reads a saga message by message and folds it: the way that needs no
// orchestrator.
func (c *Client) replay(ctx context.Context, p int, id string) (orchestrator.Replayed, error) {
	var history []orchestrator.Message
	for next := uint64(1); ; {
		m, err := c.look(ctx, p, leader.Lookup{Sequence: next, NextBySubject: c.subjects.Saga(p, id)})
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
		errors.Is(err, nats.ErrBadHeaderMsg):
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
