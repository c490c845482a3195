package participants

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/participants/protocol"
)

// receive takes what a consumer delivered. Blocking here is what holds the
// next commands back.
func (s *session) receive(msg jetstream.Msg) {
	select {
	case s.room <- struct{}{}:
	case <-s.stop:
	}
	if s.stopping.Load() {
		_ = msg.Nak() // another instance can have it at once; if not told so, later
		return
	}
	s.counts.received.Add(1)
	s.counts.running.Add(1)
	d := &delivery{msg: msg}
	s.flights.add(d)
	if err := s.read(d); err != nil {
		s.counts.undecodable.Add(1)
		s.terminate(d, "undecodable command was terminated", err)
		return
	}
	select {
	case s.slots <- struct{}{}:
		s.crew.add(d)
	case <-s.stop:
		_ = msg.Nak()
		s.done(d)
	}
}

// read takes the command apart. What cannot be read today cannot be read
// tomorrow, and without its attempt it cannot be answered either.
func (s *session) read(d *delivery) (err error) {
	d.address, err = s.config.subjects.Parse(d.msg.Subject())
	if err != nil {
		return err
	}
	if d.address.Kind != protocol.KindLink || d.address.Name != s.name {
		return fmt.Errorf("subject %.200q has no command for %s", d.msg.Subject(), s.name)
	}
	d.command, err = protocol.ReadCommand(d.address, protocol.Header(d.msg.Headers()), d.msg.Data())
	return err
}

// handle calls the handler and sends its reply to the journal. It does not wait
// for the journal's answer: stored and notStored go on from there.
func (s *session) handle(d *delivery) {
	returned := false
	defer func() {
		<-s.slots
		if !returned {
			s.again(d, errors.New("the handler ended its goroutine"))
		}
	}()
	ctx, span := s.tracer.start(s.base, d)
	d.trace = ctx
	reply, err := s.Answer(ctx, d.command)
	returned = true
	span.end(reply.Outcome, err)
	switch {
	case s.base.Err() != nil:
		// The handler was told to give up: what it answered may be that.
		s.again(d, s.base.Err())
	case IsConflict(err):
		s.counts.conflicts.Add(1)
		s.terminate(d, "no outcome would be true, command was terminated: somebody has to look", err)
	case err != nil:
		s.counts.inDoubt.Add(1)
		s.again(d, err)
	default:
		header := make(protocol.Header, 8) // a map for more is one for many more
		reply.WriteHeader(header)
		header.Set(protocol.HeaderInstance, s.instance)
		span.inject(header)
		d.outcome = reply.Outcome
		d.reply = &nats.Msg{
			Subject: s.config.subjects.Reply(d.address.Partition, d.address.ID, s.name),
			Header:  nats.Header(header), Data: reply.Body,
		}
		s.publish(d)
	}
}

func (s *session) publish(d *delivery) {
	publish := s.sender.Publish
	if d.address.Partition < len(s.groups) {
		publish = s.groups[d.address.Partition].Publish
	}
	publish(d.reply, func(_ uint64, err error) {
		if err != nil {
			s.notStored(d, err)
			return
		}
		s.stored(d)
	})
}

// stored acknowledges a command whose reply is in the journal. The server does
// not confirm it: an acknowledgement that is lost costs one more delivery, and
// the same answer once more. It runs where the journal's answers are read and
// must not block.
func (s *session) stored(d *delivery) {
	s.counts.answered(d.outcome)
	if err := d.msg.Ack(); err != nil {
		s.config.logger.DebugContext(d.context(), "acknowledgement was not sent, the command comes again", about(d.command), slog.Any("error", err))
	}
	s.done(d)
}

// notStored sends a reply again until it is stored or the session is over. What
// a time-out leaves in doubt may be stored twice: the second copy answers no
// attempt in flight and changes nothing.
func (s *session) notStored(d *delivery, err error) {
	if neverStored(err) {
		s.counts.unstorable.Add(1)
		s.terminate(d, "the journal does not take the reply, command was terminated", err)
		return
	}
	d.tries++
	s.counts.republished.Add(1)
	if denied := s.denial(d.reply.Subject); denied != nil {
		err = denied
	}
	s.config.logger.WarnContext(d.context(), "reply is not stored yet", about(d.command), slog.Int("tries", d.tries), slog.Any("error", err))
	go func() {
		if !pause.For(s.base, backoff(d.tries, publishTimeout)) || s.nc.IsClosed() {
			s.again(d, errors.New("stopped before the reply was stored"))
			return
		}
		s.publish(d)
	}()
}

// neverStored reports whether sending the same reply again is in vain.
func neverStored(err error) bool {
	const tooLarge = 10054
	var api *jetstream.APIError
	return errors.Is(err, nats.ErrMaxPayload) || errors.As(err, &api) && api.ErrorCode == tooLarge
}

// again gives a command back, to be delivered again after a while.
func (s *session) again(d *delivery, err error) {
	deliveries := 1
	if meta, bad := d.msg.Metadata(); bad == nil {
		deliveries = int(min(meta.NumDelivered, 20))
	}
	wait := backoff(deliveries, 30*time.Second)
	s.config.logger.WarnContext(d.context(), "command has no answer yet and comes again",
		about(d.command), slog.Int("deliveries", deliveries), slog.Duration("wait", wait), slog.Any("error", err))
	_ = d.msg.NakWithDelay(wait) // not told so, the server delivers it after its AckWait
	s.done(d)
}

// terminate makes the server forget a command that nobody can answer. Its step
// becomes unknown when its time is over.
func (s *session) terminate(d *delivery, what string, err error) {
	reason := protocol.Text(err.Error(), 200)
	s.config.logger.ErrorContext(d.context(), what, slog.String("subject", protocol.Text(d.msg.Subject(), 200)), about(d.command), slog.String("error", reason))
	_ = d.msg.TermWithReason(reason)
	s.done(d)
}

// done ends a delivery: every one that receive took ends here, once.
func (s *session) done(d *delivery) {
	s.flights.remove(d)
	s.counts.running.Add(-1)
	<-s.room
}

// backoff doubles from 100 ms to a cap.
func backoff(n int, most time.Duration) time.Duration {
	return min(100*time.Millisecond<<min(n-1, 16), most)
}
