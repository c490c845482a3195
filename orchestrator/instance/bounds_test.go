package instance_test

import (
	"errors"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// The journal bounds the messages of one subject, and the view writes a state
// as one row. An instance stays well below both (fault 46).

func charging(t *testing.T) *life {
	t.Helper()
	code := &mappings{broken: map[string]bool{}}
	patient := sagas.Backoff(9, time.Second)
	l := begin(code.define(plan{
		name: "charge", does: "payment.charge", undoes: "payment.refund", retry: patient, undoRetry: patient,
	}), `{"id":"o-1"}`)
	if err := l.take(instance.Start{Sequence: firstRun}); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *life) reply(step string, d protocol.Direction, number int, o protocol.Outcome) error {
	a := protocol.Attempt{Run: firstRun, Step: step, Direction: d, Number: number}
	body := []byte(`{"ref":"r-1"}`)
	return l.take(instance.Reply{
		Sequence: l.next(body), Participant: "payment", Reply: protocol.Reply{Attempt: a, Outcome: o, Body: body},
	})
}

func (l *life) signal(body []byte) error {
	return l.take(instance.SignalSent{Sequence: l.next(body), Name: "more", Body: body})
}

func TestSignalsAreRefusedOnceTooManyAreKept(t *testing.T) {
	l := charging(t)
	for range 1000 {
		if err := l.signal(nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.signal(nil); !errors.Is(err, instance.ErrInvalid) {
		t.Errorf("signal 1001: got %v, want it to be refused", err)
	}
	if got := len(l.state.Signals); got != 1000 {
		t.Errorf("%d signals are kept, want 1000", got)
	}
}

func TestSignalsAreRefusedOnceTheyAreTooLargeTogether(t *testing.T) {
	l := charging(t)
	half := make([]byte, 512<<10)
	if err := errors.Join(l.signal(half), l.signal(half)); err != nil {
		t.Fatal(err)
	}
	if err := l.signal([]byte("x")); !errors.Is(err, instance.ErrInvalid) {
		t.Errorf("a byte over 1 MiB: got %v, want it to be refused", err)
	}
	if err := l.signal(nil); err != nil {
		t.Errorf("an empty signal: %v", err)
	}
}

func TestNoAttemptIsMadeByPolicyOverTheBoundOfLinks(t *testing.T) {
	l := charging(t)
	l.state.Links = 10_000
	if err := l.reply("charge", protocol.Do, 1, protocol.Failed); err != nil {
		t.Fatal(err)
	}
	if p := l.state.Steps[0]; p.Do.Outcome != protocol.Failed || p.Undo.Phase != instance.Open {
		t.Fatalf("after the first failure got %+v, want it to be undone", p)
	}
	if err := l.reply("charge", protocol.Undo, 1, protocol.Failed); err != nil {
		t.Fatal(err)
	}
	if l.state.Status != instance.Stuck {
		t.Fatalf("got %v, want stuck, so that a person is told", l.state.Status)
	}
	retry := instance.Control{
		Sequence: l.next(nil), Verb: instance.Retry, By: "anna", Step: "charge", Direction: protocol.Undo,
	}
	if err := l.take(retry); err != nil || l.state.Status != instance.Compensating {
		t.Errorf("a person asks for an attempt: got %v, %v", l.state.Status, err)
	}
}

func TestRequestsOfOperatorsAreRefusedFarOverTheBoundOfLinks(t *testing.T) {
	l := charging(t)
	l.state.Links = 11_000
	in := instance.Control{Sequence: l.next(nil), Verb: instance.Suspend, By: "anna"}
	if err := l.take(in); !errors.Is(err, instance.ErrInvalid) {
		t.Errorf("got %v, want it to be refused", err)
	}
	if err := l.reply("charge", protocol.Do, 1, protocol.Done); err != nil || l.state.Status != instance.Completed {
		t.Errorf("the saga itself must be able to end: got %v, %v", l.state.Status, err)
	}
}

func TestOnlyKnownWordsAreRequestsOfOperators(t *testing.T) {
	l := charging(t)
	in := instance.Control{Sequence: l.next(nil), Verb: "explode", By: "anna"}
	if err := l.take(in); !errors.Is(err, instance.ErrInvalid) {
		t.Errorf("got %v, want it to be refused", err)
	}
}

func TestARequestThatIsTooLargeParksTheSaga(t *testing.T) {
	huge := make([]byte, 512<<10+1)
	def := sagas.Definition{Name: "order", Version: 1, Steps: charging(t).def.Steps} // hands the input on as it is
	l := begin(def, string(huge[1:]))
	_ = l.take(instance.Start{Sequence: firstRun})
	if l.state.Status != instance.Running {
		t.Errorf("a request of 512 KiB: got %v (%s), want running", l.state.Status, l.state.Reason)
	}
	l = begin(def, string(huge))
	_ = l.take(instance.Start{Sequence: firstRun})
	if l.state.Status != instance.Stuck || l.state.Parked == "" {
		t.Errorf("a byte more: got %v, want it to be parked", l.state.Status)
	}
}
