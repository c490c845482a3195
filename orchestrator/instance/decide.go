package instance

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// Why an input causes no decision. The first three say that the state proves
// the input over; the caller drops it. The last two are faults of whoever sent
// it; the caller counts it, and the journal keeps it.
var (
	ErrOver    = errors.New("the saga is over, or this is of an earlier run")
	ErrStale   = errors.New("the attempt it speaks of is closed, or a decision has read it before")
	ErrEarly   = errors.New("the timer is not due, or must wait")
	ErrNoStep  = errors.New("it answers an attempt that was never made")
	ErrInvalid = errors.New("it cannot be what it claims to be")
)

// A MappingError says that a function of the definition failed or panicked, so
// that the next command cannot be made. The saga has to be parked.
type MappingError struct {
	Step      string // empty: it was the check of the saga's input
	Direction protocol.Direction
	Err       error
}

func (e *MappingError) Error() string {
	if e.Step == "" {
		return fmt.Sprintf("check the saga's input: %v", e.Err)
	}
	return fmt.Sprintf("map the request to %s step %q: %v", e.Direction, e.Step, e.Err)
}

func (e *MappingError) Unwrap() error { return e.Err }

// Bounds of one instance. They stay well below the journal's bound on the
// messages of one subject.
const (
	MaxLinks       = 10_000  // then no attempt is made unless a person asks for it
	MaxSignals     = 1_000   // then signals are refused
	MaxSignalBytes = 1 << 20 // of the signals that are kept, together
)

// Decide returns what in causes, or, without an input, what is ready to be
// done: an empty decision means that the saga is at rest. Its errors leave the
// state as it is.
//
// What in says is decided also where the command that would follow cannot be
// made. Then the next call without an input says so, with a *MappingError: the
// saga is parked with nothing unread, and whatever comes in later, a cancel
// too, is decided. Only a start whose check panics is not decided itself.
func Decide(def sagas.Definition, s State, in Input, now Moment) (Decision, error) {
	d := decision{def: def, state: s, now: now, read: s.Read}
	d.state.Updated = now.At
	if s.Repeated != 0 && !s.Status.Over() {
		d.record(StartRefused{s.Repeated})
	}
	prelude := len(d.events)
	if err := d.take(in); err != nil {
		return Decision{}, err
	}
	switch {
	case d.err != nil && len(d.events) == 0:
		return Decision{}, d.err
	case d.err == nil && len(d.events) > prelude && s.Parked != "":
		d.events = slices.Insert(d.events, prelude, Event(Unparked{}))
		d.state.apply(Unparked{}) // no event that follows it looks at that
	}
	return d.made(&s), nil
}

// Park returns the decision that an instance is parked. What it could not
// decide stays unread.
func Park(s State, reason string, at time.Time) Decision {
	return outright(s, s.Read, at, Parked{reason})
}

// Refuse returns the decision that ends an instance that can never run.
func Refuse(s State, reason string, at time.Time) Decision {
	return outright(s, s.Run, at, TurnedBack{Reason: reason}, SagaCompensated{})
}

// outright returns a decision that needs no definition.
func outright(s State, read uint64, at time.Time, events ...Event) Decision {
	d := decision{state: s, read: read}
	d.state.Updated = at
	for _, ev := range events {
		d.record(ev)
	}
	return d.made(&s)
}

// A decision collects events and keeps the state up to date with them, so that
// each rule sees what the rules before it decided. Its steps are the caller's
// until the first event.
type decision struct {
	def     sagas.Definition
	state   State
	now     Moment
	read    uint64
	events  []Event
	command *Command
	err     error // of the mapping of a command that was ready
}

func (d *decision) record(ev Event) {
	if d.events == nil { // most of those that are asked without an input record nothing
		d.events = make([]Event, 0, 2)
		d.state.Steps = withRoom(d.state.Steps)
	}
	d.events = append(d.events, ev)
	d.state.apply(ev)
}

// made returns what d has come to, from the state before it.
func (d *decision) made(before *State) Decision {
	if len(d.events) == 0 {
		return Decision{Read: d.read}
	}
	after := d.state
	after.follow(before, d.read)
	return Decision{Events: d.events, Read: d.read, Command: d.command, After: &after}
}

func (d *decision) take(in Input) error {
	if d.state.Status.Over() {
		if in == nil {
			return nil
		}
		return ErrOver
	}
	switch in := in.(type) {
	case nil:
		d.proceed()
		return nil
	case Start:
		return d.start(in)
	case Reply:
		return d.reply(in)
	case TimerFired:
		return d.timer(in.Attempt)
	case SignalSent:
		return d.signal(in)
	case Control:
		return d.control(in)
	default:
		panic(fmt.Sprintf("instance: unknown input %T", in))
	}
}

func (d *decision) start(in Start) error {
	if d.state.Fingerprint != "" {
		return ErrOver
	}
	refused, err := d.accept()
	if err != nil {
		return err
	}
	d.read = in.Sequence
	d.record(Started{d.def.Fingerprint()})
	if refused != nil {
		d.record(TurnedBack{Reason: "the input is refused: " + protocol.Text(refused.Error(), protocol.MaxReason)})
	}
	d.proceed()
	return nil
}

// accept calls the author's check of the saga's input, which may panic.
func (d *decision) accept() (refused, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &MappingError{Err: fmt.Errorf("panic: %v", r)}
		}
	}()
	return d.def.Accept(d.state.Input), nil
}

// acceptOutput reports why output cannot be the output of step. It is tried on
// empty data, over which an author's function may stumble: that says nothing
// about the output, which was decoded by then.
func (d *decision) acceptOutput(step int, output []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = nil
		}
	}()
	return d.def.AcceptOutput(step, output)
}

// fresh reports why an input that names no attempt must not count: it was
// stored before the start, for an earlier run of the id, or it was read before.
func (d *decision) fresh(sequence uint64) error {
	switch {
	case sequence < d.state.Run:
		return ErrOver
	case sequence <= d.state.Read:
		return ErrStale
	}
	return nil
}

func (d *decision) signal(in SignalSent) error {
	if err := d.fresh(in.Sequence); err != nil {
		return err
	}
	size := len(in.Body)
	for i := range d.state.Signals {
		size += len(d.state.Signals[i].Body)
	}
	if len(d.state.Signals) >= MaxSignals || size > MaxSignalBytes {
		return fmt.Errorf("%w: %d signals are kept already, and at most %d, of %d bytes together, can be",
			ErrInvalid, len(d.state.Signals), MaxSignals, MaxSignalBytes)
	}
	d.read = in.Sequence
	d.record(SignalReceived{in.Name, in.Sequence, in.Body})
	d.proceed()
	return nil
}

// reply takes a participant's answer.
func (d *decision) reply(in Reply) error {
	step, p, err := d.attempt(in.Attempt)
	if err != nil {
		return err
	}
	if in.Participant != p.Participant {
		return fmt.Errorf("%w: %q answers for %q", ErrInvalid, in.Participant, p.Participant)
	}
	switch {
	case !in.Outcome.Answers(in.Attempt.Direction):
		return fmt.Errorf("%w: %q is no answer to %v", ErrInvalid, in.Outcome, in.Attempt)
	case p.Settling != "":
		d.settled(in, p.Settling)
	case in.Outcome == protocol.Rejected:
		return fmt.Errorf("%w: %v was rejected as too late", ErrStale, in.Attempt)
	default:
		if in.Outcome == protocol.Done {
			if err := d.acceptOutput(step, in.Body); err != nil {
				return fmt.Errorf("%w: the output of %v: %w", ErrInvalid, in.Attempt, err)
			}
		}
		d.answer(step, in)
	}
	d.read = in.Sequence
	d.proceed()
	return nil
}

// attempt returns the step and the progress that a speaks of, if a is open.
func (d *decision) attempt(a protocol.Attempt) (int, *Progress, error) {
	switch {
	case a.Run < d.state.Run:
		return 0, nil, ErrOver
	case a.Run > d.state.Run:
		return 0, nil, ErrNoStep
	}
	step := d.state.Step(a.Step)
	if step == nil {
		return 0, nil, ErrNoStep
	}
	p := step.Toward(a.Direction)
	switch {
	case a.Number < 1 || a.Number > p.Number:
		return 0, nil, ErrNoStep
	case a.Number < p.Number || p.Phase != Open:
		return 0, nil, ErrStale
	}
	return d.def.Index(a.Step), p, nil
}

// answer records an outcome, and what follows for the step itself.
func (d *decision) answer(step int, in Reply) {
	a := in.Attempt
	switch in.Outcome {
	case protocol.Done:
		d.record(ActionDone{a.Step, a.Number, in.Sequence, in.Body})
	case protocol.Refused:
		d.record(ActionRefused{a.Step, a.Number, in.Sequence, in.Reason})
		d.fallBack(step, in.Outcome, in.Reason)
	case protocol.Undone, protocol.NothingToUndo:
		d.record(CompensationDone{a.Step, a.Number, in.Sequence, in.Outcome == protocol.NothingToUndo})
	case protocol.Failed:
		if a.Direction == protocol.Undo {
			d.record(CompensationFailed{a.Step, a.Number, in.Sequence, in.Reason})
		} else {
			d.record(ActionFailed{a.Step, a.Number, in.Sequence, in.Reason})
		}
		d.again(step, a, in.Outcome, in.Reason)
	case protocol.Unknown, protocol.Rejected: // reply let neither through
	}
}

// timer takes the time at which a is due: its outcome becomes unknown, or its
// successor begins.
func (d *decision) timer(a protocol.Attempt) error {
	step := d.state.Step(a.Step)
	if step == nil || a.Run != d.state.Run {
		return ErrStale
	}
	p := step.Toward(a.Direction)
	switch {
	case a.Number != p.Number || p.Due.IsZero():
		return ErrStale
	case d.state.Suspended || d.state.Parked != "" || d.now.At.Before(p.Due):
		return ErrEarly
	}
	i := d.def.Index(a.Step)
	switch {
	case p.Phase == Waiting:
		d.request(i, a.Direction)
	case a.Direction == protocol.Undo:
		d.record(CompensationTimedOut{a.Step, a.Number})
		d.again(i, a, protocol.Unknown, "nobody answered in time")
	default:
		d.record(ActionTimedOut{a.Step, a.Number})
		d.again(i, a, protocol.Unknown, "nobody answered in time")
	}
	d.proceed()
	return nil
}

// again follows an attempt that failed or got no answer: another one by
// policy, else a person on the way back, else what fallBack says.
func (d *decision) again(step int, a protocol.Attempt, outcome protocol.Outcome, reason string) {
	plan := d.def.Steps[step]
	policy := plan.Retry
	if a.Direction == protocol.Undo {
		policy = plan.Compensation.Retry
	} else if d.state.Back {
		return // it was in flight when the saga turned back: it is undone, not tried again
	}
	giveUp := a.Number >= policy.Attempts || d.state.Links >= MaxLinks ||
		a.Direction == protocol.Do && outcome == protocol.Unknown && plan.OnTimeout == sagas.TurnBack && !plan.Pivot
	switch {
	case !giveUp:
		at := d.now.At.Add(policy.Wait(a.Number, d.now.Random)).UTC().Truncate(time.Millisecond)
		d.record(RetryScheduled{a.Step, a.Direction, a.Number + 1, at})
	case a.Direction == protocol.Undo:
		d.record(StepHalted{a.Step, a.Direction, reason})
	default:
		d.fallBack(step, outcome, reason)
	}
}

// fallBack follows an action that did not take effect, or may not have: the
// way back where there is one, else a person.
func (d *decision) fallBack(step int, outcome protocol.Outcome, reason string) {
	plan := d.def.Steps[step]
	canTurn := !d.state.PastPivot || plan.Pivot &&
		(outcome == protocol.Refused || outcome == protocol.Failed && plan.Compensation != nil)
	switch {
	case d.state.Back:
	case canTurn:
		d.record(TurnedBack{plan.Name, reason})
	default:
		d.record(StepHalted{plan.Name, protocol.Do, reason})
	}
}
