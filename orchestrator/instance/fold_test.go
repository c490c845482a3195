package instance_test

import (
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
)

// The loop keeps the state that the view has beside the one that it goes on
// from; neither may change under the other.
func TestTwoFoldsOfOneStateDoNotMeet(t *testing.T) {
	link := func(sequence uint64, events ...instance.Event) instance.Link {
		return instance.Link{Sequence: sequence, Time: epoch, Events: events}
	}
	requested := instance.ActionRequested{Step: "charge", Number: 1, Participant: "payment", Due: epoch.Add(time.Second)}
	s := instance.Fold(begin(layered(1), "{}").state, link(1, instance.Started{}, requested))
	for i := range uint64(5) { // until a slice has room to spare
		s = instance.Fold(s, link(2+i, instance.SignalReceived{Name: "signal", Input: i}))
	}
	before := encode(s)
	done := instance.Fold(s, link(9, instance.ActionDone{Step: "charge", Number: 1}, instance.SignalReceived{Name: "left"}))
	was := encode(done)
	instance.Fold(s, link(9, instance.ActionFailed{Step: "charge", Number: 1}, instance.SignalReceived{Name: "right"}))
	if got := encode(s); got != before {
		t.Errorf("folding changed its argument\ngot  %s\nwant %s", got, before)
	}
	if got := encode(done); got != was {
		t.Errorf("folding another link changed the outcome of the first\ngot  %s\nwant %s", got, was)
	}
}

type unheardOf struct{ instance.Event }

func TestFoldPanicsOnAnEventThatItDoesNotKnow(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an unknown event was ignored: the state would be another one")
		}
	}()
	instance.Fold(begin(layered(1), "{}").state, instance.Link{Events: []instance.Event{unheardOf{}}})
}
