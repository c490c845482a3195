package natsservice

import (
	"context"
	"encoding/json"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// get answers from the journal.
func (s *Service) get(ctx context.Context, r orchestrator.GetRequest) (orchestrator.GetAnswer, error) {
	var a orchestrator.GetAnswer
	found, err := s.verbs.Get(ctx, r)
	if err != nil {
		return a, err
	}
	a.Saga, a.Pending = found.State, len(found.Pending)
	if !r.Payloads {
		verbs.WithoutPayloads(&a.Saga)
		return a, nil
	}
	body, err := json.Marshal(a)
	if err == nil && len(body) > s.most() {
		verbs.WithoutPayloads(&a.Saga)
		a.Omitted = true
	}
	return a, err
}

// history answers with a page of a saga's messages.
func (s *Service) history(ctx context.Context, r orchestrator.HistoryRequest) (orchestrator.HistoryAnswer, error) {
	var a orchestrator.HistoryAnswer
	limit, err := verbs.CheckPage(r.Limit)
	if err != nil {
		return a, err
	}
	messages, err := s.verbs.Read(ctx, r.ID, r.From)
	if err != nil {
		return a, err
	}
	size := 0
	for i, m := range messages {
		record, bytes, err := s.record(m, r.Payloads)
		if err != nil {
			return a, err
		}
		if size += bytes + 1; i == limit || i > 0 && size > s.most() {
			a.Next = m.Sequence
			break
		}
		a.Messages = append(a.Messages, record)
	}
	return a, nil
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
