package verbs

import (
	"slices"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// Who settles on a step that a person resolved as undone agrees by refusing:
// the road then leads back, and ends.
func TestARoadGoesOnFromAStepThatIsBeingResolvedAsUndone(t *testing.T) {
	once := sagas.Backoff(1, time.Second)
	def := sagas.Definition{Name: "order", Version: 1, Steps: []sagas.Planned{
		{
			Name: "reserve", Participant: "inventory", Action: "reserve", Timeout: time.Minute, Retry: once,
			Compensation: &sagas.Compensation{Participant: "inventory", Action: "release", Timeout: time.Minute, Retry: once},
		},
		{Name: "ship", Participant: "shipping", Action: "ship", After: []int{0}, Pivot: true, Timeout: time.Minute, Retry: once},
	}}
	s := instance.State{ID: "o-1", Run: 1, Definition: "order", Version: 1}
	answer := func(participant, step string, outcome protocol.Outcome) instance.Reply {
		return instance.Reply{Participant: participant, Reply: protocol.Reply{
			Attempt: protocol.Attempt{Run: 1, Step: step, Direction: protocol.Do, Number: 1}, Outcome: outcome, Body: []byte("{}"), Reason: "no answer",
		}}
	}
	inputs := []instance.Input{
		instance.Start{Sequence: 1},
		answer("inventory", "reserve", protocol.Done),
		answer("shipping", "ship", protocol.Failed),
		instance.Control{Verb: instance.Resolve, By: "ann", Step: "ship", Direction: protocol.Do, As: protocol.Undone},
	}
	p := player{def: def, state: s, now: time.Unix(1_800_000_000, 0)}
	for _, in := range inputs {
		if !p.decide(in, 1) {
			t.Fatalf("%T: nothing was decided: %s", in, p.road.Needs)
		}
		for p.decide(nil, 1) {
		}
	}
	if got := p.state.Step("ship").Do; got.Phase != instance.Open || got.Settling != protocol.Undone {
		t.Fatalf("ship is not being settled: %+v", got)
	}
	road := play(def, p.state, false)
	undone := func(m Move) bool { return m.Step == "reserve" && m.Direction == string(protocol.Undo) }
	if road.Ends != "compensated" || road.Needs != "" || !slices.ContainsFunc(road.Moves, undone) {
		t.Errorf("got %+v", road)
	}
}

// Of steps that run beside each other the one that took effect first counts,
// wherever it stands.
func TestASagaIsInconsistentFromItsFirstEffectOn(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	step := func(name string, seconds int) StepTrace {
		at := Stamp{Time: began.Add(time.Duration(seconds) * time.Second)}
		return StepTrace{Name: name, Attempts: []*Attempt{{
			Direction: string(protocol.Do), Requested: Stamp{Time: began}, Recorded: &at, Outcome: string(protocol.Done),
		}}}
	}
	for _, steps := range [][]StepTrace{{step("a", 4), step("b", 1)}, {step("b", 1), step("a", 4)}} {
		m := measure{steps: map[[2]string]*stepMeasure{}}
		m.add(Trace{Steps: steps, Started: began, Ended: began.Add(10 * time.Second)})
		if want := []int64{9_000_000}; !slices.Equal(m.inconsistent, want) {
			t.Errorf("%v, want %v", m.inconsistent, want)
		}
	}
}
