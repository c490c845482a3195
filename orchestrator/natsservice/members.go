package natsservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// status is asked of every member.
func (s *Service) status(context.Context, struct{}) (orchestrator.StatusAnswer, error) {
	o := s.cfg.Orchestrator
	return orchestrator.StatusAnswer{Status: o.Status(), Members: o.Members(), Version: s.cfg.Version}, nil
}

// rejected is asked of every member: each remembers what it rejected itself.
func (s *Service) rejected(_ context.Context, r orchestrator.RejectedRequest) (orchestrator.RejectedAnswer, error) {
	if r.Limit < 0 {
		return orchestrator.RejectedAnswer{}, invalid(fmt.Errorf("limit %d is negative", r.Limit))
	}
	o := s.cfg.Orchestrator
	list := o.Rejected()
	a := orchestrator.RejectedAnswer{Member: o.Status().Member, Members: o.Members()}
	if r.Limit > 0 && len(list) > r.Limit {
		list = list[len(list)-r.Limit:]
	}
	slices.Reverse(list) // the newest ones are kept where not all fit
	n, err := fit(s.most(), list)
	if err != nil {
		return a, err
	}
	a.Rejected, a.Cut = list[:n], n < len(list)
	slices.Reverse(a.Rejected)
	return a, nil
}

// participants adds up the consumers of everybody whom a registered definition
// names.
func (s *Service) participants(ctx context.Context, _ struct{}) (orchestrator.ParticipantsAnswer, error) {
	var a orchestrator.ParticipantsAnswer
	definitions, err := s.cfg.Journal.Registry().Definitions(ctx)
	if err != nil {
		return a, err
	}
	var names []string
	for _, d := range definitions {
		names = append(names, d.Participants()...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		counts := orchestrator.ParticipantCounts{Name: name}
		for p := range s.cfg.Journal.Partitions() {
			if err := s.consumer(ctx, s.subjects.Stream(p), protocol.Durable(name), &counts); err != nil {
				return a, fmt.Errorf("consumer %s of partition %d: %w", name, p, err)
			}
		}
		a.Participants = append(a.Participants, counts)
	}
	return a, nil
}

// consumer adds what the server says of one consumer to c.
func (s *Service) consumer(ctx context.Context, stream, durable string, c *orchestrator.ParticipantCounts) error {
	m, err := s.nc.RequestWithContext(ctx, s.cfg.API+".CONSUMER.INFO."+stream+"."+durable, nil)
	if err != nil {
		return err
	}
	var info struct {
		Error *jetstream.APIError `json:"error"`
		jetstream.ConsumerInfo
	}
	if err := json.Unmarshal(m.Data, &info); err != nil {
		return err
	}
	switch {
	case info.Error != nil && info.Error.ErrorCode == jetstream.JSErrCodeConsumerNotFound:
		c.Missing++
		return nil
	case info.Error != nil:
		return errors.New(info.Error.Description)
	}
	c.Pending += info.NumPending
	c.Unanswered += info.NumAckPending
	c.Redelivered += info.NumRedelivered
	c.Waiting += info.NumWaiting
	return nil
}
