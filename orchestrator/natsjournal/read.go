package natsjournal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// A consumer that begins a little behind the first message makes the server
// count all subjects, for many seconds if there are millions, in which it stores
// nothing. So whoever begins within so many messages reads those before too.
const nearFirst = 10_000

// Read implements orchestrator.Reader.
func (s *stream) Read(ctx context.Context, from uint64, handle func(orchestrator.Message) error) error {
	begin := max(from, 1)
	if from > 1 { // else there is nothing before it
		whole, err := s.Tail(ctx)
		if err != nil {
			return fmt.Errorf("read partition %d from %d: %w", s.partition, from, interruption(ctx, err))
		}
		if from > whole.First && from-whole.First <= nearFirst {
			begin = whole.First
		}
	}
	return s.read(ctx, begin, max(from, 1), "", handle)
}

// ReadInputs implements orchestrator.Reader. It begins where it is told to: a
// filter makes the server count subjects at the first message, too.
func (s *stream) ReadInputs(ctx context.Context, from uint64, handle func(orchestrator.Message) error) error {
	return s.read(ctx, max(from, 1), max(from, 1), s.journal.subjects.Inputs(s.partition), handle)
}

// read hands out what comes from sequence from on. Its consumer begins at begin.
func (s *stream) read(ctx context.Context, begin, from uint64, filter string, handle func(orchestrator.Message) error) error {
	config := jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: begin, FilterSubject: filter}
	// The stream is asked after its consumer was made: were it made anew in
	// between, the consumer would be gone and never heard of.
	start := func(ctx context.Context, _ *jetstream.ConsumerInfo) error {
		tail, err := s.Tail(ctx)
		if err != nil {
			return err
		}
		if from > tail.Last+1 {
			return fmt.Errorf("it ends at %d: %w", tail.Last, orchestrator.ErrInterrupted)
		}
		return nil
	}
	var last uint64
	take := func(d delivery) error {
		if d.sequence <= last || d.sequence < begin {
			return fmt.Errorf("message %d came after %d: %w", d.sequence, max(last, begin-1), orchestrator.ErrInterrupted)
		}
		last = d.sequence
		if last < from {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return handle(orchestrator.Message{
			Sequence: d.sequence, Time: d.time, Address: s.journal.leader.Address(d.Subject),
			Subject: d.Subject, Header: protocol.Header(d.Header), Body: d.Data,
		})
	}
	if err := s.journal.follow(ctx, s.name, config, start, take); err != nil {
		return fmt.Errorf("read partition %d from %d: %w", s.partition, from, interruption(ctx, err))
	}
	return nil
}

// interruption tells what ended a feed. What the API answers while a leader is
// elected, or to a connection that was just lost, is an interruption too.
func interruption(ctx context.Context, err error) error {
	var refused *jetstream.APIError
	switch {
	case ctx.Err() != nil, errors.Is(err, orchestrator.ErrInterrupted):
		return err
	case errors.As(err, &refused), errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout),
		errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrReconnectBufExceeded),
		errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%w: %w", err, orchestrator.ErrInterrupted)
	}
	return err
}
