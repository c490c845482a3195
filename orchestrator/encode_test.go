package orchestrator_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

var update = flag.Bool("update", false, "add what the golden files lack")

var (
	noon = time.Date(2026, 1, 2, 12, 0, 0, 250_000_000, time.UTC)
	anna = instance.Operator{By: "anna", Why: "a customer called", Input: 41}
)

// everyEvent has one event of each type, with every field that is recorded set.
var everyEvent = []instance.Event{
	instance.Started{Fingerprint: "446e2be8b26da06b88abaa82"},
	instance.StartRefused{Sequence: 17},
	instance.TurnedBack{Step: "charge", Reason: "the card is \"stolen\"\n<b>"},
	instance.SagaCompleted{},
	instance.SagaCompensated{},
	instance.Parked{Reason: "no definition order@1"},
	instance.Unparked{},
	instance.SignalReceived{Name: "paid-by", Input: 17},
	instance.ActionRequested{Step: "ship", Number: 2, Participant: "shipping", Due: noon, Pivot: true},
	instance.ActionDone{Step: "charge", Number: 2, Reply: 17},
	instance.ActionRefused{Step: "charge", Number: 2, Reply: 17, Reason: "the card is stolen"},
	instance.ActionFailed{Step: "charge", Number: 2, Reply: 17, Reason: "no connection"},
	instance.ActionTimedOut{Step: "charge", Number: 2},
	instance.CompensationRequested{Step: "charge", Number: 2, Participant: "payment", Due: noon},
	instance.CompensationDone{Step: "charge", Number: 2, Reply: 17, Nothing: true},
	instance.CompensationFailed{Step: "charge", Number: 2, Reply: 17, Reason: "the account is closed"},
	instance.CompensationTimedOut{Step: "charge", Number: 2},
	instance.RetryScheduled{Step: "charge", Direction: protocol.Undo, Number: 3, At: noon},
	instance.StepHalted{Step: "charge", Direction: protocol.Undo, Reason: "the account is closed"},
	instance.CancelRequested{Operator: anna, TooLate: true},
	instance.Suspended{Operator: anna},
	instance.Resumed{Operator: anna},
	instance.RetryRequested{Operator: anna, Step: "charge", Direction: protocol.Do},
	instance.ResolveRequested{Operator: anna, Step: "charge", Direction: protocol.Do, Number: 3, Participant: "payment", As: protocol.Done},
	instance.Resolved{Step: "charge", Direction: protocol.Do, Number: 3, As: protocol.Done, Input: 17},
	instance.ResolveFailed{Step: "charge", Direction: protocol.Do, Number: 3, Reply: 17, Reason: "it was refused"},
	instance.ControlRefused{Operator: anna, Verb: instance.Retry, Reason: "it waits for nobody"},
}

// An event type is never edited: its line in the golden file stays as it is,
// and with -update a new type gets one.
func TestEventsAreWrittenAsEver(t *testing.T) {
	const path = "testdata/events.golden.ndjson"
	b, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	golden := map[string]string{} // by the event's name
	for line := range strings.Lines(string(b)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, `[{"`), `"`)
		golden[name] = strings.TrimSuffix(line, "\n")
	}
	for _, ev := range everyEvent {
		name := orchestrator.EventName(ev)
		got, err := orchestrator.EncodeEvents([]instance.Event{ev})
		if err != nil {
			t.Fatal(err)
		}
		if golden[name] == "" && *update {
			golden[name] = got
			b = append(append(b, got...), '\n')
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got != golden[name] {
			t.Errorf("%s is written in another way than it was: add a type instead\ngot  %s\nwant %s", name, got, golden[name])
		}
		back, err := orchestrator.DecodeEvents(golden[name])
		if err != nil {
			t.Errorf("%s: %v", golden[name], err)
			continue
		}
		if diff := cmp.Diff([]instance.Event{ev}, back); diff != "" {
			t.Errorf("%s is read as another event: %s", golden[name], diff)
		}
		delete(golden, name)
	}
	for name, line := range golden {
		t.Errorf("%s is no event any more, but journals have it: %s", name, line)
	}
}

// The list above, and so the codec's, has every type that the core declares.
func TestEveryEventTypeHasItsLine(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "instance/event.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "isEvent" {
			declared[f.Recv.List[0].Type.(*ast.Ident).Name] = true
		}
	}
	listed := map[string]bool{}
	for _, ev := range everyEvent {
		listed[orchestrator.EventName(ev)] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(declared)), slices.Sorted(maps.Keys(listed))); diff != "" {
		t.Errorf("declared, and listed here: %s", diff)
	}
}

func TestEventsOfADecisionAreWrittenInTheirOrder(t *testing.T) {
	const text = `[{"ActionRefused":{"step":"charge","number":1,"reply":7,"reason":"no"}},{"TurnedBack":{"reason":"no"}},{"SagaCompensated":{}}]`
	events := []instance.Event{
		instance.ActionRefused{Step: "charge", Number: 1, Reply: 7, Reason: "no"},
		instance.TurnedBack{Reason: "no"},
		instance.SagaCompensated{},
	}
	if got, err := orchestrator.EncodeEvents(events); err != nil || got != text {
		t.Errorf("got %s, %v, want %s", got, err, text)
	}
	if got, err := orchestrator.DecodeEvents(text); err != nil || !cmp.Equal(got, events) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := orchestrator.EncodeEvents(nil); err != nil || got != "[]" {
		t.Errorf("no events are %s, %v", got, err)
	}
}

// To go on without what cannot be read would make another state.
func TestEventsThatCannotBeReadAreAnError(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "unexpected end",
		`[]`:                                  "without events",
		`null`:                                "without events",
		`[{}]`:                                "0 names",
		`[{"Started":{},"SagaCompleted":{}}]`: "2 names",
		`[{"CharterChanged":{}}]`:             "not known to this version",
		`[{"Started":17}]`:                    "cannot unmarshal",
		`[{"ActionDone":{"step":"charge","number":"1"}}]`:         "cannot unmarshal",
		`[{"ActionRequested":{"due":"tomorrow"}}]`:                "parsing time",
		`[{"Started":{"fingerprint":"x"}},{"CharterChanged":{}}]`: "not known to this version",
		`{"Started":{}}`: "cannot unmarshal",
	} {
		if got, err := orchestrator.DecodeEvents(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", text, got, err, want)
		}
	}
}

// richState has every field set.
func richState() instance.State {
	return instance.State{
		ID: "o-1", Definition: "order", Version: 3, Fingerprint: "446e2be8b26da06b88abaa82",
		Tags: map[string]string{"customer": "c-7", "channel": "web"}, Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Run: 17, Last: 41, Read: 40, Links: 12,
		Status: instance.Stuck, Suspended: true, Parked: "no definition order@3", Back: true, PastPivot: true, Cancelled: true,
		BackFor: "the card is stolen", Reason: "no definition order@3", Input: []byte(`{"id":"o-1"}`),
		Steps: []instance.Step{{
			Name: "charge",
			Do: instance.Progress{
				Phase: instance.Closed, Number: 2, Participant: "payment", Outcome: protocol.Done, Doubt: true,
				Reason: "no connection", Command: 18, ByHand: true, Output: []byte(`{"payment":"p-1"}`),
			},
			Undo: instance.Progress{
				Phase: instance.Open, Number: 1, Participant: "ledger", Due: noon, Command: 22, Settling: protocol.Undone,
			},
		}, {Name: "screen", Do: instance.Progress{Phase: instance.Waiting, Number: 1, Due: noon}}},
		Signals:  []instance.Signal{{Name: "paid-by", Input: 30, Body: []byte(`"visa"`)}},
		Asked:    []instance.Asked{{Input: 35, Link: 36, At: noon, Verb: instance.Retry, By: "ann", Refused: true}, {Input: 37, Link: 38, At: noon, Verb: instance.Resolve}},
		Repeated: 39,
		Started:  noon, Updated: noon.Add(time.Second), Ended: noon.Add(time.Minute),
	}
}

// A row of the view is read by the release that follows, and by scripts that
// look into it; a change of its form needs a rebuild of the view.
func TestStatesAreWrittenAsEver(t *testing.T) {
	const path = "testdata/state.golden.json"
	s := richState()
	got, err := orchestrator.EncodeState(s)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
		t.Error(diff)
	}
	back, err := orchestrator.DecodeState(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Errorf("the row is read as another state: %s", diff)
	}
}
