package instance_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// asking folds links of one event each, the first with the sequence 2.
func asking(events ...instance.Event) instance.State {
	s := begin(layered(1), "{}").state
	for i, ev := range events {
		s = instance.Fold(s, instance.Link{Sequence: uint64(2 + i), Time: epoch.Add(time.Duration(i)), Events: []instance.Event{ev}})
	}
	return s
}

func TestAStateKnowsWhatPeopleAskedFor(t *testing.T) {
	by := func(who string, input uint64) instance.Operator {
		return instance.Operator{By: who, Why: "because", Input: input}
	}
	at := func(n int) time.Time { return epoch.Add(time.Duration(n)) }
	got := asking(
		instance.Suspended{Operator: by("ann", 11)},
		instance.SignalReceived{Name: "paid", Input: 12},
		instance.ControlRefused{Operator: by("bob", 13), Verb: instance.Suspend, Reason: "it is suspended already"},
		instance.Resumed{Operator: by("ann", 14)},
		instance.CancelRequested{Operator: by("ann", 15), TooLate: true},
		instance.RetryRequested{Operator: by("eve", 16), Step: "charge", Direction: protocol.Do},
		instance.ResolveRequested{Operator: by("eve", 17), Step: "charge", Direction: protocol.Undo, Number: 2, As: protocol.Undone},
		// The participant's answer to it is nobody's request.
		instance.Resolved{Step: "charge", Direction: protocol.Undo, Number: 2, As: protocol.Undone, Input: 18},
		// This one was never settled with a participant: its input is the request.
		instance.Resolved{Step: "ship", Direction: protocol.Undo, Number: 1, As: protocol.Undone, Input: 19},
	).Asked
	want := []instance.Asked{
		{Input: 11, Link: 2, At: at(0), Verb: instance.Suspend, By: "ann"},
		{Input: 13, Link: 4, At: at(2), Verb: instance.Suspend, By: "bob", Refused: true},
		{Input: 14, Link: 5, At: at(3), Verb: instance.Resume, By: "ann"},
		{Input: 15, Link: 6, At: at(4), Verb: instance.Cancel, By: "ann"},
		{Input: 16, Link: 7, At: at(5), Verb: instance.Retry, By: "eve"},
		{Input: 17, Link: 8, At: at(6), Verb: instance.Resolve, By: "eve"},
		{Input: 19, Link: 10, At: at(8), Verb: instance.Resolve},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAStateKeepsTheNewestRequests(t *testing.T) {
	var events []instance.Event
	for i := range instance.MaxAsked + 10 {
		events = append(events, instance.Suspended{Operator: instance.Operator{By: "ann", Input: uint64(i)}})
	}
	got := asking(events...).Asked
	if len(got) != instance.MaxAsked || got[0].Input != 10 || got[len(got)-1].Input != instance.MaxAsked+9 {
		t.Errorf("%d requests are kept, from %d to %d", len(got), got[0].Input, got[len(got)-1].Input)
	}
}

func TestRequestsOfTwoFoldsDoNotMeet(t *testing.T) {
	s := asking(instance.Suspended{}, instance.Resumed{}, instance.Suspended{}, instance.Resumed{}, instance.Suspended{})
	fold := func(who string) instance.State {
		return instance.Fold(s, instance.Link{Sequence: 9, Time: epoch, Events: []instance.Event{instance.Resumed{Operator: instance.Operator{By: who}}}})
	}
	left := fold("left")
	was := encode(left)
	fold("right")
	if got := encode(left); got != was {
		t.Errorf("folding another link changed the outcome of the first\ngot  %s\nwant %s", got, was)
	}
}
