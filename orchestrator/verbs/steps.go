package verbs

import (
	"context"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A SagaRequest names a saga, and the message after which it is meant: 0 for now.
type SagaRequest struct {
	ID string `json:"id"`
	At uint64 `json:"at,omitempty"`
}

// A Trace is a saga's history by steps and attempts: what a waterfall needs. It
// is made here, so that a long history need not travel to be looked at.
type Trace struct {
	ID          string      `json:"id"`
	Run         uint64      `json:"run"`
	Definition  string      `json:"definition,omitempty"`
	Version     int         `json:"version,omitempty"`
	First       uint64      `json:"first"`
	Last        uint64      `json:"last"`
	Status      string      `json:"status"`
	Started     time.Time   `json:"started"`
	Ended       time.Time   `json:"ended,omitzero"`
	Updated     time.Time   `json:"updated,omitzero"`
	Messages    int         `json:"messages"`
	Steps       []StepTrace `json:"steps"`
	Turned      *Turn       `json:"turned,omitempty"`
	Controls    []Control   `json:"controls"`
	TraceParent string      `json:"traceparent,omitempty"`
}

// A StepTrace is a step with its attempts, in the order of their requests.
type StepTrace struct {
	Name     string     `json:"name"`
	Attempts []*Attempt `json:"attempts"`
}

// A Stamp is a message of the journal, and when it was stored.
type Stamp struct {
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"`
}

// An Attempt is one attempt at a step.
type Attempt struct {
	Direction   string     `json:"direction"`
	Number      int        `json:"number"`
	Participant string     `json:"participant,omitempty"`
	Action      string     `json:"action,omitempty"`
	Key         string     `json:"key,omitempty"`
	TraceParent string     `json:"traceparent,omitempty"`
	Requested   Stamp      `json:"requested"`
	Due         *time.Time `json:"due,omitempty"`
	Settle      string     `json:"settle,omitempty"`

	Answered    *Stamp `json:"answered,omitempty"`
	Instance    string `json:"instance,omitempty"` // that answered
	ReplyTrace  string `json:"reply_traceparent,omitempty"`
	Took        int64  `json:"took_us,omitempty"`
	Queue       int64  `json:"queue_us,omitempty"` // between command and reply, without the handler's time
	OutputBytes int    `json:"output_bytes,omitempty"`

	Recorded *Stamp     `json:"recorded,omitempty"` // the link that closed it
	Outcome  string     `json:"outcome,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	NextAt   *time.Time `json:"next_at,omitempty"`
	ByHand   bool       `json:"by_hand,omitempty"`
	Halted   bool       `json:"halted,omitempty"`
	Late     []Stamp    `json:"late,omitempty"`
}

// A Turn is where a saga turned back.
type Turn struct {
	Stamp
	Step    string `json:"step,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	Reason  string `json:"reason"`
}

// A Control is what a person asked for, and what became of it.
type Control struct {
	Stamp
	Verb      string `json:"verb"`
	By        string `json:"by"`
	Why       string `json:"why,omitempty"`
	Step      string `json:"step,omitempty"`
	Direction string `json:"direction,omitempty"`
	Attempt   int    `json:"attempt,omitempty"`
	As        string `json:"as,omitempty"`
	Decided   *Stamp `json:"decided,omitempty"`
	Refused   string `json:"refused,omitempty"`
	TooLate   bool   `json:"too_late,omitempty"`
}

// Steps returns the trace of a saga.
func (v *Verbs) Steps(ctx context.Context, r SagaRequest) (Trace, error) {
	part, err := v.home(r.ID)
	if err != nil {
		return Trace{}, err
	}
	replayed, history, err := v.at(ctx, part, r.ID, r.At)
	if err != nil {
		return Trace{}, err
	}
	s := replayed.State
	b := tracer{steps: map[string]int{}, t: Trace{
		ID: s.ID, Run: s.Run, Definition: s.Definition, Version: max(s.Version, 0), Last: replayed.Seen, Status: s.Status.String(),
		Started: s.Started, Ended: s.Ended, Steps: []StepTrace{}, Controls: []Control{}, TraceParent: protocol.Text(s.Trace, maxText),
	}}
	for _, m := range history {
		if m.Sequence >= s.Run { // else of an earlier run of the id
			b.add(m)
		}
	}
	return b.t, nil
}

// A tracer builds a trace, message by message.
type tracer struct {
	t     Trace
	steps map[string]int // indexes of t.Steps
}

func (b *tracer) add(m orchestrator.Message) {
	at := Stamp{m.Sequence, m.Time.UTC()}
	if b.t.Messages++; b.t.First == 0 {
		b.t.First = m.Sequence
	}
	b.t.Updated = at.Time
	e := NewEntry(m, false)
	switch m.Address.Kind {
	case protocol.KindLink:
		events, err := orchestrator.DecodeEvents(m.Header.Get(protocol.HeaderEvents))
		if err != nil {
			return // the replay was told, and has failed
		}
		for _, ev := range events {
			b.event(ev, at, e)
		}
	case protocol.KindReply:
		b.reply(e, at)
	case protocol.KindControl:
		b.t.Controls = append(b.t.Controls, Control{Stamp: at, Verb: e.Verb, By: e.By, Why: e.Why, Step: e.Step, Direction: e.Direction, Attempt: e.Attempt, As: e.As})
	case protocol.KindUnknown, protocol.KindStart, protocol.KindSignal, protocol.KindCanary, protocol.KindPurged:
	}
}

// reply notes an answer. One to an attempt that is closed came late.
func (b *tracer) reply(e Entry, at Stamp) {
	a := b.attempt(e.Step, e.Direction, e.Attempt)
	switch {
	case a == nil: // to an attempt that never was
	case a.Recorded != nil || a.Answered != nil:
		a.Late = append(a.Late, at)
	default:
		a.Answered, a.Instance, a.ReplyTrace, a.Took, a.OutputBytes = &at, e.Instance, e.TraceParent, e.Took, e.Bytes
		a.Queue = max(0, at.Time.Sub(a.Requested.Time).Microseconds()-e.Took)
	}
}

// event takes one event of the link e.
func (b *tracer) event(ev instance.Event, at Stamp, e Entry) {
	const do, undo = string(protocol.Do), string(protocol.Undo)
	switch ev := ev.(type) {
	case instance.ActionRequested:
		b.request(ev.Step, do, ev.Number, at, e)
	case instance.CompensationRequested:
		b.request(ev.Step, undo, ev.Number, at, e)
	case instance.ResolveRequested:
		b.request(ev.Step, string(ev.Direction), ev.Number, at, e).ByHand = true
		b.decided(ev.Operator, at)
	case instance.ActionDone:
		b.close(ev.Step, do, ev.Number, at, protocol.Done, "")
	case instance.ActionRefused:
		b.close(ev.Step, do, ev.Number, at, protocol.Refused, ev.Reason)
	case instance.ActionFailed:
		b.close(ev.Step, do, ev.Number, at, protocol.Failed, ev.Reason)
	case instance.ActionTimedOut:
		b.close(ev.Step, do, ev.Number, at, protocol.Unknown, "nobody answered in time")
	case instance.CompensationDone:
		outcome := protocol.Undone
		if ev.Nothing {
			outcome = protocol.NothingToUndo
		}
		b.close(ev.Step, undo, ev.Number, at, outcome, "")
	case instance.CompensationFailed:
		b.close(ev.Step, undo, ev.Number, at, protocol.Failed, ev.Reason)
	case instance.CompensationTimedOut:
		b.close(ev.Step, undo, ev.Number, at, protocol.Unknown, "nobody answered in time")
	case instance.Resolved:
		if b.attempt(ev.Step, string(ev.Direction), ev.Number) == nil { // the participant was not asked
			b.request(ev.Step, string(ev.Direction), ev.Number, at, Entry{})
		}
		b.close(ev.Step, string(ev.Direction), ev.Number, at, ev.As, "").ByHand = true
		b.decided(instance.Operator{Input: ev.Input}, at)
	case instance.ResolveFailed:
		b.close(ev.Step, string(ev.Direction), ev.Number, at, protocol.Rejected, ev.Reason).Halted = true
	case instance.RetryScheduled:
		due := ev.At.UTC()
		b.latest(ev.Step, string(ev.Direction)).NextAt = &due
	case instance.StepHalted:
		b.latest(ev.Step, string(ev.Direction)).Halted = true
	case instance.TurnedBack:
		b.t.Turned = &Turn{Stamp: at, Step: ev.Step, Reason: ev.Reason}
		if ev.Step != "" {
			b.t.Turned.Attempt = b.latest(ev.Step, do).Number
		}
	case instance.CancelRequested:
		b.decided(ev.Operator, at).TooLate = ev.TooLate
	case instance.Suspended:
		b.decided(ev.Operator, at)
	case instance.Resumed:
		b.decided(ev.Operator, at)
	case instance.RetryRequested:
		b.decided(ev.Operator, at)
	case instance.ControlRefused:
		b.decided(ev.Operator, at).Refused = ev.Reason
	case instance.Started, instance.StartRefused, instance.SagaCompleted, instance.SagaCompensated,
		instance.Parked, instance.Unparked, instance.SignalReceived:
	}
}

func (b *tracer) step(name string) *StepTrace {
	i, ok := b.steps[name]
	if !ok {
		i = len(b.t.Steps)
		b.steps[name] = i
		b.t.Steps = append(b.t.Steps, StepTrace{Name: name})
	}
	return &b.t.Steps[i]
}

// attempt returns an attempt that was requested, or nil.
func (b *tracer) attempt(step, direction string, number int) *Attempt {
	i, ok := b.steps[step]
	if !ok {
		return nil
	}
	for k := len(b.t.Steps[i].Attempts) - 1; k >= 0; k-- { // mostly the last is meant
		if a := b.t.Steps[i].Attempts[k]; a.Direction == direction && a.Number == number {
			return a
		}
	}
	return nil
}

// latest returns the latest attempt in a direction, or one that nobody sees.
func (b *tracer) latest(step, direction string) *Attempt {
	if i, ok := b.steps[step]; ok {
		for k := len(b.t.Steps[i].Attempts) - 1; k >= 0; k-- {
			if a := b.t.Steps[i].Attempts[k]; a.Direction == direction {
				return a
			}
		}
	}
	return &Attempt{}
}

func (b *tracer) request(step, direction string, number int, at Stamp, e Entry) *Attempt {
	a := &Attempt{
		Direction: direction, Number: number, Requested: at, Participant: e.Participant, Action: e.Action, Key: e.Key,
		TraceParent: e.TraceParent, Due: e.Due, Settle: e.Settle,
	}
	s := b.step(step)
	s.Attempts = append(s.Attempts, a)
	return a
}

func (b *tracer) close(step, direction string, number int, at Stamp, outcome protocol.Outcome, reason string) *Attempt {
	a := b.attempt(step, direction, number)
	if a == nil {
		return &Attempt{} // a history that does not add up
	}
	a.Recorded, a.Outcome, a.Reason = &at, string(outcome), reason
	return a
}

// decided notes which link answers a person's request.
func (b *tracer) decided(who instance.Operator, at Stamp) *Control {
	for i := len(b.t.Controls) - 1; i >= 0; i-- {
		if c := &b.t.Controls[i]; c.Sequence == who.Input {
			c.Decided = &at
			return c
		}
	}
	return &Control{}
}
