package natsservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// get answers from the journal.
func (s *Service) get(ctx context.Context, r orchestrator.GetRequest) (orchestrator.GetAnswer, error) {
	var a orchestrator.GetAnswer
	part, err := s.home(r.ID)
	if err != nil {
		return a, err
	}
	found, err := s.load(ctx, part, r)
	if err != nil {
		return a, err
	}
	a.Saga, a.Pending = found.State, len(found.Pending)
	if !r.Payloads {
		withoutPayloads(&a.Saga)
		return a, nil
	}
	body, err := json.Marshal(a)
	if err == nil && len(body) > s.most() {
		withoutPayloads(&a.Saga)
		a.Omitted = true
	}
	return a, err
}

// load replays a saga. Whoever names a message that it has seen is answered
// with it, from any replica; anybody else with what the leader has now.
func (s *Service) load(ctx context.Context, part orchestrator.Partition, r orchestrator.GetRequest) (orchestrator.Replayed, error) {
	count := s.cfg.Journal.Partitions()
	if r.AtLeast > 0 {
		history, err := part.History(ctx, r.ID, 0)
		if n := len(history); err == nil && n > 0 && history[n-1].Sequence >= r.AtLeast {
			return orchestrator.Replay(history, count, nil)
		}
	}
	last, err := part.Last(ctx, r.ID)
	if err != nil {
		return orchestrator.Replayed{}, err
	}
	atLeast := last.Sequence
	if r.AtLeast > atLeast {
		// Loading waits for a replica to have it, so it must be the saga's.
		m, err := part.Get(ctx, r.AtLeast)
		if err == nil && m.Address.ID == r.ID {
			atLeast = r.AtLeast
		} else if err != nil && !errors.Is(err, orchestrator.ErrNotFound) {
			return orchestrator.Replayed{}, err
		}
	}
	return orchestrator.Load(ctx, part, r.ID, atLeast, count, nil)
}

// home returns the partition that a saga belongs to.
func (s *Service) home(id string) (orchestrator.Partition, error) {
	if err := protocol.CheckID(id); err != nil {
		return nil, invalid(err)
	}
	return s.cfg.Journal.Partition(protocol.Partition(id, s.cfg.Journal.Partitions())), nil
}

// withoutPayloads drops what participants and clients sent. The state is the
// caller's, but what it points to may not be.
func withoutPayloads(s *instance.State) {
	s.Input = nil
	s.Steps = append([]instance.Step(nil), s.Steps...)
	for i := range s.Steps {
		s.Steps[i].Do.Output, s.Steps[i].Undo.Output = nil, nil
	}
	s.Signals = append([]instance.Signal(nil), s.Signals...)
	for i := range s.Signals {
		s.Signals[i].Body = nil
	}
}

// history answers with a page of a saga's messages.
func (s *Service) history(ctx context.Context, r orchestrator.HistoryRequest) (orchestrator.HistoryAnswer, error) {
	var a orchestrator.HistoryAnswer
	part, err := s.home(r.ID)
	if err != nil {
		return a, err
	}
	switch {
	case r.Limit < 0 || r.Limit > orchestrator.MaxHistory:
		return a, invalid(fmt.Errorf("limit %d is not between 1 and %d; go on with the next sequence", r.Limit, orchestrator.MaxHistory))
	case r.Limit == 0:
		r.Limit = orchestrator.DefaultHistory
	}
	messages, err := s.read(ctx, part, r)
	if err != nil {
		return a, err
	}
	size := 0
	for i, m := range messages {
		record, bytes, err := s.record(m, r.Payloads)
		if err != nil {
			return a, err
		}
		if size += bytes + 1; i == r.Limit || i > 0 && size > s.most() {
			a.Next = m.Sequence
			break
		}
		a.Messages = append(a.Messages, record)
	}
	return a, nil
}

// read returns a saga's messages from where r begins. The answer of a replica
// that lags is not taken: it would look like a history's end.
func (s *Service) read(ctx context.Context, part orchestrator.Partition, r orchestrator.HistoryRequest) ([]orchestrator.Message, error) {
	last, err := part.Last(ctx, r.ID)
	if err != nil && !errors.Is(err, orchestrator.ErrNotFound) {
		return nil, err
	}
	for {
		messages, err := part.History(ctx, r.ID, r.From)
		switch n := len(messages); {
		case err != nil:
			return nil, err
		case last.Sequence >= r.From && last.Sequence != 0 && (n == 0 || messages[n-1].Sequence < last.Sequence):
			if _, err := part.Get(ctx, last.Sequence); err != nil && !errors.Is(err, orchestrator.ErrNotFound) {
				return nil, err // the leader is away, or ctx is over
			} else if err == nil {
				pause(ctx)
				continue
			}
			return nil, fmt.Errorf("history of %s: %w", r.ID, orchestrator.ErrNotFound) // it left meanwhile
		case n == 0 && last.Sequence == 0:
			return nil, fmt.Errorf("history of %s: %w", r.ID, orchestrator.ErrNotFound)
		}
		return messages, nil
	}
}

// pause waits before a replica that lags is asked again.
func pause(ctx context.Context) {
	t := time.NewTimer(5 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// record returns m as it is handed out, and how many bytes that takes.
func (s *Service) record(m orchestrator.Message, payload bool) (orchestrator.Recorded, int, error) {
	r := orchestrator.Recorded{
		Sequence: m.Sequence, Time: m.Time, Subject: m.Subject, Kind: m.Address.Kind.String(), Name: m.Address.Name,
		Header: m.Header, Bytes: len(m.Body),
	}
	if payload {
		r.Body = m.Body
	}
	b, err := json.Marshal(r)
	if err == nil && len(b) > s.most() && payload {
		r.Body, r.Omitted = nil, true
		b, err = json.Marshal(r)
	}
	return r, len(b), err
}
