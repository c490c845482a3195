package instance

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/participants/protocol"
)

// A life that halts, goes on, and turns back says at each time why it failed,
// and since when.
func TestAFailureIsOfTheLatestStopElseOfTheWayBack(t *testing.T) {
	at := func(n int) time.Time { return time.Unix(int64(n), 0).UTC() }
	s := Begin(Request{ID: "a", Sequence: 1})
	for i, tt := range []struct {
		events   []Event
		want     Failure
		failed   bool
		retrying bool
		here     []string // the steps it stands at
	}{
		{[]Event{Started{"f"}, ActionRequested{Step: "charge", Number: 1}}, Failure{}, false, false, []string{"charge"}},
		{[]Event{ActionFailed{Step: "charge", Number: 1, Reason: "busy"}, RetryScheduled{"charge", protocol.Do, 2, at(9)}}, Failure{}, false, true, []string{"charge"}},
		{[]Event{ActionRequested{Step: "charge", Number: 2}}, Failure{}, false, true, []string{"charge"}},
		{[]Event{StepHalted{"charge", protocol.Do, "gone"}}, Failure{"charge", protocol.Do, "gone", at(3)}, true, false, []string{"charge"}},
		{[]Event{Suspended{}}, Failure{"charge", protocol.Do, "gone", at(3)}, true, false, []string{"charge"}},
		{[]Event{RetryRequested{Step: "charge"}, ActionRequested{Step: "charge", Number: 3}}, Failure{}, false, true, []string{"charge"}},
		{[]Event{Parked{"no definition"}}, Failure{"", "", "no definition", at(6)}, true, true, []string{"charge"}},
		{[]Event{Unparked{}, ActionRefused{Step: "charge", Number: 3, Reason: "no"}, TurnedBack{"charge", "no"}}, Failure{"charge", protocol.Do, "no", at(7)}, true, false, nil},
		{[]Event{CompensationRequested{Step: "reserve", Number: 1}}, Failure{"charge", protocol.Do, "no", at(7)}, true, false, []string{"reserve"}},
		{[]Event{StepHalted{"reserve", protocol.Undo, "never"}}, Failure{"reserve", protocol.Undo, "never", at(9)}, true, false, []string{"reserve"}},
		{[]Event{Resolved{Step: "reserve", Direction: protocol.Undo, As: protocol.Undone}, SagaCompensated{}}, Failure{"charge", protocol.Do, "no", at(7)}, true, false, nil},
	} {
		s = Fold(s, Link{Sequence: uint64(i + 2), Time: at(i), Events: tt.events})
		got, failed := s.Failure()
		if diff := cmp.Diff(tt.want, got); diff != "" || failed != tt.failed || s.Retrying() != tt.retrying {
			t.Errorf("link %d: failed %v, retrying %v: %s", i, failed, s.Retrying(), diff)
		}
		var here []string
		for _, name := range []string{"charge", "reserve", "ship"} {
			if s.At(name) {
				here = append(here, name)
			}
		}
		if diff := cmp.Diff(tt.here, here); diff != "" {
			t.Errorf("link %d: %s", i, diff)
		}
	}
}
