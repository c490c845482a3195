package reconcile

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas/placeorder"
)

// Ends of a saga.
const (
	Completed   = "completed"
	Compensated = "compensated"
)

// steps are those of the place-order saga, in their order.
var steps = [...]string{placeorder.StepReserve, placeorder.StepCharge, placeorder.StepShip}

// A Life is what the journal says of one saga.
type Life struct {
	ID       string
	Order    placeorder.Order // of the start
	Run      uint64
	Messages int
	End      string // Completed, Compensated, or "" while there is none
	Reason   string // why it turned back
	Steps    [len(steps)]Fate

	Broken []string // links that do not follow one another
	Faults []string // what a saga must not do

	chain    string
	last     uint64 // sequence of the last link
	returned bool   // it has turned back
	asked    map[protocol.Attempt]bool
}

// A Fate is what the replies say of one step.
type Fate struct{ Done, Refused, Undone, Nothing bool }

// Held reports whether the step's effect is there in the end.
func (f Fate) Held() bool { return f.Done && !f.Undone }

func (l *Life) add(a protocol.Address, m message) {
	l.Messages++
	switch a.Kind {
	case protocol.KindStart:
		l.start(m)
	case protocol.KindLink:
		l.link(a, m)
	case protocol.KindReply:
		l.reply(m)
	case protocol.KindSignal, protocol.KindControl:
		l.fault("%d: the demo sends no %v", m.sequence, a.Kind)
	case protocol.KindUnknown, protocol.KindCanary, protocol.KindPurged:
		l.fault("%d: a %v is about no saga", m.sequence, a.Kind)
	}
}

func (l *Life) start(m message) {
	if l.Run != 0 {
		l.broken("%d: started again", m.sequence)
		return
	}
	l.Run = m.sequence
	l.asked = make(map[protocol.Attempt]bool)
	if err := protocol.Decode(m.body, &l.Order); err != nil {
		l.fault("%d: the order: %v", m.sequence, err)
	} else if l.Order.Number != l.ID {
		l.fault("%d: the order of %q", m.sequence, l.Order.Number)
	}
	l.follow(m)
}

// follow checks that m, a link, was stored on condition of the one before it.
func (l *Life) follow(m message) {
	expected, err := strconv.ParseUint(m.header.Get(protocol.HeaderExpectedSequence), 10, 64)
	switch {
	case err != nil, expected != l.last:
		l.broken("%d: expects %q, the link before it is %d", m.sequence, m.header.Get(protocol.HeaderExpectedSequence), l.last)
	case m.header.Get(protocol.HeaderExpectedSubject) != l.chain:
		l.broken("%d: its condition is on another chain", m.sequence)
	}
	l.last = m.sequence
}

func (l *Life) link(a protocol.Address, m message) {
	l.follow(m)
	if run := m.header.Get(protocol.HeaderRun); run != strconv.FormatUint(l.Run, 10) {
		l.broken("%d: of run %.20q, not %d", m.sequence, run, l.Run)
	}
	if l.End != "" {
		l.fault("%d: decided after the end", m.sequence)
	}
	var events []map[string]struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal([]byte(m.header.Get(protocol.HeaderEvents)), &events); err != nil {
		l.broken("%d: its events: %v", m.sequence, err)
	}
	for _, event := range events {
		for name, body := range event {
			switch name {
			case "TurnedBack":
				l.returned, l.Reason = true, body.Reason
			case "SagaCompleted":
				l.ended(m, Completed)
			case "SagaCompensated":
				l.ended(m, Compensated)
			}
		}
	}
	if a.Name != protocol.NoOne {
		l.command(a, m)
	}
}

// ended checks that what the steps did is what the end says.
func (l *Life) ended(m message, end string) {
	l.End = end
	for i, f := range l.Steps {
		if f.Held() != (end == Completed) {
			l.fault("%d: %s, and yet %s is %s", m.sequence, end, steps[i], f)
		}
	}
}

func (f Fate) String() string {
	switch {
	case f.Undone:
		return "undone"
	case f.Done:
		return "done"
	case f.Refused:
		return "refused"
	}
	return "not done"
}

// command checks that its step may be asked for now.
func (l *Life) command(a protocol.Address, m message) {
	c, err := protocol.ReadCommand(a, m.header, m.body)
	i := index(c.Attempt.Step)
	if err != nil || i < 0 {
		l.fault("%d: a command of no step: %q, %v", m.sequence, c.Attempt.Step, err)
		return
	}
	l.asked[c.Attempt] = true
	switch {
	case c.Attempt.Direction == protocol.Do && l.returned:
		l.fault("%d: %v after it turned back", m.sequence, c.Attempt)
	case c.Attempt.Direction == protocol.Do && i > 0 && !l.Steps[i-1].Held():
		l.fault("%d: %v while %s is %s", m.sequence, c.Attempt, steps[i-1], l.Steps[i-1])
	case c.Attempt.Direction == protocol.Undo && !l.returned:
		l.fault("%d: %v without turning back", m.sequence, c.Attempt)
	case c.Attempt.Direction == protocol.Undo && i+1 < len(steps) && l.Steps[i+1].Held():
		l.fault("%d: %v while %s is %s", m.sequence, c.Attempt, steps[i+1], l.Steps[i+1])
	}
}

func (l *Life) reply(m message) {
	r, err := protocol.ReadReply(m.header, m.body)
	i := index(r.Attempt.Step)
	switch {
	case err != nil || i < 0:
		l.fault("%d: a reply of no step: %q, %v", m.sequence, r.Attempt.Step, err)
		return
	case !l.asked[r.Attempt]:
		l.fault("%d: a reply to %v, which was not asked for", m.sequence, r.Attempt)
		return
	}
	f := &l.Steps[i]
	switch r.Outcome {
	case protocol.Done:
		f.Done = true
	case protocol.Refused:
		f.Refused = true
	case protocol.Undone:
		f.Undone = true
	case protocol.NothingToUndo:
		f.Nothing = true
	case protocol.Failed, protocol.Rejected, protocol.Unknown: // no effect of this attempt
	}
	// A reply may be stored twice, but never with another outcome. One to
	// the do may lack: its effect is undone nevertheless.
	if f.Done && f.Refused || f.Undone && f.Nothing {
		l.fault("%d: %v is answered in two ways: %+v", m.sequence, r.Attempt, *f)
	}
}

func index(step string) int {
	for i, name := range steps {
		if name == step {
			return i
		}
	}
	return -1
}

func (l *Life) fault(format string, args ...any) {
	l.Faults = append(l.Faults, fmt.Sprintf(l.ID+" at "+format, args...))
}

func (l *Life) broken(format string, args ...any) {
	l.Broken = append(l.Broken, fmt.Sprintf(l.ID+" at "+format, args...))
}
