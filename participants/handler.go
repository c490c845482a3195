package participants

import (
	"context"
	"errors"
	"fmt"

	"github.com/amends-io/amends/participants/protocol"
)

// An Answer is what became of a command.
type Answer struct {
	Outcome protocol.Outcome
	Reason  string // why it did not succeed
	Output  []byte // of Done: the result, encoded by protocol.Encode
}

// A Handler answers the commands of one action in one direction. Req and Rep
// are the types of the action that it can be registered for.
type Handler[Req, Rep any] struct {
	direction protocol.Direction
	serve     serveFunc
}

type serveFunc func(ctx context.Context, c protocol.Command) (Answer, error)

// NewHandler is for barriers: serve gets each command with its request, also
// one that settles a step by hand (see protocol.Command.Settle). An error of
// serve is made by InDoubt or Conflict: there is no answer. A request that
// cannot be decoded never reaches serve; see decode for what is answered.
func NewHandler[Req, Rep any](d protocol.Direction, serve func(context.Context, protocol.Command, Req) (Answer, error)) Handler[Req, Rep] {
	return Handler[Req, Rep]{d, func(ctx context.Context, c protocol.Command) (Answer, error) {
		req, undecodable := decode[Req](c)
		if undecodable != nil {
			return *undecodable, nil
		}
		return serve(ctx, c, req)
	}}
}

// Do makes a handler of a plain function, one whose effects are outside any
// transaction of ours. Handle does so by itself.
func Do[Req, Rep any](f func(context.Context, Req) (Rep, error)) Handler[Req, Rep] {
	return plain[Req, Rep](protocol.Do, func(ctx context.Context, req Req) (Answer, error) {
		rep, err := f(ctx, req)
		if err != nil {
			return FromError(protocol.Do, err)
		}
		output, err := protocol.Encode(rep)
		if err != nil {
			return Answer{Outcome: protocol.Failed, Reason: "the result cannot be sent: " + err.Error()}, nil
		}
		return Answer{Outcome: protocol.Done, Output: output}, nil
	})
}

// Undo makes a handler of a plain function that undoes a step. It has no
// business precondition and cannot refuse: an error is tried again. It returns
// ErrNothingToUndo for a step that never took effect, which it alone can know.
func Undo[Req any](f func(context.Context, Req) error) Handler[Req, protocol.None] {
	return plain[Req, protocol.None](protocol.Undo, func(ctx context.Context, req Req) (Answer, error) {
		if err := f(ctx, req); err != nil {
			return FromError(protocol.Undo, err)
		}
		return Answer{Outcome: protocol.Undone}, nil
	})
}

// plain answers what settles a step by itself: without a barrier there is no
// row to settle, and so no promise that a command still queued does nothing.
func plain[Req, Rep any](d protocol.Direction, call func(context.Context, Req) (Answer, error)) Handler[Req, Rep] {
	return Handler[Req, Rep]{d, func(ctx context.Context, c protocol.Command) (Answer, error) {
		if c.Settle != "" {
			return Settled(c), nil
		}
		req, undecodable := decode[Req](c)
		if undecodable != nil {
			return *undecodable, nil
		}
		return call(ctx, req)
	}}
}

// Settled is the answer to a command that settles a step by hand, where
// nothing stands against it.
func Settled(c protocol.Command) Answer {
	const byHand = "settled by hand"
	switch {
	case c.Attempt.Direction == protocol.Do && c.Settle == protocol.Done:
		return Answer{Outcome: protocol.Done}
	case c.Attempt.Direction == protocol.Do && c.Settle == protocol.Undone:
		return Answer{Outcome: protocol.Refused, Reason: byHand} // no effect, and never will have
	case c.Attempt.Direction == protocol.Undo && c.Settle == protocol.Undone:
		return Answer{Outcome: protocol.Undone}
	}
	return Answer{Outcome: protocol.Rejected, Reason: fmt.Sprintf("%s cannot be settled as %s", c.Attempt.Direction, c.Settle)}
}

// decode reads a command's request, or returns the answer to a command whose
// request cannot be read: it failed. Not refused, as another instance of a
// newer version may read the same request, and take effect. Settling by hand is
// rejected, because without the request the barrier's row cannot be found.
func decode[Req any](c protocol.Command) (Req, *Answer) {
	var req Req
	err := protocol.Decode(c.Body, &req)
	if err == nil {
		return req, nil
	}
	a := &Answer{Outcome: protocol.Failed, Reason: "the request cannot be decoded: " + err.Error()}
	if c.Settle != "" {
		a.Outcome = protocol.Rejected
		a.Reason += "; nothing was settled"
	}
	return req, a
}

// ErrNothingToUndo is returned by a handler that undoes a step and finds that
// the step never took effect and never will.
var ErrNothingToUndo = errors.New("participants: nothing to undo")

type (
	refusal  struct{ error }
	doubt    struct{ error }
	conflict struct{ error }
)

func (e refusal) Unwrap() error  { return e.error }
func (e doubt) Unwrap() error    { return e.error }
func (e conflict) Unwrap() error { return e.error }

// Refuse says that the step did not take effect and never will, for the
// business reason err. It means nothing special in a handler that undoes.
func Refuse(err error) error { return mark(err, func(err error) error { return refusal{err} }) }

// InDoubt says that nobody knows whether the step took effect, as when the
// commit of its transaction returned an error. Nothing is answered, and the
// command comes again, so that the next call can look.
func InDoubt(err error) error { return mark(err, func(err error) error { return doubt{err} }) }

// Conflict says that no outcome would be true, as when one key comes with two
// requests: a bug or an attack. Nothing is answered, the command is not
// delivered again, and an error is logged for somebody to look at.
func Conflict(err error) error { return mark(err, func(err error) error { return conflict{err} }) }

func mark(err error, as func(error) error) error {
	if err == nil {
		err = errors.New("no reason given")
	}
	return as(err)
}

// IsRefusal reports whether err was made by Refuse.
func IsRefusal(err error) bool { return errors.As(err, new(refusal)) }

// IsInDoubt reports whether err was made by InDoubt.
func IsInDoubt(err error) bool { return errors.As(err, new(doubt)) }

// IsConflict reports whether err was made by Conflict.
func IsConflict(err error) bool { return errors.As(err, new(conflict)) }

// FromError says what a handler means by err, which is not nil: an answer, or
// none, with the error of InDoubt or Conflict.
func FromError(d protocol.Direction, err error) (Answer, error) {
	switch {
	case IsInDoubt(err), IsConflict(err):
		return Answer{}, err
	case d == protocol.Do && IsRefusal(err):
		return Answer{Outcome: protocol.Refused, Reason: err.Error()}, nil
	case d == protocol.Undo && errors.Is(err, ErrNothingToUndo):
		return Answer{Outcome: protocol.NothingToUndo}, nil
	}
	return Answer{Outcome: protocol.Failed, Reason: err.Error()}, nil
}
