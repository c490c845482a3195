package natsjournal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// codeNoMessage is the error of a message that is not there.
const codeNoMessage jetstream.ErrorCode = 10037

// call asks JetStream's API, which answers from the leader, and decodes the
// answer into response.
func (j *Journal) call(ctx context.Context, subject string, request, response any) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	answer, err := j.nc.RequestWithContext(ctx, j.api+subject, body)
	if err != nil {
		return err
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
	if response == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, response)
}

// bounded gives ctx an end, if it has none.
func (j *Journal) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, j.timeout)
}

func (j *Journal) info(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	var info jetstream.StreamInfo
	if err := j.call(ctx, "STREAM.INFO."+stream, nil, &info); err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", stream, err)
	}
	return &info, nil
}

// A lookup asks the leader for one message: the one with that sequence, the
// last one of a subject, or the next of a subject from a sequence on.
type lookup struct {
	Sequence      uint64 `json:"seq,omitempty"`
	LastBySubject string `json:"last_by_subj,omitempty"`
	NextBySubject string `json:"next_by_subj,omitempty"`
}

// look returns the message that l asks for, or ErrNotFound.
func (j *Journal) look(ctx context.Context, stream string, l lookup) (orchestrator.Message, error) {
	var response struct {
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	err := j.call(ctx, "STREAM.MSG.GET."+stream, l, &response)
	if isCode(err, codeNoMessage) {
		return orchestrator.Message{}, orchestrator.ErrNotFound
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
	m.Address = j.address(found.Subject)
	return m, nil
}

// address takes a subject apart; one that is none of the journal's is unknown.
func (j *Journal) address(subject string) protocol.Address {
	a, err := j.subjects.Parse(subject)
	if err != nil {
		return protocol.Address{}
	}
	return a
}

// all returns the messages of one subject in order, each asked of the leader.
func (j *Journal) all(ctx context.Context, stream, subject string) ([]orchestrator.Message, error) {
	var found []orchestrator.Message
	for next := uint64(1); ; {
		m, err := j.look(ctx, stream, lookup{Sequence: next, NextBySubject: subject})
		if isNotFound(err) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found, next = append(found, m), m.Sequence+1
	}
}
