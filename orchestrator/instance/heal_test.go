package instance_test

import (
	"errors"
	"fmt"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// atRest checks what must hold whenever a saga is at rest: the state is what
// the events say, and something is left that can make it go on.
func (d *driver) atRest() {
	s := d.state
	if got, want := s.Status, d.check.status(); got != want {
		d.check.fail("the status is %v, the events say %v", got, want)
	}
	if s.Back != d.check.back || s.PastPivot != d.check.pivoted || s.Suspended != (d.check.suspended && !d.check.over) {
		d.check.fail("the state says back %t, past the pivot %t, suspended %t; the events do not", s.Back, s.PastPivot, s.Suspended)
	}
	if s.Repeated != 0 && !s.Status.Over() {
		d.check.fail("the second start at %d is not refused", s.Repeated)
	}
	next, timer := s.NextTimer()
	held := s.Status.Over() || s.Suspended || s.Status == instance.Stuck || !d.started()
	if !held && !timer {
		d.check.fail("it is %v, and nothing will ever happen", s.Status)
	}
	for _, step := range s.Steps {
		if timer && (step.Do.Due.Before(next.Due) && !step.Do.Due.IsZero() || step.Undo.Due.Before(next.Due) && !step.Undo.Due.IsZero()) {
			d.check.fail("its next timer is %+v, while %+v comes earlier", next, step)
		}
	}
	if timer && (s.Status.Over() || s.Suspended || s.Parked != "") {
		d.check.fail("it has a timer while it is %v, suspended %t, parked %q", s.Status, s.Suspended, s.Parked)
	}
}

// heal lets everybody do what they should, until the saga is over. A person
// looks at the world and says what is true.
func (d *driver) heal() {
	d.world.healed = true
	d.code.broken = map[string]bool{}
	d.rest()
	for n := 0; !d.state.Status.Over() && len(d.check.faults) == 0; n++ {
		if n > 1000 {
			d.check.fail("it never ends")
			return
		}
		switch {
		case !d.started():
			_ = d.take(instance.Start{Sequence: firstRun})
		case d.state.Suspended:
			d.control(instance.Control{Verb: instance.Resume, By: "anna"})
		case d.healStep():
		default:
			d.timer() // of a step that was asked while nobody listened
		}
		d.atRest()
	}
}

// healStep has one step that is open answered, or one that is halted decided.
func (d *driver) healStep() bool {
	for _, step := range d.state.Steps {
		for _, dir := range []protocol.Direction{protocol.Do, protocol.Undo} {
			switch p := step.Toward(dir); p.Phase {
			case instance.Open:
				if d.healOpen(protocol.Attempt{Run: firstRun, Step: step.Name, Direction: dir, Number: p.Number}) {
					return true
				}
			case instance.Halted:
				d.decideByHand(step.Name, dir)
				return true
			}
		}
	}
	return false
}

func (d *driver) healOpen(a protocol.Attempt) bool {
	for _, c := range d.sent {
		if c.Attempt != a {
			continue
		}
		o, _ := d.world.handle(c)
		if o == protocol.Rejected && c.Settle == "" {
			return false // its time-out decides
		}
		in := instance.Reply{Participant: c.Participant, Reply: protocol.Reply{Attempt: a, Outcome: o}}
		if o == protocol.Done && c.Settle == "" {
			in.Body = []byte(`{"ref":"` + a.Step + `-1"}`)
		}
		d.reply(in)
		return true
	}
	d.check.fail("%v is open, and nobody was asked", a)
	return false
}

// decideByHand is what a person does about a step that is halted.
func (d *driver) decideByHand(step string, dir protocol.Direction) {
	row := d.world.row(step)
	in := instance.Control{Verb: instance.Retry, By: "anna", Step: step, Direction: dir}
	if dir == protocol.Do {
		plan := d.def.Steps[d.def.Index(step)]
		switch {
		case !d.state.Back && row.do != protocol.Refused && row.undo == "": // it will be done
		case row.do == protocol.Done && row.undo == "":
			in.As = protocol.Done
		case !d.state.Back && d.state.PastPivot && !plan.Pivot: // done by hand, as the participant refuses
			in.As = protocol.Done
			d.world.effects[step]++
		default:
			in.As = protocol.Undone
		}
		if in.As != "" {
			in.Verb, in.Unsettled, in.Output = instance.Resolve, true, []byte(`{"ref":"by-hand"}`)
			if in.As == protocol.Undone && row.undo == "" {
				in.Unsettled = row.do != "" // a command that is still queued must do nothing
			}
		}
	}
	d.control(in)
}

// audit checks what must hold when the life is over.
func (d *driver) audit() {
	if len(d.check.faults) > 0 {
		return
	}
	d.nothingAfterTheEnd()
	if diff := cmp.Diff(d.state, d.replayed()); diff != "" {
		d.check.fail("the journal folds to another state: %s", diff)
	}
	for _, old := range d.frozen {
		if text := encode(old.state); text != old.text {
			d.check.fail("a state was changed after it was handed on: %s", cmp.Diff(old.text, text))
		}
	}
	if d.honest {
		for range 3 * len(d.sent) { // whatever is still queued comes now
			_, _ = d.world.handle(d.sent[d.IntN(len(d.sent))])
		}
		d.effects()
	}
}

// nothingAfterTheEnd takes all that was ever sent or answered once more.
func (d *driver) nothingAfterTheEnd() {
	end, links := encode(d.state), len(d.links)
	inputs := []instance.Input{
		nil, instance.Start{Sequence: firstRun},
		instance.SignalSent{Sequence: d.next(nil), Name: "hurry"},
		instance.Control{Sequence: d.next(nil), Verb: instance.Cancel, By: "anna"},
	}
	for _, c := range d.sent {
		for _, o := range []protocol.Outcome{protocol.Done, protocol.Refused, protocol.Failed, protocol.Undone, protocol.NothingToUndo} {
			inputs = append(inputs, instance.Reply{Sequence: d.last, Participant: c.Participant, Reply: protocol.Reply{Attempt: c.Attempt, Outcome: o}})
		}
		inputs = append(inputs, instance.TimerFired{Attempt: c.Attempt})
	}
	for _, in := range inputs {
		if err := d.take(in); in != nil && !errors.Is(err, instance.ErrOver) || len(d.links) > links {
			d.check.fail("%+v counts after the end: %v", in, err)
		}
	}
	if got := encode(d.state); got != end {
		d.check.fail("the end changes: %s", cmp.Diff(end, got))
	}
}

// effects counts what the saga left in the world.
func (d *driver) effects() {
	for _, step := range d.def.Steps {
		n := d.world.effects[step.Name]
		switch {
		case d.state.Status == instance.Completed && n != 1:
			d.check.fail("it is completed, and %s took effect %d times", step.Name, n)
		case d.state.Status == instance.Compensated && (n < 0 || n > 0 && !step.NothingToUndo):
			d.check.fail("it is compensated, and %s has %d effects", step.Name, n)
		}
	}
}

// report prints the life, and how to see it again.
func (d *driver) report(seed uint64) string {
	plans := ""
	for i, s := range d.def.Steps {
		plans += fmt.Sprintf("  %d %s after %v, pivot %t, undo %t, %d attempts, on time-out %q\n",
			i, s.Name, s.After, s.Pivot, s.Compensation != nil, s.Retry.Attempts, s.OnTimeout)
	}
	faults := ""
	for _, fault := range d.check.faults {
		faults += "  " + fault + "\n"
	}
	return fmt.Sprintf("seed %d: go test -run 'FuzzDecide/seed#%d$'\n%s%s%s", seed, seed, plans, d.log.String(), faults)
}
