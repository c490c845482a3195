package natsservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

func invalid(err error) error { return verbs.Invalid(err) }

// handler decodes a request, has it answered beside others, and encodes the
// answer. Whatever comes, it answers something.
func handler[Req, Ans any](s *Service, answer func(context.Context, Req) (Ans, error)) micro.Handler {
	return within(s, s.room, answer)
}

// within is handler for requests that share a room with others of their kind.
func within[Req, Ans any](s *Service, room chan struct{}, answer func(context.Context, Req) (Ans, error)) micro.Handler {
	return micro.HandlerFunc(func(r micro.Request) {
		select {
		case room <- struct{}{}: // an endpoint hands out its requests one by one: the others wait in line
		case <-s.base.Done():
			return // stopped
		}
		go func() {
			defer func() { <-room }()
			ctx, cancel := context.WithTimeout(s.base, answerTimeout)
			defer cancel()
			body, err := safely(s, func() ([]byte, error) {
				var request Req
				if len(r.Data()) > 0 {
					if err := verbs.Decode(r.Data(), &request); err != nil {
						return nil, invalid(err)
					}
				}
				a, err := answer(ctx, request)
				if err != nil {
					return nil, err
				}
				return json.Marshal(a)
			})
			if err == nil && len(body) > s.most() {
				err = &verbs.Failure{Code: orchestrator.CodeTooLarge, Err: fmt.Errorf("the answer has %d bytes, at most %d fit", len(body), s.most())}
			}
			if err := s.nc.PublishMsg(reply(r.Reply(), body, err)); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("an answer could not be sent", "subject", protocol.Text(r.Subject(), 200), "error", err)
			}
		}()
	})
}

// reply returns the message that says body, or err. It is not left to the
// request, which keeps an error where the service reads it without a lock as
// soon as the handler has returned: by then the answer may not be there yet.
func reply(subject string, body []byte, err error) *nats.Msg {
	if err == nil {
		return &nats.Msg{Subject: subject, Data: body}
	}
	told := verbs.Explain(err)
	header := nats.Header{micro.ErrorCodeHeader: {told.Code}, micro.ErrorHeader: {told.Error()}}
	return &nats.Msg{Subject: subject, Header: header, Data: decided(told)}
}

// decided is the body of an error: the decision, where there is one.
func decided(told verbs.Failure) []byte {
	if told.Decision == nil {
		return nil
	}
	body, err := json.Marshal(told.Decision)
	if err != nil {
		return nil
	}
	return body
}

// safely turns a panic into an error: one request must not end the process
// that drives everybody's sagas.
func safely(s *Service, f func() ([]byte, error)) (body []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Log.Error("a request made the service panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errors.New("the request made the orchestrator panic; its log has the stack")
		}
	}()
	return f()
}

// most is how many bytes an answer may have.
func (s *Service) most() int { return int(s.nc.MaxPayload()) - envelope }

// fit returns how many of items fit into one answer, at least one if there is any.
func fit[T any](most int, items []T) (int, error) {
	size := 0
	for i, item := range items {
		b, err := json.Marshal(item)
		if err != nil {
			return 0, err
		}
		if size += len(b) + 1; size > most && i > 0 {
			return i, nil
		}
	}
	return len(items), nil
}
