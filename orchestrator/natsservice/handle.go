package natsservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// A failure is an error that its sender is told with a code.
type failure struct {
	code string
	error
}

func (f failure) Unwrap() error { return f.error }

func invalid(err error) error { return failure{orchestrator.CodeInvalid, err} }

// handler decodes a request, has it answered beside others, and encodes the
// answer. Whatever comes, it answers something.
func handler[Req, Ans any](s *Service, answer func(context.Context, Req) (Ans, error)) micro.Handler {
	return micro.HandlerFunc(func(r micro.Request) {
		select {
		case s.room <- struct{}{}: // an endpoint hands out its requests one by one: the others wait in line
		case <-s.base.Done():
			return // stopped
		}
		go func() {
			defer func() { <-s.room }()
			ctx, cancel := context.WithTimeout(s.base, answerTimeout)
			defer cancel()
			body, err := safely(s, func() ([]byte, error) {
				var request Req
				if err := decode(r.Data(), &request); err != nil {
					return nil, invalid(err)
				}
				a, err := answer(ctx, request)
				if err != nil {
					return nil, err
				}
				return json.Marshal(a)
			})
			if err == nil && len(body) > s.most() {
				err = failure{orchestrator.CodeTooLarge, fmt.Errorf("the answer has %d bytes, at most %d fit", len(body), s.most())}
			}
			if err != nil {
				code, text := explain(err)
				err = r.Error(code, text, nil)
			} else {
				err = r.Respond(body)
			}
			if err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("an answer could not be sent", "subject", protocol.Text(r.Subject(), 200), "error", err)
			}
		}()
	})
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

// decode reads a request. An empty one is the zero request. A field that is
// not known is an error: a filter that is misspelt must not select everything.
func decode(body []byte, v any) error {
	if len(body) == 0 {
		return nil
	}
	if err := protocol.CheckJSON(body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// explain returns the code and the text that err is told with.
func explain(err error) (code, text string) {
	var f failure
	switch {
	case errors.As(err, &f):
		code = f.code
	case errors.Is(err, orchestrator.ErrNotFound), errors.Is(err, orchestrator.ErrNoStart):
		code = orchestrator.CodeNotFound
	default:
		code = orchestrator.CodeUnavailable
	}
	if text = protocol.Text(err.Error(), protocol.MaxReason); text == "" {
		text = code // micro sends no error without a text
	}
	return code, text
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
