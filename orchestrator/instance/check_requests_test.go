package instance_test

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

func (c *checker) requested(name string, d protocol.Direction, number int) {
	_, p := c.toward(name, d)
	if c.suspended || c.parked || !c.started {
		c.fail("%s %s is requested while suspended %t, parked %t, started %t", d, name, c.suspended, c.parked, c.started)
	}
	if number != p.number+1 || p.open && !p.settling || p.over {
		c.fail("%s %s/%d is requested after attempt %d: %+v", d, name, number, p.number, *p)
	}
	p.number, p.open, p.waiting, p.halted, p.settling = number, true, false, false, false
}

func (c *checker) actionRequested(ev instance.ActionRequested, _ []instance.Event) {
	i, _ := c.toward(ev.Step, protocol.Do)
	c.requested(ev.Step, protocol.Do, ev.Number)
	if c.back {
		c.fail("do %s is requested on the way back", ev.Step)
	}
	for j := range c.steps {
		done := c.steps[j].do.outcome == protocol.Done
		switch {
		case c.precedes[j][i] && !done:
			c.fail("%s is requested before %s is done", ev.Step, c.def.Steps[j].Name)
		case j != i && c.def.Steps[i].Pivot && c.steps[j].do.number > 0 && !done,
			j != i && c.def.Steps[j].Pivot && c.steps[j].do.number > 0 && !done:
			c.fail("%s runs beside %s, and one of them is the pivot", ev.Step, c.def.Steps[j].Name)
		}
	}
	if ev.Pivot != c.def.Steps[i].Pivot {
		c.fail("%s is requested with pivot %t", ev.Step, ev.Pivot)
	}
	c.pivoted = c.pivoted || ev.Pivot
}

func (c *checker) compensationRequested(ev instance.CompensationRequested) {
	i, _ := c.toward(ev.Step, protocol.Undo)
	c.requested(ev.Step, protocol.Undo, ev.Number)
	switch {
	case !c.back:
		c.fail("%s is undone, but nobody turned back", ev.Step)
	case c.steps[i].do.open || c.steps[i].do.halted:
		c.fail("%s is undone while it is in flight", ev.Step)
	case !c.effective(i):
		c.fail("%s is undone, but took no effect", ev.Step)
	}
	for j := range c.steps {
		if c.precedes[i][j] && c.left(j) {
			c.fail("%s is undone before %s, which comes after it", ev.Step, c.def.Steps[j].Name)
		}
	}
}

func (c *checker) turnedBack(ev instance.TurnedBack, decision []instance.Event) {
	allowed := !c.pivoted
	for _, other := range decision {
		var by string
		switch other := other.(type) {
		case instance.ActionRefused:
			by = other.Step
		case instance.ActionFailed:
			if i := c.def.Index(other.Step); c.def.Steps[i].Compensation != nil && other.Number >= c.def.Steps[i].Retry.Attempts {
				by = other.Step
			}
		case instance.Resolved:
			if other.Direction == protocol.Do && other.As == protocol.Undone {
				by = other.Step
			}
		}
		if pivot := c.def.Pivot(); pivot >= 0 && by == c.def.Steps[pivot].Name {
			allowed = true
		}
	}
	if !allowed || c.back {
		c.fail("it turns back (%s) although the pivot was requested: %t, or again: %t", ev.Reason, c.pivoted, c.back)
	}
	c.back, c.pivoted = true, false
	for i := range c.steps {
		c.steps[i].do.waiting = false
	}
}

func (c *checker) command(e entry, d protocol.Direction, step string, number int, to string, due time.Time, body []byte) {
	cmd := e.command
	if cmd == nil {
		return
	}
	want := protocol.Attempt{Run: firstRun, Step: step, Direction: d, Number: number}
	if cmd.Attempt != want || cmd.Participant != to || !cmd.Due.Equal(due) {
		c.fail("the event says %v to %s due %v, the command %v to %s due %v", want, to, due, cmd.Attempt, cmd.Participant, cmd.Due)
	}
	plan := c.def.Steps[c.def.Index(step)]
	participant, action := plan.Participant, plan.Action
	if d == protocol.Undo {
		participant, action = plan.Compensation.Participant, plan.Compensation.Action
	}
	if cmd.Participant != participant || cmd.Action != action {
		c.fail("%v is %s.%s, want %s.%s", want, cmd.Participant, cmd.Action, participant, action)
	}
	key := step + "/" + string(d)
	if sent, ok := c.sent[key]; ok && sent != string(body) {
		c.fail("%v sends %s after %s", want, body, sent)
	} else if !ok {
		c.firstRequest(c.def.Index(step), d, body)
	}
	c.sent[key] = string(body)
}

func (c *checker) firstRequest(i int, d protocol.Direction, body []byte) {
	var r undoRequest
	if err := json.Unmarshal(body, &r); err != nil {
		c.fail("the request %s: %v", body, err)
		return
	}
	var before []string
	for k := range c.steps {
		if c.precedes[k][i] {
			before = append(before, c.def.Steps[k].Name)
		}
	}
	var knows []string
	for _, text := range r.Knows {
		name, _, _ := strings.Cut(text, "=")
		knows = append(knows, name)
	}
	if d == protocol.Undo { // a step that was in doubt, or never asked for, is not known
		before = slices.DeleteFunc(before, func(name string) bool {
			return c.steps[c.def.Index(name)].do.outcome != protocol.Done
		})
		if known := c.steps[i].do.outcome == protocol.Done; known != (r.Output != nil) {
			c.fail("%s is undone with %s, while its output is known: %t", c.def.Steps[i].Name, body, known)
		}
	}
	if !slices.Equal(before, knows) {
		c.fail("%s %s is requested with %v, want what %v gave", d, c.def.Steps[i].Name, r.Knows, before)
	}
}
