package instance_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// layered returns a definition of layers of two steps, each of which comes
// after both of the layer before: 2 to the power of layers paths lead through.
func layered(layers int) sagas.Definition {
	def := sagas.Definition{Name: "layered", Version: 1}
	for i := range 2 * layers {
		step := sagas.Planned{
			Name: fmt.Sprintf("s%d", i), Participant: "p", Action: "do", Timeout: time.Second, Retry: sagas.Once(),
			Compensation: &sagas.Compensation{Participant: "p", Action: "undo", Timeout: time.Second, Retry: sagas.Once()},
		}
		if i >= 2 {
			step.After = []int{i - i%2 - 2, i - i%2 - 1}
		}
		def.Steps = append(def.Steps, step)
	}
	return def
}

// With a walk along every path this test would not end.
func TestUndoingTakesNoLongerWhereManyPathsLeadThroughTheGraph(t *testing.T) {
	l := begin(layered(sagas.MaxSteps/2), "{}")
	answer := func(step string, d protocol.Direction, o protocol.Outcome) {
		t.Helper()
		a := protocol.Attempt{Run: firstRun, Step: step, Direction: d, Number: 1}
		in := instance.Reply{Sequence: l.next(nil), Participant: "p", Reply: protocol.Reply{Attempt: a, Outcome: o}}
		if err := l.take(in); err != nil {
			t.Fatalf("%v: %v", a, err)
		}
	}
	_ = l.take(instance.Start{Sequence: firstRun})
	last := len(l.def.Steps) - 1
	for i := range last {
		answer(l.def.Steps[i].Name, protocol.Do, protocol.Done)
	}
	answer(l.def.Steps[last].Name, protocol.Do, protocol.Refused)
	for i := last - 1; i >= 0; i-- {
		answer(l.def.Steps[i].Name, protocol.Undo, protocol.Undone)
	}
	if l.state.Status != instance.Compensated {
		t.Errorf("got %v, want compensated", l.state.Status)
	}
}
