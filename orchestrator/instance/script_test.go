package instance_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// readPlans reads one step a line; "parallel" and "sequence" hold the deeper
// indented lines that follow them:
//
//	reserve inventory.reserve undo=inventory.release
//	parallel
//	  charge payment.charge undo=payment.refund retry=3x1s on-timeout=turn-back
//	  screen fraud.check nothing-to-undo
//	ship shipping.ship pivot
//
// Every step is tried twice, a second apart, unless it says otherwise.
func readPlans(t *testing.T, lines []string) (plans []plan) {
	t.Helper()
	for len(lines) > 0 {
		indent := len(lines[0]) - len(strings.TrimLeft(lines[0], " "))
		n := 1
		for n < len(lines) && len(lines[n])-len(strings.TrimLeft(lines[n], " ")) > indent {
			n++
		}
		fields := strings.Fields(lines[0])
		p := plan{kind: fields[0], parts: readPlans(t, lines[1:n])}
		if p.kind != "parallel" && p.kind != "sequence" {
			p = readStep(t, fields)
		}
		plans = append(plans, p)
		lines = lines[n:]
	}
	return plans
}

func readStep(t *testing.T, fields []string) plan {
	t.Helper()
	twice := sagas.Backoff(2, time.Second).Jitter(0)
	p := plan{kind: "step", name: fields[0], does: fields[1], retry: twice, undoRetry: twice}
	for _, field := range fields[2:] {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "pivot":
			p.pivot = true
		case "nothing-to-undo":
			p.nothingToUndo = true
		case "undo":
			p.undoes = value
		case "retry":
			p.retry = readPolicy(t, value)
		case "undo-retry":
			p.undoRetry = readPolicy(t, value)
		case "on-timeout":
			p.timeout = sagas.OnTimeout(value)
		default:
			t.Fatalf("step %s: %q?", p.name, field)
		}
	}
	return p
}

// readPolicy reads attempts, waits and jitter, as 5x1s..30s~0.2.
func readPolicy(t *testing.T, text string) sagas.Policy {
	t.Helper()
	text, jitter, _ := strings.Cut(text, "~")
	spread, _ := strconv.ParseFloat(jitter, 64)
	attempts, waits, _ := strings.Cut(text, "x")
	base, longest, bounded := strings.Cut(waits, "..")
	n, err := strconv.Atoi(attempts)
	if err != nil {
		t.Fatal(err)
	}
	p := sagas.Backoff(n, duration(t, base)).Jitter(spread)
	if bounded {
		p = p.Cap(duration(t, longest))
	}
	return p
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// readReply reads an answer: the step's attempt, "undo" before it for the way
// back, and where it differs from what is expected, who answers and of which run.
func readReply(t *testing.T, d *datadriven.TestData, l *life) instance.Reply {
	t.Helper()
	a := readAttempt(t, d)
	in := instance.Reply{Reply: protocol.Reply{Attempt: a, Outcome: protocol.Outcome(d.Cmd), Reason: strings.TrimSpace(d.Input)}}
	if step := l.state.Step(a.Step); step != nil {
		in.Participant = step.Toward(a.Direction).Participant
	}
	if in.Outcome == protocol.Done {
		in.Body = []byte(`{"ref":"` + a.Step + `-1"}`)
	}
	argument(d, "by", &in.Participant)
	argument(d, "body", &in.Body)
	in.Sequence = l.next(in.Body)
	return in
}

func readAttempt(t *testing.T, d *datadriven.TestData) protocol.Attempt {
	t.Helper()
	a := protocol.Attempt{Run: firstRun, Direction: protocol.Do}
	if o := protocol.Outcome(d.Cmd); o == protocol.Undone || o == protocol.NothingToUndo {
		a.Direction = protocol.Undo
	}
	for _, arg := range d.CmdArgs {
		step, number, ok := strings.Cut(arg.Key, "/")
		switch {
		case arg.Key == "undo" || arg.Key == "do":
			a.Direction = protocol.Direction(arg.Key)
		case ok:
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			a.Step, a.Number = step, n
		}
	}
	if d.HasArg("run") {
		d.ScanArgs(t, "run", &a.Run)
	}
	return a
}

// readControl reads an operator's request. It is anna's, and why is its text.
func readControl(t *testing.T, d *datadriven.TestData, l *life) instance.Control {
	t.Helper()
	a := readAttempt(t, d)
	in := instance.Control{
		Verb: instance.Verb(d.Cmd), By: "anna", Why: strings.TrimSpace(d.Input), Unsettled: d.HasArg("unsettled"),
	}
	if in.Verb == instance.Retry || in.Verb == instance.Resolve {
		in.Step, in.Direction, in.Number = a.Step, a.Direction, a.Number
	}
	argument(d, "as", &in.As)
	argument(d, "output", &in.Output)
	in.Sequence = l.next(in.Output)
	return in
}

// argument sets to what the script says under key, if it says anything.
func argument[T ~string | ~[]byte](d *datadriven.TestData, key string, to *T) {
	for _, arg := range d.CmdArgs {
		if arg.Key == key {
			*to = T(strings.Join(arg.Vals, ","))
		}
	}
}

// since shows a time as what has passed since the life began.
func since(at time.Time) string { return fmt.Sprint(at.Sub(epoch)) }
