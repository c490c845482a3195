package instance

import (
	"fmt"

	"github.com/amends-io/amends/participants/protocol"
)

// control takes an operator's request. Whatever it says, it is recorded with
// who and why, as long as the saga is not over: the operator reads the answer
// from the decision.
func (d *decision) control(in Control) error {
	if err := d.fresh(in.Sequence); err != nil {
		return err
	}
	switch in.Verb {
	case Cancel, Suspend, Resume, Retry, Resolve:
	default:
		return fmt.Errorf("%w: %.40q is nothing one can ask for", ErrInvalid, string(in.Verb))
	}
	if d.state.Links >= MaxLinks+MaxSignals {
		return fmt.Errorf("%w: the saga has %d links already", ErrInvalid, d.state.Links)
	}
	d.read = in.Sequence
	who := Operator{in.By, in.Why, in.Sequence}
	if reason := d.obey(in, who); reason != "" {
		d.record(ControlRefused{who, in.Verb, reason})
	}
	d.proceed()
	return nil
}

// obey does what in asks, or returns why it cannot be done.
func (d *decision) obey(in Control, who Operator) (refusal string) {
	s := &d.state
	switch in.Verb {
	case Cancel:
		if s.Back {
			return "it is on its way back already"
		}
		d.record(CancelRequested{who, s.PastPivot})
		if !s.PastPivot {
			d.record(TurnedBack{Reason: "cancelled by " + in.By})
		}
	case Suspend:
		if s.Suspended {
			return "it is suspended already"
		}
		d.record(Suspended{who})
	case Resume:
		if !s.Suspended {
			return "it is not suspended"
		}
		d.record(Resumed{who})
	case Retry:
		return d.retry(in, who)
	case Resolve:
		return d.resolve(in, who)
	}
	return ""
}

// addressed returns the step and the progress that in means, or why a person
// has nothing to decide there.
func (d *decision) addressed(in Control) (i int, p *Progress, refusal string) {
	i = d.def.Index(in.Step)
	if i < 0 || !in.Direction.Valid() {
		return 0, nil, fmt.Sprintf("the definition has no step %.64q, or %.8q is no direction", in.Step, string(in.Direction))
	}
	step := d.state.Step(in.Step)
	if step == nil {
		return 0, nil, fmt.Sprintf("step %s was not requested yet", in.Step)
	}
	p = step.Toward(in.Direction)
	switch {
	case d.state.Suspended:
		return 0, nil, "it is suspended; resume it first"
	case in.Number != 0 && in.Number != p.Number:
		return 0, nil, fmt.Sprintf("attempt %d is not the latest, which is %d", in.Number, p.Number)
	case p.Phase == Open && p.Settling == "":
		return 0, nil, fmt.Sprintf("attempt %d is in flight until %s", p.Number, p.Due.Format("2006-01-02 15:04:05Z07:00"))
	case p.Phase == Idle || p.Phase == Closed:
		return 0, nil, fmt.Sprintf("%s %s waits for nobody", in.Direction, in.Step)
	}
	return i, p, ""
}

func (d *decision) retry(in Control, who Operator) (refusal string) {
	i, _, refusal := d.addressed(in)
	switch {
	case refusal != "":
		return refusal
	case d.state.Back && in.Direction == protocol.Do:
		return "it is on its way back: the step can be resolved, not tried again"
	}
	d.record(RetryRequested{who, in.Step, in.Direction})
	d.request(i, in.Direction)
	return ""
}

// resolve takes a person's word for a step. The participant is asked to settle
// on it, so that a command which is still queued there takes no effect
// afterwards; until it has answered the saga stays stuck. It gets the bytes of
// the step's own request, by which it finds what it knows of the step.
func (d *decision) resolve(in Control, who Operator) (refusal string) {
	i, p, refusal := d.addressed(in)
	if refusal == "" {
		refusal = d.resolvable(i, in)
	}
	if refusal != "" {
		return refusal
	}
	if in.As != protocol.Done {
		in.Output = nil // nor does the link say it
	}
	number := p.Number + 1
	if in.Unsettled {
		d.record(Resolved{in.Step, in.Direction, number, in.As, in.Sequence, in.Output})
		d.resolved(i, in.Direction, in.As)
		return ""
	}
	plan := d.def.Steps[i]
	c := &Command{Participant: plan.Participant, Action: plan.Action, Settle: in.As, Again: p.Command}
	if in.Direction == protocol.Undo {
		c.Participant, c.Action = plan.Compensation.Participant, plan.Compensation.Action
	}
	c.Attempt = protocol.Attempt{Run: d.state.Run, Step: in.Step, Direction: in.Direction, Number: number}
	d.command = c
	d.record(ResolveRequested{who, in.Step, in.Direction, number, c.Participant, in.As, in.Output})
	return ""
}

// resolvable says why a step cannot be resolved as asked.
func (d *decision) resolvable(i int, in Control) (refusal string) {
	switch {
	case in.Direction == protocol.Undo && in.As == protocol.Undone:
		return ""
	case in.Direction == protocol.Do && in.As == protocol.Done:
		if err := d.acceptOutput(i, in.Output); err != nil {
			return "as done it needs an output that the definition can read: " + protocol.Text(err.Error(), 200)
		}
		return ""
	case in.Direction == protocol.Do && in.As == protocol.Undone:
		if d.state.PastPivot && !d.def.Steps[i].Pivot {
			return "the pivot is behind it: the step can be done, not undone"
		}
		return ""
	}
	return fmt.Sprintf("%s cannot be resolved as %.16q", in.Direction, string(in.As))
}

// settled takes the participant's answer to a step that a person resolved. Its
// word for a do that is undone is "refused": it took no effect and never will.
func (d *decision) settled(in Reply, as protocol.Outcome) {
	a := in.Attempt
	i := d.def.Index(a.Step)
	agrees := in.Outcome == as ||
		a.Direction == protocol.Undo && in.Outcome == protocol.NothingToUndo ||
		a.Direction == protocol.Do && as == protocol.Undone && in.Outcome == protocol.Refused
	why := in.Reason
	if agrees && as == protocol.Done && len(in.Body) > 0 {
		if err := d.acceptOutput(i, in.Body); err != nil {
			agrees, why = false, "its output cannot be read: "+err.Error()
		}
	}
	if agrees {
		d.record(Resolved{a.Step, a.Direction, a.Number, as, in.Sequence, in.Body})
		d.resolved(i, a.Direction, as)
	} else {
		reason := fmt.Sprintf("%s answered %s when asked to settle on %s: %s", in.Participant, in.Outcome, as, why)
		d.record(ResolveFailed{a.Step, a.Direction, a.Number, in.Sequence, protocol.Text(reason, protocol.MaxReason)})
	}
}

// resolved follows a person's word: a step that never took effect turns back.
func (d *decision) resolved(i int, dir protocol.Direction, as protocol.Outcome) {
	if dir == protocol.Do && as == protocol.Undone && !d.state.Back {
		d.record(TurnedBack{d.def.Steps[i].Name, "resolved by hand as undone"})
	}
}
