package spans

import (
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A follower takes one link apart.
type follower struct {
	saga    *Saga
	m       orchestrator.Message
	decided time.Time
	due     time.Time // of the command, if it has one
	facts   []Fact
}

// event takes one event of the link. Those that say nothing of an attempt, or
// of the saga's beginning or end, make no span.
func (f *follower) event(ev instance.Event) {
	const do, undo = protocol.Do, protocol.Undo
	switch ev := ev.(type) {
	case instance.Started:
		f.saga.Definition = f.m.Header.Get(protocol.HeaderDefinition)
		f.saga.Version = f.m.Header.Get(protocol.HeaderVersion)
	case instance.ActionRequested:
		f.due = ev.Due
	case instance.CompensationRequested:
		f.due = ev.Due
	case instance.ActionDone:
		f.close(ev.Step, do, ev.Number, protocol.Done, ev.Reply)
	case instance.ActionRefused:
		f.close(ev.Step, do, ev.Number, protocol.Refused, ev.Reply)
	case instance.ActionFailed:
		f.close(ev.Step, do, ev.Number, protocol.Failed, ev.Reply)
	case instance.ActionTimedOut:
		f.close(ev.Step, do, ev.Number, protocol.Unknown, 0)
	case instance.CompensationDone:
		outcome := protocol.Undone
		if ev.Nothing {
			outcome = protocol.NothingToUndo
		}
		f.close(ev.Step, undo, ev.Number, outcome, ev.Reply)
	case instance.CompensationFailed:
		f.close(ev.Step, undo, ev.Number, protocol.Failed, ev.Reply)
	case instance.CompensationTimedOut:
		f.close(ev.Step, undo, ev.Number, protocol.Unknown, 0)
	case instance.RetryScheduled:
		f.saga.plan(way{ev.Step, ev.Direction}, ev.At)
	case instance.Resolved:
		f.close(ev.Step, ev.Direction, ev.Number, ev.As, ev.Input)
	case instance.ResolveFailed:
		f.close(ev.Step, ev.Direction, ev.Number, protocol.Rejected, ev.Reply)
	case instance.SagaCompleted:
		f.end(instance.Completed)
	case instance.SagaCompensated:
		f.end(instance.Compensated)
	case instance.StartRefused, instance.TurnedBack, instance.Parked, instance.Unparked, instance.SignalReceived,
		instance.StepHalted, instance.CancelRequested, instance.Suspended, instance.Resumed,
		instance.RetryRequested, instance.ResolveRequested, instance.ControlRefused:
	}
}

// command takes the command that the link carries, if it does. An attempt that
// was open is given up by it: nobody waits for its answer any more.
func (f *follower) command() {
	if f.m.Address.Name == protocol.NoOne {
		return
	}
	c, err := protocol.ReadCommand(f.m.Address, f.m.Header, nil)
	if err != nil {
		return
	}
	w := way{c.Attempt.Step, c.Attempt.Direction}
	a := &Attempt{
		Attempt: c.Attempt, Participant: c.Participant, Action: c.Action, Address: f.m.Address, Due: f.due,
		Sequence: f.m.Sequence, Decided: f.decided,
	}
	if at, ok := f.saga.planned[w]; ok {
		delete(f.saga.planned, w)
		a.planned, a.Late = true, max(0, f.decided.Sub(at))
	}
	if before := f.saga.open[w]; before != nil {
		f.closed(before, "", answer{})
	}
	f.saga.open[w] = a
	f.saga.count++
	f.facts = append(f.facts, Requested{a})
}

func (f *follower) close(step string, d protocol.Direction, number int, outcome protocol.Outcome, reply uint64) {
	w := way{step, d}
	a := f.saga.open[w]
	var by answer
	for _, r := range f.saga.replies {
		if r.sequence == reply {
			by = r
		}
	}
	if outcome == protocol.Done && f.saga.effect.IsZero() {
		f.saga.effect = f.decided
		if !by.stamp.IsZero() {
			f.saga.effect = by.stamp
		}
	}
	if a == nil || a.Number != number {
		return // resolved by a person's word alone
	}
	if outcome == protocol.Unknown && !a.Due.IsZero() {
		a.Overdue = max(0, f.decided.Sub(a.Due))
	}
	f.closed(a, outcome, by)
}

func (f *follower) closed(a *Attempt, outcome protocol.Outcome, by answer) {
	s := f.saga
	delete(s.open, way{a.Step, a.Direction})
	a.Closed, a.Outcome, a.answer = f.decided, outcome, by
	if len(s.made) < maxMade {
		whole, _ := s.attempt(a.Attempt)
		s.made = append(s.made, whole)
	}
	f.facts = append(f.facts, Closed{a})
}

// end closes what is open, in the order in which it was requested.
func (f *follower) end(outcome instance.Status) {
	for len(f.saga.open) > 0 {
		var first *Attempt
		for _, a := range f.saga.open {
			if first == nil || a.Sequence < first.Sequence {
				first = a
			}
		}
		f.closed(first, "", answer{})
	}
	f.facts = append(f.facts, Ended{f.decided, outcome})
}

// plan notes when the next attempt is to begin.
func (s *Saga) plan(w way, at time.Time) {
	if s.planned == nil {
		s.planned = map[way]time.Time{}
	}
	s.planned[w] = at
}
