package instance_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A checker reads a journal as an auditor would: from the events alone, with
// its own idea of what they mean, and none of the core's code.
type checker struct {
	def      sagas.Definition
	precedes [][]bool
	faults   []string

	steps                      []audited
	started, back, over        bool
	suspended, parked, pivoted bool              // pivoted: there is no way back
	sent                       map[string]string // the bytes that each idempotency key was sent with
	lastRead                   uint64
}

// audited is what a checker knows of one step.
type audited struct{ do, undo direction }

type direction struct {
	number                int // of the latest attempt
	open, waiting, halted bool
	settling, over        bool
	outcome               protocol.Outcome // of a direction that is over
	doubt                 bool             // an attempt failed, or nobody answered
}

func newChecker(def sagas.Definition) *checker {
	c := &checker{def: def, steps: make([]audited, len(def.Steps)), sent: map[string]string{}}
	c.precedes = make([][]bool, len(def.Steps))
	for i := range def.Steps {
		c.precedes[i] = make([]bool, len(def.Steps))
	}
	for j, step := range def.Steps { // predecessors come first
		for _, k := range step.After {
			for i := range j {
				c.precedes[i][j] = c.precedes[i][j] || i == k || c.precedes[i][k]
			}
		}
	}
	return c
}

func (c *checker) fail(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *checker) toward(name string, d protocol.Direction) (int, *direction) {
	i := c.def.Index(name)
	if d == protocol.Undo {
		return i, &c.steps[i].undo
	}
	return i, &c.steps[i].do
}

// effective reports whether step i took or may have taken effect.
func (c *checker) effective(i int) bool {
	do := c.steps[i].do
	return do.outcome == protocol.Done || do.doubt
}

// left reports whether step i has, or may have, an effect that must be undone.
func (c *checker) left(i int) bool {
	do := c.steps[i].do
	return do.open || do.halted || c.def.Steps[i].Compensation != nil && c.effective(i) && !c.steps[i].undo.over
}

// link audits one decision, stored at a time, with the bytes of its command.
func (c *checker) link(e entry, body []byte) {
	requests := 0
	for _, ev := range e.Events {
		if c.over {
			c.fail("%T after the end", ev)
		}
		switch ev := ev.(type) {
		case instance.ActionRequested:
			requests++
			c.actionRequested(ev, e.Events)
			c.command(e, protocol.Do, ev.Step, ev.Number, ev.Participant, ev.Due, body)
		case instance.CompensationRequested:
			requests++
			c.compensationRequested(ev)
			c.command(e, protocol.Undo, ev.Step, ev.Number, ev.Participant, ev.Due, body)
		case instance.ResolveRequested:
			requests++
			c.requested(ev.Step, ev.Direction, ev.Number)
			_, p := c.toward(ev.Step, ev.Direction)
			p.settling = true
			c.command(e, ev.Direction, ev.Step, ev.Number, ev.Participant, time.Time{}, body)
			if e.command != nil && e.command.Settle != ev.As {
				c.fail("the command settles on %q, the event says %q", e.command.Settle, ev.As)
			}
		case instance.TurnedBack:
			c.turnedBack(ev, e.Events)
		default:
			c.answered(ev, e)
			c.whole(ev)
		}
	}
	if requests > 1 || (requests == 1) != (e.command != nil) {
		c.fail("%d requests in one decision with command %v", requests, e.command)
	}
}

// read audits how far into the inputs a decision says it has read: up to the
// one that caused it.
func (c *checker) read(in instance.Input, read uint64) {
	want := c.lastRead
	switch in := in.(type) {
	case instance.Start:
		want = in.Sequence
	case instance.Reply:
		want = in.Sequence
	case instance.SignalSent:
		want = in.Sequence
	case instance.Control:
		want = in.Sequence
	case instance.TimerFired, nil:
	}
	if read != want {
		c.fail("the decision of %+v has read up to %d, want %d", in, read, want)
	}
	c.lastRead = read
}

// requested audits what holds for a request of either direction.
// turnedBack audits why: once the pivot is requested only its own answer may.
// command audits what is sent: of this attempt, to whom the event says, and
// under each idempotency key the same bytes.
// firstRequest audits what a request was made from: the outputs of the steps
// before, in the definition's order, and to undo a step its own if it is known.
// answered audits what became of an attempt.
func (c *checker) answered(ev instance.Event, e entry) {
	closes := func(name string, d protocol.Direction, number int, o protocol.Outcome) {
		_, p := c.toward(name, d)
		if !p.open || p.settling || p.number != number {
			c.fail("%T closes %s %s/%d, which is not open: %+v", ev, d, name, number, *p)
		}
		p.open = false
		switch o {
		case protocol.Failed, protocol.Unknown:
			p.doubt = true
		default:
			p.over, p.outcome = true, o
		}
	}
	c.triedAgain(ev, e.Events)
	switch ev := ev.(type) {
	case instance.ActionDone:
		closes(ev.Step, protocol.Do, ev.Number, protocol.Done)
	case instance.ActionRefused:
		closes(ev.Step, protocol.Do, ev.Number, protocol.Refused)
	case instance.ActionFailed:
		closes(ev.Step, protocol.Do, ev.Number, protocol.Failed)
	case instance.ActionTimedOut:
		closes(ev.Step, protocol.Do, ev.Number, protocol.Unknown)
	case instance.CompensationDone:
		closes(ev.Step, protocol.Undo, ev.Number, protocol.Undone)
	case instance.CompensationFailed:
		closes(ev.Step, protocol.Undo, ev.Number, protocol.Failed)
	case instance.CompensationTimedOut:
		closes(ev.Step, protocol.Undo, ev.Number, protocol.Unknown)
	case instance.RetryScheduled:
		c.retryScheduled(ev, e.Time)
	case instance.StepHalted:
		_, p := c.toward(ev.Step, ev.Direction)
		if ev.Direction == protocol.Do && !c.pivoted {
			c.fail("do %s waits for a person, though there is a way back", ev.Step)
		}
		p.halted, p.over = true, false // a person may have a refused step tried again
	case instance.Resolved:
		_, p := c.toward(ev.Step, ev.Direction)
		*p = direction{number: ev.Number, over: true, outcome: ev.As, doubt: p.doubt && ev.Direction == protocol.Undo}
	case instance.ResolveFailed:
		_, p := c.toward(ev.Step, ev.Direction)
		if !p.settling || p.number != ev.Number {
			c.fail("%+v settles what nobody resolved", ev)
		}
		p.open, p.settling, p.halted = false, false, true
	}
}

// triedAgain audits that an attempt which did not succeed is followed by the
// next, as long as the policy has one and there is a way forward.
func (c *checker) triedAgain(ev instance.Event, decision []instance.Event) {
	var name string
	var number int
	var timedOut bool
	switch ev := ev.(type) {
	case instance.ActionFailed:
		name, number = ev.Step, ev.Number
	case instance.ActionTimedOut:
		name, number, timedOut = ev.Step, ev.Number, true
	default:
		return
	}
	plan := c.def.Steps[c.def.Index(name)]
	want := !c.back && number < plan.Retry.Attempts && (!timedOut || plan.OnTimeout != sagas.TurnBack || plan.Pivot)
	got := slices.ContainsFunc(decision, func(ev instance.Event) bool {
		retry, ok := ev.(instance.RetryScheduled)
		return ok && retry.Step == name && retry.Direction == protocol.Do
	})
	if got != want {
		c.fail("attempt %d at %s is tried again: %t, want %t", number, name, got, want)
	}
}

func (c *checker) retryScheduled(ev instance.RetryScheduled, now time.Time) {
	i, p := c.toward(ev.Step, ev.Direction)
	policy := c.def.Steps[i].Retry
	if ev.Direction == protocol.Undo {
		policy = c.def.Steps[i].Compensation.Retry
	}
	wait := policy.Base << (p.number - 1)
	if ev.Number != p.number+1 || ev.Number > policy.Attempts || c.back && ev.Direction == protocol.Do {
		c.fail("%+v after attempt %d of %d, on the way back: %t", ev, p.number, policy.Attempts, c.back)
	}
	if ev.At.After(now.Add(wait)) || ev.At.Before(now.Add(wait*4/5-time.Millisecond)) {
		c.fail("%+v is not within %v after %v", ev, wait, now)
	}
	p.waiting = true
}

// whole audits the events of an instance as a whole.
func (c *checker) whole(ev instance.Event) {
	switch ev.(type) {
	case instance.Started:
		if c.started {
			c.fail("it starts twice")
		}
		c.started = true
	case instance.Suspended:
		c.suspended = true
	case instance.Resumed:
		c.suspended = false
	case instance.Parked:
		c.parked = true
	case instance.Unparked:
		c.parked = false
	case instance.SagaCompleted:
		c.over = true
		for i := range c.steps {
			if c.back || c.steps[i].do.outcome != protocol.Done {
				c.fail("it is completed without %s, on the way back: %t", c.def.Steps[i].Name, c.back)
			}
		}
	case instance.SagaCompensated:
		c.over = true
		for i := range c.steps {
			if !c.back || c.left(i) {
				c.fail("it is compensated, and %s is not undone: %+v", c.def.Steps[i].Name, c.steps[i])
			}
		}
	}
}

// status is what the events say the status is.
func (c *checker) status() instance.Status {
	stuck := c.parked
	for i := range c.steps {
		for _, p := range []direction{c.steps[i].do, c.steps[i].undo} {
			stuck = stuck || p.halted || p.settling
		}
	}
	switch {
	case c.over && c.back:
		return instance.Compensated
	case c.over:
		return instance.Completed
	case stuck:
		return instance.Stuck
	case c.back:
		return instance.Compensating
	case c.started:
		return instance.Running
	}
	return instance.Absent
}

// isOpen reports whether a participant may still answer a.
func (c *checker) isOpen(a protocol.Attempt) bool {
	if a.Run != firstRun || c.def.Index(a.Step) < 0 || c.over || !a.Direction.Valid() {
		return false
	}
	_, p := c.toward(a.Step, a.Direction)
	return p.open && p.number == a.Number
}
