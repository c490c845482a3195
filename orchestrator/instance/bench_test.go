package instance_test

import (
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// midway is a saga of three steps, the second of which is in flight, and the
// reply that is next.
func midway(b *testing.B) (*life, instance.Reply) {
	b.Helper()
	code := &mappings{broken: map[string]bool{}}
	step := func(name, participant string) plan {
		return plan{
			name: name, does: participant + "." + name, undoes: participant + ".undo-" + name,
			retry: sagas.DefaultRetry(), undoRetry: sagas.DefaultUndoRetry(),
		}
	}
	l := begin(code.define(step("reserve", "inventory"), step("charge", "payment"), step("ship", "shipping")), `{"id":"o-1"}`)
	reply := func(step, participant string) instance.Reply {
		body := []byte(`{"ref":"r-1"}`)
		return instance.Reply{Sequence: l.next(body), Participant: participant, Reply: protocol.Reply{
			Attempt: protocol.Attempt{Run: firstRun, Step: step, Direction: protocol.Do, Number: 1},
			Outcome: protocol.Done, Body: body,
		}}
	}
	if err := l.take(instance.Start{Sequence: firstRun}); err != nil {
		b.Fatal(err)
	}
	if err := l.take(reply("reserve", "inventory")); err != nil {
		b.Fatal(err)
	}
	return l, reply("charge", "payment")
}

func BenchmarkDecide(b *testing.B) {
	l, in := midway(b)
	moment := instance.Moment{At: epoch}
	b.ReportAllocs()
	for b.Loop() {
		if d, err := instance.Decide(l.def, l.state, in, moment); err != nil || len(d.Events) != 2 {
			b.Fatal(d, err)
		}
	}
}

// BenchmarkDecideAtRest asks without an input, as is done after every link.
func BenchmarkDecideAtRest(b *testing.B) {
	l, _ := midway(b)
	moment := instance.Moment{At: epoch}
	b.ReportAllocs()
	for b.Loop() {
		if d, err := instance.Decide(l.def, l.state, nil, moment); err != nil || len(d.Events) != 0 {
			b.Fatal(d, err)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	l, in := midway(b)
	before := l.state
	if err := l.take(in); err != nil {
		b.Fatal(err)
	}
	link := l.links[len(l.links)-1].Link
	b.ReportAllocs()
	for b.Loop() {
		if s := instance.Fold(before, link); s.Last != link.Sequence {
			b.Fatal(s)
		}
	}
}

func BenchmarkLinkDraft(b *testing.B) {
	l, in := midway(b)
	d, err := instance.Decide(l.def, l.state, in, instance.Moment{At: epoch})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := orchestrator.LinkDraft(protocol.Subjects{}, 0, &l.state, d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeEvents(b *testing.B) {
	l, _ := midway(b)
	events := l.links[len(l.links)-1].Events
	b.ReportAllocs()
	for b.Loop() {
		if _, err := orchestrator.EncodeEvents(events); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvents(b *testing.B) {
	l, _ := midway(b)
	text := l.links[len(l.links)-1].text
	b.ReportAllocs()
	for b.Loop() {
		if _, err := orchestrator.DecodeEvents(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUndoWide undoes a saga of as many steps as there may be.
func BenchmarkUndoWide(b *testing.B) {
	l := begin(layered(sagas.MaxSteps/2), "{}")
	_ = l.take(instance.Start{Sequence: firstRun})
	for _, step := range l.def.Steps {
		a := protocol.Attempt{Run: firstRun, Step: step.Name, Direction: protocol.Do, Number: 1}
		o := protocol.Done
		if step.Name == l.def.Steps[len(l.def.Steps)-1].Name {
			o = protocol.Refused
		}
		_ = l.decide(instance.Reply{Sequence: l.next(nil), Participant: "p", Reply: protocol.Reply{Attempt: a, Outcome: o}})
		_ = l.decide(nil)
	}
	moment := instance.Moment{At: epoch}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := instance.Decide(l.def, l.state, nil, moment); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeState(b *testing.B) {
	l, in := midway(b)
	if err := l.take(in); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := orchestrator.EncodeState(l.state); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeState(b *testing.B) {
	l, _ := midway(b)
	text, err := orchestrator.EncodeState(l.state)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := orchestrator.DecodeState(text); err != nil {
			b.Fatal(err)
		}
	}
}
