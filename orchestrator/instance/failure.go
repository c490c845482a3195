package instance

import (
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// A Failure is why an instance did not simply complete: the stop that a person
// must decide about, else what made it turn back.
type Failure struct {
	Step      string             // "" if it was at none: cancelled, refused or parked
	Direction protocol.Direction // "" if it was at none
	Reason    string
	Since     time.Time
}

// Failure returns why s is stuck, else why it turned back. An instance that a
// person got going again, and that completed, has none.
func (s *State) Failure() (Failure, bool) {
	if s.Status == Stuck {
		f, _ := s.halted()
		f.Since = s.StuckSince
		return f, true
	}
	if !s.Back {
		return Failure{}, false
	}
	f := Failure{Step: s.BackAt, Reason: s.BackFor, Since: s.BackSince}
	if f.Step != "" {
		f.Direction = protocol.Do
	}
	return f, true
}

// halted reports whether a person must decide, or has decided and waits for
// the participant to settle on it, and why.
func (s *State) halted() (Failure, bool) {
	if s.Parked != "" {
		return Failure{Reason: s.Parked}, true
	}
	for i := range s.Steps {
		for _, d := range [...]protocol.Direction{protocol.Do, protocol.Undo} {
			if p := s.Steps[i].Toward(d); p.Phase == Halted || p.Settling != "" {
				return Failure{Step: s.Steps[i].Name, Direction: d, Reason: p.Reason}, true
			}
		}
	}
	return Failure{}, false
}

// At reports whether s stands at the step called name: an attempt of it is
// open, waits for its time, or waits for a person.
func (s *State) At(name string) bool {
	step := s.Step(name)
	return step != nil && !s.Status.Over() && (step.Do.underway() || step.Undo.underway())
}

// Retrying reports whether an attempt of s comes after one that did not
// succeed: it waits for its time, or for its answer.
func (s *State) Retrying() bool {
	if s.Status.Over() {
		return false
	}
	for i := range s.Steps {
		for _, p := range [...]*Progress{&s.Steps[i].Do, &s.Steps[i].Undo} {
			if p.Phase == Waiting || p.Phase == Open && p.Number > 1 && p.Settling == "" {
				return true
			}
		}
	}
	return false
}

func (p *Progress) underway() bool { return p.Phase == Open || p.Phase == Waiting || p.Phase == Halted }
