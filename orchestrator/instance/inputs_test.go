package instance_test

import (
	"errors"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

func (d *driver) deliver() {
	if len(d.sent) == 0 {
		return
	}
	c := d.sent[len(d.sent)-1-min(d.IntN(len(d.sent)), d.IntN(len(d.sent)))]
	if o, ok := d.world.handle(c); ok {
		in := instance.Reply{Participant: c.Participant, Reply: protocol.Reply{Attempt: c.Attempt, Outcome: o, Reason: "so it is"}}
		if o == protocol.Done && c.Settle == "" {
			in.Body = []byte(`{"ref":"` + c.Attempt.Step + `-1"}`)
		}
		d.replies = append(d.replies, in)
	}
}

func (d *driver) answer() {
	if len(d.replies) == 0 {
		d.deliver()
		return
	}
	i := len(d.replies) - 1 - min(d.IntN(len(d.replies)), d.IntN(len(d.replies)))
	in := d.replies[i]
	if d.IntN(4) > 0 {
		d.replies = append(d.replies[:i], d.replies[i+1:]...)
	}
	d.reply(in)
}

func (d *driver) reply(in instance.Reply) {
	in.Sequence = d.next(in.Body)
	open := d.check.isOpen(in.Attempt) && d.started()
	links := len(d.links)
	err := d.take(in)
	switch {
	case !open && (err == nil || len(d.links) > links):
		d.check.fail("%+v speaks of no open attempt, and changes something", in)
	case open && in.Outcome != protocol.Rejected && in.Outcome.Answers(in.Attempt.Direction) && err != nil:
		d.check.fail("%+v speaks of an open attempt, and is dropped: %v", in, err)
	}
}

func (d *driver) started() bool { return d.state.Fingerprint != "" }

func (d *driver) timer() {
	next, ok := d.state.NextTimer()
	if !ok {
		return
	}
	if d.now.Before(next.Due) {
		d.now = next.Due.Add(time.Duration(d.IntN(3)) * time.Second)
	}
	d.life.random = d.Float64()
	if err := d.take(instance.TimerFired{Attempt: next.Attempt}); err != nil {
		d.check.fail("the timer of %v is due, and dropped: %v", next.Attempt, err)
	}
}

func (d *driver) stray() {
	in := instance.Reply{Participant: "p", Reply: protocol.Reply{
		Attempt: d.anyAttempt(), Outcome: d.anyOutcome(), Body: []byte(`{"ref":"stray"}`),
	}}
	if len(d.sent) > 0 && d.IntN(2) == 0 {
		c := d.sent[len(d.sent)-1]
		in.Participant, in.Attempt, in.Outcome = c.Participant, c.Attempt, protocol.Done
	}
	switch d.IntN(4) {
	case 0:
		in.Attempt.Run += uint64(2*d.IntN(2)) - 1
	case 1:
		in.Participant = "nobody"
	case 2:
		in.Attempt.Number += 2*d.IntN(2) - 1
	}
	in.Sequence = d.next(in.Body)
	if d.check.isOpen(in.Attempt) && in.Participant != "nobody" && in.Outcome.Answers(in.Attempt.Direction) {
		return // it might count: see lie
	}
	links := len(d.links)
	if err := d.take(in); err == nil || len(d.links) > links {
		d.check.fail("%+v counts", in)
	}
}

func (d *driver) early() {
	in := instance.TimerFired{Attempt: d.anyAttempt()}
	for _, step := range d.state.Steps {
		for _, dir := range []protocol.Direction{protocol.Do, protocol.Undo} {
			if p := step.Toward(dir); !p.Due.IsZero() && d.IntN(2) == 0 {
				in.Attempt = protocol.Attempt{Run: firstRun, Step: step.Name, Direction: dir, Number: p.Number - d.IntN(2)}
				if d.IntN(4) == 0 && d.now.Before(p.Due) {
					d.now = p.Due
				}
			}
		}
	}
	due := false
	if step := d.state.Step(in.Attempt.Step); step != nil && !d.state.Suspended && d.state.Parked == "" {
		p := step.Toward(in.Attempt.Direction)
		due = p.Number == in.Attempt.Number && !p.Due.IsZero() && !d.now.Before(p.Due)
	}
	links := len(d.links)
	if err := d.take(in); (err == nil || len(d.links) > links) != due {
		d.check.fail("%+v at %s is due: %t, and gives %v", in, since(d.now), due, err)
	}
}

func (d *driver) lie() {
	for _, c := range d.sent {
		if !d.check.isOpen(c.Attempt) || d.IntN(3) == 0 {
			continue
		}
		in := instance.Reply{Participant: c.Participant, Reply: protocol.Reply{
			Attempt: c.Attempt, Outcome: d.anyOutcome(), Body: []byte(`{"ref":"lie"}`),
		}}
		in.Sequence = d.next(in.Body)
		_ = d.take(in)
		return
	}
}

func (d *driver) operate() {
	in := instance.Control{By: "anna", Why: "because", Output: []byte(`{"ref":"by-hand"}`)}
	a := d.attemptToDecide()
	in.Step, in.Direction, in.Number = a.Step, a.Direction, a.Number
	switch n := d.IntN(20); {
	case n < 1:
		in.Verb = instance.Cancel
	case n < 2:
		in.Verb = instance.Suspend
	case n < 7 && d.state.Suspended:
		in.Verb = instance.Resume
	case n < 10:
		in.Verb = instance.Retry
	case n < 19:
		in.Verb, in.As = instance.Resolve, protocol.Undone
		if in.Direction == protocol.Do && d.IntN(2) == 0 {
			in.As = protocol.Done
		}
		in.Unsettled = !d.honest && d.IntN(3) == 0
	default:
		d.signalSent()
		return
	}
	if d.started() {
		d.control(in)
	}
}

// signalSent takes a signal, once of this run and once of an earlier one.
func (d *driver) signalSent() {
	body := []byte(`"now"`)
	links := len(d.links)
	for _, in := range []instance.Input{
		instance.SignalSent{Sequence: firstRun - 1, Name: "hurry", Body: body},
		instance.Control{Sequence: firstRun - 2, Verb: instance.Cancel, By: "anna"},
	} {
		if err := d.take(in); !errors.Is(err, instance.ErrOver) || len(d.links) > links {
			d.check.fail("%+v is of an earlier run, and counts: %v", in, err)
		}
	}
	if d.started() {
		_ = d.take(instance.SignalSent{Sequence: d.next(body), Name: "hurry", Body: body})
	}
}

func (d *driver) attemptToDecide() protocol.Attempt {
	for _, step := range d.state.Steps {
		for _, dir := range []protocol.Direction{protocol.Do, protocol.Undo} {
			p := step.Toward(dir)
			if (p.Phase == instance.Waiting || p.Phase == instance.Halted || p.Settling != "") && d.IntN(3) > 0 {
				return protocol.Attempt{Run: firstRun, Step: step.Name, Direction: dir, Number: p.Number * d.IntN(2)}
			}
		}
	}
	return d.anyAttempt()
}

func (d *driver) control(in instance.Control) {
	in.Sequence = d.next(in.Output)
	over, links := d.state.Status.Over(), len(d.links)
	if err := d.take(in); err != nil {
		if !over {
			d.check.fail("%+v is dropped: %v", in, err)
		}
		return
	}
	if len(d.links) == links || d.links[links].Read != in.Sequence || !strings.Contains(d.links[links].text, `"anna"`) && !in.Unsettled {
		d.check.fail("%+v is not answered", in)
	}
	if err := d.decide(in); !errors.Is(err, instance.ErrStale) && !d.state.Status.Over() {
		d.check.fail("%+v is taken twice: %v", in, err)
	}
}

func (d *driver) anyAttempt() protocol.Attempt {
	a := protocol.Attempt{
		Run: firstRun, Step: d.def.Steps[d.IntN(len(d.def.Steps))].Name, Direction: protocol.Do, Number: d.IntN(5),
	}
	if d.IntN(2) == 0 {
		a.Direction = protocol.Undo
	}
	if d.IntN(20) == 0 {
		a.Step = "nothing"
	}
	if d.IntN(20) == 0 {
		a.Direction = "sideways"
	}
	return a
}

func (d *driver) anyOutcome() protocol.Outcome {
	return []protocol.Outcome{
		protocol.Done, protocol.Refused, protocol.Failed, protocol.Unknown, protocol.Undone,
		protocol.NothingToUndo, protocol.Rejected, "shipped",
	}[d.IntN(8)]
}
