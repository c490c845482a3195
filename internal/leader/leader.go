// Package leader asks JetStream's API about streams. It is answered by a
// stream's leader, which has all that was acknowledged; a direct get may be
// answered by a replica that has not yet.
package leader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// An API is where questions go. A question waits as long as its context does.
type API struct {
	Conn     *nats.Conn
	Prefix   string // of the API's subjects, with its last dot
	Subjects protocol.Subjects
	Hint     func(error) error // adds what is known about a question that got no answer; may be nil
}

// Call asks, and decodes the answer into response unless that is nil. What the
// server says no to is a *jetstream.APIError.
func (a API) Call(ctx context.Context, subject string, request, response any) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	answer, err := a.Conn.RequestWithContext(ctx, a.Prefix+subject, body)
	if err != nil && a.Hint != nil {
		err = a.Hint(err)
	}
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

// Info tells of a stream.
func (a API) Info(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	var info jetstream.StreamInfo
	if err := a.Call(ctx, "STREAM.INFO."+stream, nil, &info); err != nil {
		return nil, err
	}
	return &info, nil
}

// A Lookup asks for one message: the one with that sequence, the last one of a
// subject, or the next of a subject from a sequence on.
type Lookup struct {
	Sequence      uint64 `json:"seq,omitempty"`
	LastBySubject string `json:"last_by_subj,omitempty"`
	NextBySubject string `json:"next_by_subj,omitempty"`
}

// Look returns the message that l asks for, or orchestrator.ErrNotFound.
func (a API) Look(ctx context.Context, stream string, l Lookup) (orchestrator.Message, error) {
	var response struct {
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	err := a.Call(ctx, "STREAM.MSG.GET."+stream, l, &response)
	if IsCode(err, codeNoMessage) {
		return orchestrator.Message{}, orchestrator.ErrNotFound
	}
	if err != nil {
		return orchestrator.Message{}, err
	}
	found := response.Message
	m := orchestrator.Message{
		Sequence: found.Sequence, Time: found.Time.UTC(), Subject: found.Subject, Address: a.Address(found.Subject), Body: found.Data,
	}
	if len(found.Header) > 0 {
		h, err := nats.DecodeHeadersMsg(found.Header)
		if err != nil {
			return orchestrator.Message{}, fmt.Errorf("headers of message %d: %w", found.Sequence, err)
		}
		m.Header = protocol.Header(h)
	}
	return m, nil
}

// Address takes a subject apart; one that is none of the journal's is unknown.
func (a API) Address(subject string) protocol.Address {
	address, err := a.Subjects.Parse(subject)
	if err != nil {
		return protocol.Address{}
	}
	return address
}

// codeNoMessage is the error of a message that is not there; jetstream has no
// name for it.
const codeNoMessage jetstream.ErrorCode = 10037

// IsCode reports whether err is the API's error of that code.
func IsCode(err error, code jetstream.ErrorCode) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && e.ErrorCode == code
}

// Denied adds to err that the server denied something to nc: it says so beside
// the request, which then just gets no answer.
func Denied(nc *nats.Conn, err error) error {
	if last := nc.LastError(); err != nil && errors.Is(last, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w (%w)", err, last)
	}
	return err
}
