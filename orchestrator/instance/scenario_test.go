package instance_test

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// TestScenarios runs the scripts in testdata. A script is the life of one
// instance, or of several: an input, then the links it led to with their
// events and commands, and what the state is afterwards. After a wanted change
// run it with -rewrite and read the diff.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		s := &scenario{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			s.run(t, d)
			return strings.TrimSuffix(s.out.String(), "\n")
		})
	})
}

type scenario struct {
	*life
	latest instance.Input
	code   *mappings
	out    strings.Builder
}

func (s *scenario) run(t *testing.T, d *datadriven.TestData) {
	switch d.Cmd {
	case "define":
		s.code = &mappings{version: 0, broken: map[string]bool{}}
		s.life = begin(s.code.define(readPlans(t, strings.Split(d.Input, "\n"))...), `{"id":"o-1"}`)
		s.watch = s.show
		if err := s.def.Validate(); err != nil {
			s.print("%v", err)
		}
		return
	case "input": // of the start, in place of an order
		s.begun.Input = []byte(d.Input)
		s.state = s.begun
		return
	case "break": // the author's function for "do charge", "undo charge", "result charge", or the "check" of the input
		s.code.broken[strings.TrimSpace(d.Input)] = true
		return
	case "release": // a new release of the definition's code, which mends what was broken
		s.code.version, s.code.broken = s.code.version+1, map[string]bool{}
		return
	case "random": // what is drawn for jitter from now on
		s.random, _ = strconv.ParseFloat(d.CmdArgs[0].Key, 64)
		return
	case "wait":
		s.now = s.now.Add(duration(t, d.CmdArgs[0].Key))
	default:
		s.input(t, d)
	}
	s.summary()
}

// input feeds the instance what the script says.
func (s *scenario) input(t *testing.T, d *datadriven.TestData) {
	switch d.Cmd {
	case "start":
		_ = s.take(instance.Start{Sequence: firstRun})
	case "start-again": // by a client that leaves out the condition
		s.repeat()
	case "ask": // without an input
		s.rest()
	case "done", "refused", "failed", "rejected", "undone", "nothing-to-undo", "unknown", "shipped":
		_ = s.take(readReply(t, d, s.life))
	case "timer": // when it is due; with an attempt, now
		a := readAttempt(t, d)
		if next, ok := s.state.NextTimer(); a.Step == "" {
			if !ok {
				s.print("no timer")
				return
			}
			a, s.now = next.Attempt, next.Due
		}
		_ = s.take(instance.TimerFired{Attempt: a})
	case "signal":
		body := []byte(strings.TrimSpace(d.Input))
		in := instance.SignalSent{Sequence: s.next(body), Name: d.CmdArgs[0].Key, Body: body}
		if d.HasArg("stored") {
			d.ScanArgs(t, "stored", &in.Sequence)
		}
		_ = s.take(in)
	case "look-again": // at the latest input
		_ = s.take(s.latest)
	case "park":
		s.append(nil, instance.Park(s.state, strings.TrimSpace(d.Input), s.now))
	case "refuse":
		s.append(nil, instance.Refuse(s.state, strings.TrimSpace(d.Input), s.now))
	default:
		_ = s.take(readControl(t, d, s.life))
	}
}

func (s *scenario) print(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// show prints a decision as the journal has it.
func (s *scenario) show(in instance.Input, e entry, err error) {
	if in != nil {
		s.latest = in
	}
	if err != nil {
		s.print("dropped: %v", err)
		return
	}
	s.print("link %d, read %d", e.Sequence, e.Read)
	for _, ev := range e.Events {
		s.print("  %s%s", orchestrator.EventName(ev), fields(reflect.ValueOf(ev)))
	}
	if c := e.command; c != nil {
		s.print("  -> %s.%s: %s", c.Participant, c.Action, s.asks(*c))
	}
}

// asks says what a command asks.
func (s *scenario) asks(c instance.Command) string {
	text := c.Attempt.String()
	if c.Settle != "" {
		text += ", settle on " + string(c.Settle)
	}
	if !c.Due.IsZero() {
		text += ", due " + since(c.Due)
	}
	if c.Again != 0 {
		return text + fmt.Sprintf(", as in link %d: %s", c.Again, s.bodies[c.Again])
	}
	return text + ", " + string(c.Body)
}

// fields prints the fields of an event that are set.
func fields(v reflect.Value) (text string) {
	for i := range v.NumField() {
		field, name := v.Field(i), strings.ToLower(v.Type().Field(i).Name)
		switch value := field.Interface().(type) {
		case instance.Operator:
			text += fields(field)
		case time.Time:
			text += " " + name + "=" + since(value)
		case []byte:
			if len(value) > 0 {
				text += " " + name + "=" + string(value)
			}
		default:
			if !field.IsZero() && name != "fingerprint" {
				text += fmt.Sprintf(" %s=%v", name, value)
			}
		}
	}
	return text
}

// summary prints the state, and when it wants to hear of time.
func (s *scenario) summary() {
	st := s.state
	text := st.Status.String()
	for _, flag := range []struct {
		name string
		set  bool
	}{{"suspended", st.Suspended}, {"past the pivot", st.PastPivot}, {"cancelled", st.Cancelled}} {
		if flag.set {
			text += ", " + flag.name
		}
	}
	if st.Parked != "" {
		text += ", parked"
	}
	if st.Reason != "" {
		text += fmt.Sprintf(" (%s)", st.Reason)
	}
	if len(st.Signals) > 0 {
		text += fmt.Sprintf(", %d signals kept", len(st.Signals))
	}
	for _, step := range st.Steps {
		text += "; " + step.Name + " " + progress(step.Do)
		if step.Undo.Number > 0 {
			text += ", undo " + progress(step.Undo)
		}
	}
	if next, ok := st.NextTimer(); ok {
		text += fmt.Sprintf("; timer %s for %s", since(next.Due), next.Attempt)
	}
	s.print("%s", text)
}

// progress prints one direction of a step: what its latest attempt waits for,
// or ended with, and whether an earlier one may have taken effect without saying so.
func progress(p instance.Progress) string {
	text := string(p.Phase)
	if p.Phase == instance.Closed {
		text = string(p.Outcome)
	}
	text += fmt.Sprintf("/%d", p.Number)
	if p.Settling != "" {
		text += " settling on " + string(p.Settling)
	}
	if p.ByHand {
		text += " by hand"
	}
	if p.Doubt && (p.Phase != instance.Closed || p.Outcome == protocol.Refused) {
		text += " in doubt"
	}
	if p.ByHand && len(p.Output) > 0 {
		text += " " + string(p.Output)
	}
	return text
}
