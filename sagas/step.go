package sagas

import (
	"fmt"
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// A StepOf is a step being described: S is the saga's data, Rep the type of
// the step's output. Its methods return changed copies.
type StepOf[S, Rep any] struct {
	plan    Planned
	request func(S) ([]byte, error)
	accept  func([]byte) error
	result  func(*S, []byte) error
	undo    func(S, *[]byte) ([]byte, error)
	faults  []error
}

// Step describes the step called name, which carries out action. The request
// is made from the saga's data by request; result, which may be nil, puts the
// action's output into the data. Both must be pure.
func Step[S, Req, Rep any](
	name string, action protocol.Action[Req, Rep], request func(S) Req, result func(*S, Rep),
) StepOf[S, Rep] {
	step := StepOf[S, Rep]{
		plan: Planned{
			Name: name, Participant: action.Participant(), Action: action.Name(),
			Timeout: DefaultTimeout, Retry: DefaultRetry(),
		},
		accept: func(body []byte) error {
			var rep Rep
			return protocol.Decode(body, &rep)
		},
		result: func(s *S, body []byte) error {
			if result == nil {
				return nil // nothing of it is kept
			}
			var rep Rep
			if err := protocol.DecodeAgain(body, &rep); err != nil {
				return err
			}
			result(s, rep)
			return nil
		},
	}
	if request == nil {
		step.faults = append(step.faults, fmt.Errorf("step %q: no function makes its request", name))
	} else {
		step.request = func(s S) ([]byte, error) { return protocol.Encode(request(s)) }
	}
	return step
}

// An UndoOf says how a step whose output is a Rep is undone.
type UndoOf[S, Rep any] struct {
	plan Compensation
	undo func(S, *[]byte) ([]byte, error)
}

// By describes the compensation of a step. Its request is made from the data
// as it was when the step was requested, and from the step's output, which is
// nil when the outcome is unknown: then the participant's barrier knows it.
func By[S, Rep, Req, Ack any](action protocol.Action[Req, Ack], request func(s S, done *Rep) Req) UndoOf[S, Rep] {
	u := UndoOf[S, Rep]{plan: Compensation{
		Participant: action.Participant(), Action: action.Name(),
		Timeout: DefaultTimeout, Retry: DefaultUndoRetry(),
	}}
	if request != nil {
		u.undo = func(s S, output *[]byte) ([]byte, error) {
			if output == nil {
				return protocol.Encode(request(s, nil))
			}
			var done Rep
			if err := protocol.DecodeAgain(*output, &done); err != nil {
				return nil, err
			}
			return protocol.Encode(request(s, &done))
		}
	}
	return u
}

// Retry replaces DefaultUndoRetry.
func (u UndoOf[S, Rep]) Retry(p Policy) UndoOf[S, Rep] {
	u.plan.Retry = p
	return u
}

// Timeout replaces DefaultTimeout for an attempt to undo.
func (u UndoOf[S, Rep]) Timeout(d time.Duration) UndoOf[S, Rep] {
	u.plan.Timeout = d
	return u
}

// UndoneBy names the step's compensation.
func (s StepOf[S, Rep]) UndoneBy(u UndoOf[S, Rep]) StepOf[S, Rep] {
	s.plan.Compensation = &u.plan
	s.undo = u.undo
	if u.undo == nil {
		s.faults = append(s.faults[:len(s.faults):len(s.faults)],
			fmt.Errorf("step %q: no function makes its compensation's request", s.plan.Name))
	}
	return s
}

// NothingToUndo says that the step leaves no effect that would have to be undone.
func (s StepOf[S, Rep]) NothingToUndo() StepOf[S, Rep] {
	s.plan.NothingToUndo = true
	return s
}

// Pivot makes the step the one after which the saga only goes forward.
func (s StepOf[S, Rep]) Pivot() StepOf[S, Rep] {
	s.plan.Pivot = true
	return s
}

// Retry replaces DefaultRetry.
func (s StepOf[S, Rep]) Retry(p Policy) StepOf[S, Rep] {
	s.plan.Retry = p
	return s
}

// Timeout replaces DefaultTimeout for an attempt.
func (s StepOf[S, Rep]) Timeout(d time.Duration) StepOf[S, Rep] {
	s.plan.Timeout = d
	return s
}

// OnTimeout says what follows when an attempt got no answer.
func (s StepOf[S, Rep]) OnTimeout(o OnTimeout) StepOf[S, Rep] {
	s.plan.OnTimeout = o
	return s
}
