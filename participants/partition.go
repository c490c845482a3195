package participants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/participants/protocol"
)

// pull finds out how many partitions there are and pulls from each until ctx
// ends.
func (s *session) pull(ctx context.Context, running *sync.WaitGroup) {
	count, err := s.partitionCount(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.fail(err)
	default:
		for n := range count {
			running.Go(func() {
				p := &partition{session: s, stream: s.config.subjects.Stream(n), ahead: max(1, s.config.concurrency/count)}
				if err := p.pull(ctx); err != nil && ctx.Err() == nil {
					s.fail(err)
				}
			})
		}
	}
}

func (s *session) fail(err error) {
	select {
	case s.failed <- err:
	default: // another partition said why
	}
}

// partitionCount waits for the journal's first stream, whose metadata says it.
func (s *session) partitionCount(ctx context.Context) (int, error) {
	name := s.config.subjects.Stream(0)
	waiting := quiet{every: waitingLog}
	for {
		stream, err := s.js.Stream(ctx, name)
		if err == nil {
			count, err := protocol.Partitions(stream.CachedInfo().Config.Metadata)
			if err != nil {
				return 0, fmt.Errorf("participants: stream %s: %w", name, err)
			}
			if stream.CachedInfo().Config.AllowAtomicPublish {
				for range count {
					s.groups = append(s.groups, pipeline.NewGroup(s.sender))
				}
			}
			return count, nil
		}
		if err := s.denial(".STREAM.INFO." + name); err != nil {
			return 0, err
		}
		if waiting.speak() {
			s.config.logger.Info("waiting for the journal", slog.String("stream", name), slog.Any("error", err))
		}
		if !pause.For(ctx, retryWait) {
			return 0, ctx.Err()
		}
	}
}

// A partition is one stream of the journal and our consumer of it.
type partition struct {
	*session
	stream  string
	ahead   int       // commands fetched before a worker is free
	created time.Time // of the stream that floor belongs to
	floor   uint64    // every command up to it was acknowledged by some instance
}

// pull consumes until ctx ends, and makes the consumer anew when it is lost.
func (p *partition) pull(ctx context.Context) error {
	waiting := quiet{every: waitingLog}
	for ctx.Err() == nil {
		consumer, err := p.consumer(ctx)
		if err == nil {
			err = p.consume(ctx, consumer)
		}
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if denied := p.denial("." + p.stream + "." + protocol.Durable(p.name)); denied != nil {
			return denied
		}
		if waiting.speak() {
			p.config.logger.Warn("no commands at the moment", slog.String("stream", p.stream), slog.Any("error", err))
		}
		pause.For(ctx, retryWait)
	}
	return nil
}

// consume returns nil when ctx has ended and nothing more is delivered, or why
// the consumer is lost.
func (p *partition) consume(ctx context.Context, consumer jetstream.Consumer) error {
	troubles := make(chan error, 1)
	consuming, err := consumer.Consume(p.receive,
		jetstream.PullMaxMessages(p.ahead),
		jetstream.PullHeartbeat(5*time.Second),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			select {
			case troubles <- err:
			default: // one is being looked at
			}
		}))
	if err != nil {
		return err
	}
	look := time.NewTicker(waitingLog)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			consuming.Drain()
			select {
			case <-consuming.Closed():
			case <-time.After(publishTimeout): // a closed connection may not say so
			}
			return nil
		case <-consuming.Closed():
			return errors.New("the consumer was deleted")
		case err := <-troubles:
			p.config.logger.Debug("consumer", slog.String("stream", p.stream), slog.Any("error", err))
			if lost := p.look(ctx, consumer); lost != nil {
				consuming.Stop()
				return lost
			}
		case <-look.C:
			if lost := p.look(ctx, consumer); lost != nil {
				consuming.Stop()
				return lost
			}
		}
	}
}

// look asks how far the consumer is, and returns an error if it is gone. Other
// errors are the connection's, which comes back by itself.
func (p *partition) look(ctx context.Context, consumer jetstream.Consumer) error {
	info, err := consumer.Info(ctx)
	switch {
	case err == nil:
		p.floor = max(p.floor, info.AckFloor.Stream)
		return nil
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return err
	}
	return nil
}

// consumer returns the participant's durable consumer of the partition, which
// is made if it does not exist.
func (p *partition) consumer(ctx context.Context) (jetstream.Consumer, error) {
	stream, err := p.js.Stream(ctx, p.stream)
	if err != nil {
		return nil, err
	}
	if created := stream.CachedInfo().Created; !created.Equal(p.created) {
		p.created, p.floor = created, 0
	}
	durable := protocol.Durable(p.name)
	consumer, err := stream.Consumer(ctx, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = stream.CreateConsumer(ctx, p.wanted())
		if errors.Is(err, jetstream.ErrConsumerExists) { // another instance was faster
			consumer, err = stream.Consumer(ctx, durable)
		}
	}
	if err != nil {
		return nil, err
	}
	info := consumer.CachedInfo()
	p.floor = max(p.floor, info.AckFloor.Stream)
	p.compare(info.Config)
	return consumer, nil
}

// wanted is the consumer as we make it. After a loss it begins behind the last
// floor that we have seen: nothing that is unacknowledged is skipped, and
// little of what was done comes again.
func (p *partition) wanted() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable:       protocol.Durable(p.name),
		FilterSubject: p.config.subjects.Commands(p.name),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       protocol.CommandAckWait,
		MaxAckPending: protocol.CommandMaxAckPending,
		MaxDeliver:    -1,
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	if p.floor > 0 {
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, p.floor+1
	}
	return c
}

// compare says what is wrong with a consumer that somebody else made.
func (p *partition) compare(got jetstream.ConsumerConfig) {
	warn := func(field string, is, want any) {
		p.config.logger.Warn("the consumer is not as it should be", slog.String("stream", p.stream),
			slog.String("consumer", protocol.Durable(p.name)), slog.String("field", field),
			slog.Any("is", is), slog.Any("should_be", want))
	}
	if want := p.config.subjects.Commands(p.name); got.FilterSubject != want {
		warn("filter subject", got.FilterSubject, want)
	}
	if got.AckPolicy != jetstream.AckExplicitPolicy {
		warn("ack policy", got.AckPolicy.String(), jetstream.AckExplicitPolicy.String())
	}
	if got.MaxDeliver > 0 {
		warn("max deliver", got.MaxDeliver, -1)
	}
	patience := min(got.AckWait, slices.Min(append(slices.Clip(got.BackOff), got.AckWait)))
	if patience < 2*p.config.heartbeat {
		warn("ack wait", patience, 3*p.config.heartbeat)
	}
	select {
	case p.patience <- patience:
	case <-p.stop:
	}
}

// denial returns the server's word that we may not publish to a subject that
// has part in it, up to a dot or its end, or nil. The server says it beside the
// request, which times out, and of whoever else uses the connection too.
func (s *session) denial(part string) error {
	err := s.nc.LastError()
	if errors.Is(err, nats.ErrPermissionViolation) && (strings.Contains(err.Error(), part+".") || strings.Contains(err.Error(), part+`"`)) {
		return fmt.Errorf("participants: %w; grant it, or have the consumer %s made beforehand (docs/protocol.md)", err, protocol.Durable(s.name))
	}
	return nil
}

// quiet keeps a loop from saying one thing all the time.
type quiet struct {
	every time.Duration
	last  time.Time
}

func (q *quiet) speak() bool {
	if !q.last.IsZero() && time.Since(q.last) < q.every {
		return false
	}
	q.last = time.Now()
	return true
}
