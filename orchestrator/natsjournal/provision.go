package natsjournal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/participants/protocol"
)

// Provision implements orchestrator.Journal.
func (j *Journal) Provision(ctx context.Context, participants []string) error {
	for _, participant := range participants {
		if err := protocol.CheckName("participant", participant); err != nil {
			return fmt.Errorf("provision: %w", err)
		}
		for _, s := range j.streams {
			if err := s.provision(ctx, participant); err != nil {
				return fmt.Errorf("provision %s in %s: %w", participant, s.name, err)
			}
		}
	}
	return nil
}

// provision makes one consumer. An operator may have given an existing one
// other times and bounds, but not another filter: its participant would
// receive somebody else's commands.
func (s *stream) provision(ctx context.Context, participant string) error {
	ctx, cancel := s.journal.bounded(ctx)
	defer cancel()
	want := s.journal.Consumer(participant)
	_, err := s.journal.js.CreateConsumer(ctx, s.name, want)
	if !errors.Is(err, jetstream.ErrConsumerExists) {
		return err
	}
	existing, err := s.journal.js.Consumer(ctx, s.name, want.Durable)
	if err != nil {
		return err
	}
	have := existing.CachedInfo().Config
	switch {
	case have.FilterSubject != want.FilterSubject:
		return &DifferentError{Stream: s.name, Field: "filter_subject of consumer " + want.Durable, Want: want.FilterSubject, Have: have.FilterSubject}
	case have.AckPolicy != want.AckPolicy:
		return &DifferentError{Stream: s.name, Field: "ack_policy of consumer " + want.Durable, Want: want.AckPolicy.String(), Have: have.AckPolicy.String()}
	}
	return nil
}

// Consumer returns how a participant's consumer is made, in every partition.
func (j *Journal) Consumer(participant string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       protocol.Durable(participant),
		Description:   "Amends: commands for " + participant,
		FilterSubject: j.subjects.Commands(participant),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       protocol.CommandAckWait,
		MaxAckPending: protocol.CommandMaxAckPending,
	}
}
