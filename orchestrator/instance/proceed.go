package instance

import (
	"fmt"
	"time"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// proceed requests what is ready, one command at most, or ends the instance.
func (d *decision) proceed() {
	s := &d.state
	if d.command != nil || d.err != nil || s.Status.Over() || s.Fingerprint == "" {
		return
	}
	if s.Back {
		d.wayBack()
	} else {
		d.wayForward()
	}
}

// wayForward requests the first step whose predecessors are all done.
func (d *decision) wayForward() {
	open := 0
	for i := range d.def.Steps {
		if d.isDone(i) {
			continue
		}
		open++
		if !d.state.Suspended && d.do(i).Phase == Idle && d.predecessorsDone(i) {
			d.request(i, protocol.Do)
			return
		}
	}
	if open == 0 {
		d.record(SagaCompleted{})
	}
}

// wayBack requests the undoing of the last step of which nothing that comes
// after it has an effect, or may have one. Whatever is in flight is waited
// for, as only its outcome tells whether it must be undone; so is a step of
// which a person and its participant say different things.
func (d *decision) wayBack() {
	left := 0
	held := make([]bool, len(d.def.Steps)) // by what comes after it, as every step stands behind its predecessors
	for i := len(d.def.Steps) - 1; i >= 0; i-- {
		unsettled := d.unsettled(i)
		if unsettled {
			left++
			if !d.state.Suspended && !held[i] && d.do(i).Phase != Open && d.do(i).Phase != Halted && d.undo(i).Phase == Idle {
				d.request(i, protocol.Undo)
				return
			}
		}
		if unsettled || held[i] {
			for _, k := range d.def.Steps[i].After {
				held[k] = true
			}
		}
	}
	if left == 0 {
		d.record(SagaCompensated{})
	}
}

// unsettled reports whether step i has or may have an effect that is not
// undone yet, or is in flight.
func (d *decision) unsettled(i int) bool {
	do, undo := d.do(i), d.undo(i)
	switch {
	case do.Phase == Open || do.Phase == Halted:
		return true
	case d.def.Steps[i].Compensation == nil:
		return false
	case undo.Phase == Closed && (undo.Outcome == protocol.Undone || undo.Outcome == protocol.NothingToUndo):
		return false
	}
	return do.Outcome == protocol.Done || do.Doubt
}

func (d *decision) predecessorsDone(i int) bool {
	for _, k := range d.def.Steps[i].After {
		if !d.isDone(k) {
			return false
		}
	}
	return true
}

func (d *decision) isDone(i int) bool {
	p := d.do(i)
	return p.Phase == Closed && p.Outcome == protocol.Done
}

func (d *decision) do(i int) Progress {
	if step := d.state.Step(d.def.Steps[i].Name); step != nil {
		return step.Do
	}
	return Progress{}
}

func (d *decision) undo(i int) Progress {
	if step := d.state.Step(d.def.Steps[i].Name); step != nil {
		return step.Undo
	}
	return Progress{}
}

// request makes the next attempt at a step. The first attempt maps its
// command; all later ones send the bytes of the first, as a mapping that was
// changed in between would meet the participant's barrier with another request.
func (d *decision) request(i int, dir protocol.Direction) {
	plan := &d.def.Steps[i]
	p := d.do(i)
	c := &Command{Participant: plan.Participant, Action: plan.Action}
	timeout := plan.Timeout
	if dir == protocol.Undo {
		p = d.undo(i)
		c.Participant, c.Action = plan.Compensation.Participant, plan.Compensation.Action
		timeout = plan.Compensation.Timeout
	}
	c.Attempt = protocol.Attempt{Run: d.state.Run, Step: plan.Name, Direction: dir, Number: p.Number + 1}
	c.Due = d.now.At.Add(timeout).UTC().Truncate(time.Millisecond)
	if p.Command != 0 {
		c.Again = p.Command
	} else if c.Body, d.err = d.mapCommand(i, dir); d.err != nil {
		return
	}
	d.command = c
	if dir == protocol.Undo {
		d.record(CompensationRequested{plan.Name, c.Attempt.Number, c.Participant, c.Due})
	} else {
		d.record(ActionRequested{plan.Name, c.Attempt.Number, c.Participant, c.Due, plan.Pivot})
	}
}

// mapCommand calls the author's function, which may panic.
func (d *decision) mapCommand(i int, dir protocol.Direction) (body []byte, err error) {
	fail := func(err error) error { return &MappingError{d.def.Steps[i].Name, dir, err} }
	defer func() {
		if r := recover(); r != nil {
			err = fail(fmt.Errorf("panic: %v", r))
		}
	}()
	known := d.state.Known(d.def)
	if dir == protocol.Undo {
		body, err = d.def.UndoRequest(i, known)
	} else {
		body, err = d.def.Request(i, known)
	}
	if err == nil && len(body) > protocol.MaxPayload {
		err = fmt.Errorf("the request has %d bytes, at most %d are allowed", len(body), protocol.MaxPayload)
	}
	if err != nil {
		return nil, fail(err)
	}
	return body, nil
}

// Known returns what mappings of def may be made from.
func (s *State) Known(def sagas.Definition) sagas.Known {
	k := sagas.Known{Input: s.Input}
	for i := range s.Steps {
		if p := &s.Steps[i].Do; p.Outcome == protocol.Done {
			if k.Outputs == nil {
				k.Outputs = make(map[int][]byte, len(s.Steps))
			}
			k.Outputs[def.Index(s.Steps[i].Name)] = p.Output
		}
	}
	return k
}
