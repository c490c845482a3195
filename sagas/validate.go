package sagas

import (
	"errors"
	"fmt"

	"github.com/amends-io/amends/participants/protocol"
)

// MaxSteps is how many steps a definition may have.
const MaxSteps = 200

// Validate reports everything that is wrong with d, joined into one error.
func (d Definition) Validate() error {
	v := validation{d: d}
	v.errs = append(v.errs, d.faults...)
	if err := protocol.CheckName("definition", d.Name); err != nil {
		v.fail("%w", err)
	}
	if d.Version < 1 {
		v.fail("version %d: versions count from 1", d.Version)
	}
	if len(d.Steps) == 0 || len(d.Steps) > MaxSteps {
		v.fail("%d steps, want 1 to %d", len(d.Steps), MaxSteps)
	}
	if v.order() { // what follows walks along the graph
		for i := range d.Steps {
			v.step(i)
		}
		v.pivot()
	}
	if len(v.errs) == 0 {
		return nil
	}
	return fmt.Errorf("definition %s: %w", d, errors.Join(v.errs...))
}

type validation struct {
	d    Definition
	errs []error
}

func (v *validation) fail(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

// order checks that steps come after their predecessors, which a definition
// that was read as data need not keep.
func (v *validation) order() bool {
	ok := true
	for i, s := range v.d.Steps {
		for _, k := range s.After {
			if k < 0 || k >= i {
				v.fail("step %q: comes after step %d, which does not come before it", s.Name, k)
				ok = false
			}
		}
	}
	return ok && len(v.d.Steps) <= MaxSteps
}

func (v *validation) step(i int) {
	s := v.d.Steps[i]
	fail := func(err error) {
		if err != nil {
			v.fail("step %q: %w", s.Name, err)
		}
	}
	fail(protocol.CheckName("step", s.Name))
	if v.d.Index(s.Name) != i {
		v.fail("step %q: two steps have this name", s.Name)
	}
	fail(protocol.CheckName("participant", s.Participant))
	fail(protocol.CheckName("action", s.Action))
	fail(validateTimeout(s.Timeout))
	fail(s.Retry.validate())
	if s.OnTimeout != RetryOnTimeout && s.OnTimeout != TurnBack {
		v.fail("step %q: %q is nothing that can follow a time-out", s.Name, s.OnTimeout)
	}
	if c := s.Compensation; c != nil {
		fail(protocol.CheckName("compensation's participant", c.Participant))
		fail(protocol.CheckName("compensation", c.Action))
		fail(validateTimeout(c.Timeout))
		fail(c.Retry.validate())
		if v.d.mapping != nil {
			fail(v.d.mapping.tryUndo(i))
		}
	}
}

// pivot checks that the way back exists up to the pivot, and only there.
func (v *validation) pivot() {
	pivot := v.d.Pivot()
	for i, s := range v.d.Steps {
		after := pivot >= 0 && v.d.Precedes(pivot, i)
		switch {
		case s.Pivot && i != pivot:
			v.fail("step %q: step %q is the pivot already", s.Name, v.d.Steps[pivot].Name)
		case s.Compensation != nil && s.NothingToUndo:
			v.fail("step %q: it has a compensation, and yet nothing to undo", s.Name)
		case after && s.Compensation != nil:
			v.fail("step %q: it comes after the pivot, so it is never undone, and yet has a compensation", s.Name)
		case (after || s.Pivot) && s.OnTimeout == TurnBack:
			v.fail("step %q: it is the pivot or comes after it, so a time-out cannot turn back", s.Name)
		case s.Compensation != nil && s.Compensation.Participant != s.Participant:
			v.fail("step %q: its compensation is %s's, whose barrier cannot know what became of %s's step", s.Name, s.Compensation.Participant, s.Participant)
		case i != pivot && !after && s.Compensation == nil && !s.NothingToUndo:
			v.fail("step %q: it cannot be undone; give it UndoneBy, or say NothingToUndo, or let it follow a pivot", s.Name)
		}
		if pivot >= 0 && i != pivot && !after && !v.d.Precedes(i, pivot) {
			v.fail("step %q: it runs beside the pivot %q, which must run alone", s.Name, v.d.Steps[pivot].Name)
		}
	}
}
