package instance

import (
	"fmt"
	"slices"
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// A Request is link 0: what a client asked to start.
type Request struct {
	ID         string
	Sequence   uint64
	Time       time.Time
	Definition string
	Version    int
	Tags       map[string]string
	Trace      string
	Input      []byte
}

// Begin returns the state of an instance of which only the start is stored.
func Begin(r Request) State {
	return State{
		ID: r.ID, Definition: r.Definition, Version: r.Version, Tags: r.Tags, Trace: r.Trace, Input: r.Input,
		Run: r.Sequence, Last: r.Sequence, Links: 1, Started: r.Time, Updated: r.Time,
	}
}

// Repeat returns s after a second start of the same run was stored without the
// condition that would have refused it. It moved the chain's end, so the next
// decision expects it, and refuses it by name.
func Repeat(s State, sequence uint64, at time.Time) State {
	s.Last, s.Repeated, s.Updated = sequence, sequence, at
	s.Links++
	return s
}

// Fold returns s after link. It cannot fail: what is recorded has happened.
// It panics on an event type that it does not know.
func Fold(s State, link Link) State {
	after := s
	after.Updated = link.Time
	after.Steps = withRoom(s.Steps)
	for _, ev := range link.Events {
		after.apply(ev)
	}
	after.follow(&s, link.Read)
	return Stored(after, link.Sequence)
}

// follow adds to s, to which a link's events were applied, what the link as a
// whole changes: all but its sequence.
func (s *State) follow(before *State, read uint64) {
	s.Read = max(before.Read, read)
	s.Links++
	if s.Back && !before.Back {
		s.BackSince = s.Updated
	}
	switch {
	case s.Status != Stuck:
		s.StuckSince = time.Time{}
	case before.Status != Stuck:
		s.StuckSince = s.Updated
	}
	if s.Status.Over() && s.Ended.IsZero() {
		s.Ended = s.Updated
	}
}

// Stored returns s, a decision's After, once its link has a sequence. It takes
// s over.
func Stored(s State, sequence uint64) State {
	s.Last = sequence
	if n := len(s.Asked); n > 0 && s.Asked[n-1].Link == 0 {
		s.Asked[n-1].Link = sequence
	}
	// A command's bytes are its link's: later attempts send them again.
	for i := range s.Steps {
		step := &s.Steps[i]
		for _, p := range [...]*Progress{&step.Do, &step.Undo} {
			if p.Number > 0 && p.Command == 0 {
				p.Command = sequence
			}
		}
	}
	return s
}

// withRoom returns a copy of steps with room for the next one.
func withRoom(steps []Step) []Step {
	if len(steps) == 0 {
		return nil
	}
	return append(make([]Step, 0, len(steps)+1), steps...)
}

// apply changes s, whose steps belong to the caller.
func (s *State) apply(ev Event) {
	switch ev := ev.(type) {
	case Started:
		s.Fingerprint, s.Status = ev.Fingerprint, Running
	case StartRefused:
		s.Repeated = 0
	case TurnedBack:
		s.turnBack(ev.Step, ev.Reason)
	case SagaCompleted:
		s.end(Completed)
	case SagaCompensated:
		s.end(Compensated)
	case Parked:
		s.Parked = ev.Reason
	case Unparked:
		s.Parked = ""
	case SignalReceived:
		s.Signals = append(s.Signals[:len(s.Signals):len(s.Signals)], Signal(ev))
	case CancelRequested:
		s.Cancelled = true
		s.asked(ev.Operator, Cancel, false)
	case Suspended:
		s.Suspended = true
		s.asked(ev.Operator, Suspend, false)
	case Resumed:
		s.Suspended = false
		s.asked(ev.Operator, Resume, false)
	case RetryRequested:
		s.asked(ev.Operator, Retry, false)
	case ControlRefused:
		s.asked(ev.Operator, ev.Verb, true)
	default:
		s.applyToStep(ev)
	}
	s.classify()
}

// applyToStep takes the events that name a step.
func (s *State) applyToStep(ev Event) {
	switch ev := ev.(type) {
	case ActionRequested:
		s.PastPivot = s.PastPivot || ev.Pivot
		s.touch(ev.Step).Do.open(ev.Number, ev.Participant, ev.Due)
	case ActionDone:
		p := &s.touch(ev.Step).Do
		p.end(Closed, protocol.Done, "")
		p.Output = ev.Output
	case ActionRefused:
		s.touch(ev.Step).Do.end(Closed, protocol.Refused, ev.Reason)
	case ActionFailed:
		s.touch(ev.Step).Do.end(Closed, protocol.Failed, ev.Reason)
	case ActionTimedOut:
		s.touch(ev.Step).Do.end(Closed, protocol.Unknown, "nobody answered in time")
	case CompensationRequested:
		s.touch(ev.Step).Undo.open(ev.Number, ev.Participant, ev.Due)
	case CompensationDone:
		outcome := protocol.Undone
		if ev.Nothing {
			outcome = protocol.NothingToUndo
		}
		s.touch(ev.Step).Undo.end(Closed, outcome, "")
	case CompensationFailed:
		s.touch(ev.Step).Undo.end(Closed, protocol.Failed, ev.Reason)
	case CompensationTimedOut:
		s.touch(ev.Step).Undo.end(Closed, protocol.Unknown, "nobody answered in time")
	case RetryScheduled:
		p := s.touch(ev.Step).Toward(ev.Direction)
		p.Phase, p.Due = Waiting, ev.At
	case StepHalted:
		p := s.touch(ev.Step).Toward(ev.Direction)
		p.Phase, p.Due, p.Reason = Halted, time.Time{}, ev.Reason
	case ResolveRequested:
		p := s.touch(ev.Step).Toward(ev.Direction)
		p.open(ev.Number, ev.Participant, time.Time{})
		p.Settling, p.Output = ev.As, ev.Output
		s.asked(ev.Operator, Resolve, false)
	case Resolved:
		p := s.touch(ev.Step).Toward(ev.Direction)
		if p.Settling == "" { // nobody was asked to settle: it answers the request itself
			s.asked(Operator{Input: ev.Input}, Resolve, false)
		}
		p.Number = ev.Number
		p.resolve(ev)
	case ResolveFailed:
		p := s.touch(ev.Step).Toward(ev.Direction)
		p.Phase, p.Settling, p.Reason, p.Output = Halted, "", ev.Reason, nil
	default:
		panic(fmt.Sprintf("instance: unknown event %T", ev))
	}
}

// asked notes a request that the link under way decides. States share what was
// noted before, so it goes into a list of its own.
func (s *State) asked(who Operator, verb Verb, refused bool) {
	kept := s.Asked[max(0, len(s.Asked)+1-MaxAsked):]
	s.Asked = append(slices.Clip(kept), Asked{Input: who.Input, At: s.Updated, Verb: verb, By: who.By, Refused: refused})
}

// end makes s over: nothing is left that could be held up.
func (s *State) end(status Status) {
	s.Status, s.Suspended, s.Parked = status, false, ""
}

// turnBack ends the way forward. What waited for another attempt is over; what
// is in flight is waited for.
func (s *State) turnBack(step, reason string) {
	s.Back, s.PastPivot, s.BackAt, s.BackFor = true, false, step, reason
	for i := range s.Steps {
		if p := &s.Steps[i].Do; p.Phase == Waiting {
			p.Phase, p.Due = Closed, time.Time{}
		}
	}
}

// classify derives the status of an instance, unless it is over, and the
// reason: a person who got a stuck saga going again must not leave that stop
// behind as the reason of how it ended.
func (s *State) classify() {
	stop, halted := s.halted()
	s.Reason = s.BackFor
	switch {
	case s.Status.Over():
	case halted:
		s.Status, s.Reason = Stuck, stop.Reason
	case s.Back:
		s.Status = Compensating
	case s.Fingerprint != "":
		s.Status = Running
	default:
		s.Status = Absent
	}
}

// touch returns the step called name, which it adds if it is new.
func (s *State) touch(name string) *Step {
	if step := s.Step(name); step != nil {
		return step
	}
	s.Steps = append(s.Steps, Step{Name: name})
	return &s.Steps[len(s.Steps)-1]
}

func (p *Progress) open(number int, participant string, due time.Time) {
	p.Phase, p.Number, p.Participant, p.Due = Open, number, participant, due
	p.Settling, p.Output = "", nil
}

func (p *Progress) end(phase Phase, outcome protocol.Outcome, reason string) {
	p.Phase, p.Outcome, p.Reason, p.Due = phase, outcome, reason, time.Time{}
	if outcome == protocol.Unknown || outcome == protocol.Failed {
		p.Doubt = true
	}
}

// resolve closes p with what a person said. A do that is resolved as undone
// never took effect, so no doubt about it is left.
func (p *Progress) resolve(ev Resolved) {
	p.end(Closed, ev.As, "")
	p.Settling, p.ByHand = "", true
	if ev.Direction == protocol.Do {
		p.Doubt = false
	}
	if ev.As != protocol.Done {
		p.Output = nil
	} else if len(ev.Output) > 0 {
		p.Output = ev.Output
	}
}
