package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

var ann = client.By{Who: "ann", Why: "a test"}

func TestACancelInTimeIsObeyedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client(client.WithEvery(never))
	h := w.start(c, order{ID: "o", Hold: "reserve"})
	w.requested("o", "reserve")
	by := client.By{Who: "ann", Why: "wrong address", Input: "c-1"}
	first, err := h.Cancel(t.Context(), by)
	if err != nil || !first.Obeyed() || first.Repeated || first.Link <= first.Asked {
		t.Fatalf("got %+v, %v", first, err)
	}
	again, err := h.Cancel(t.Context(), by)
	if err != nil || !again.Repeated || again.Link != first.Link || again.Asked != first.Asked {
		t.Errorf("repeated: got %+v, %v, want %+v", again, err, first)
	}
	other, err := h.Cancel(t.Context(), ann)
	if err != nil || other.Obeyed() || !strings.Contains(other.Refused, "on its way back already") {
		t.Errorf("another one: got %+v, %v", other, err)
	}
	w.letGo("o", "reserve")
	w.ends(h, instance.Compensated)
	if late, err := h.Cancel(t.Context(), by); err != nil || late.Link != first.Link {
		t.Errorf("repeated after the end: got %+v, %v", late, err)
	}
	if n := count(w, "o", protocol.KindControl); n != 2 {
		t.Errorf("%d requests are stored, want 2", n)
	}
}

func TestACancelBehindThePivotIsTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client(client.WithEvery(never))
	h := w.start(c, order{ID: "o", Hold: "ship"})
	w.requested("o", "ship")
	d, err := h.Cancel(t.Context(), ann)
	if err != nil || !d.TooLate || d.Obeyed() {
		t.Errorf("got %+v, %v", d, err)
	}
	w.letGo("o", "ship")
	w.ends(h, instance.Completed)
	var over *client.OverError
	if _, err = h.Cancel(t.Context(), ann); !errors.As(err, &over) || !errors.Is(err, client.ErrOver) || over.Status != instance.Completed {
		t.Errorf("after the end: got %v", err)
	}
	if n := count(w, "o", protocol.KindControl); n != 1 {
		t.Errorf("%d requests are stored, want 1: one to a saga that is over changes nothing", n)
	}
}

func TestSuspendResumeRetryAndSignalAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client(client.WithEvery(never))
	h := w.start(c, order{ID: "o", Hold: "reserve"})
	w.requested("o", "reserve")
	obeyed := func(what string, d client.Decision, err error) {
		t.Helper()
		if err != nil || !d.Obeyed() {
			t.Errorf("%s: got %+v, %v", what, d, err)
		}
	}
	d, err := h.Resume(t.Context(), ann)
	if err != nil || d.Refused != "it is not suspended" {
		t.Errorf("resume: got %+v, %v", d, err)
	}
	d, err = h.Suspend(t.Context(), ann)
	obeyed("suspend", d, err)
	d, err = h.Resume(t.Context(), ann)
	obeyed("resume", d, err)
	d, err = h.Signal(t.Context(), "paid", []byte(`{"n":1}`), "s-1")
	obeyed("signal", d, err)
	if d, err = h.Signal(t.Context(), "paid", []byte(`{ "n": 1 }`), "s-1"); err != nil || !d.Repeated {
		t.Errorf("repeated signal: got %+v, %v", d, err)
	}
	d, err = h.Retry(t.Context(), ann, client.StepRef{Step: "reserve", Direction: protocol.Do})
	if err != nil || !strings.Contains(d.Refused, "in flight") {
		t.Errorf("retry: got %+v, %v", d, err)
	}
	w.letGo("o", "reserve")
	if out := w.ends(h, instance.Completed); len(out.State.Signals) != 1 || string(out.State.Signals[0].Body) != `{"n":1}` {
		t.Errorf("got %+v", out.State.Signals)
	}
}

func TestAnInputIDOfAnotherRequestIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client(client.WithEvery(never))
	h := w.start(c, order{ID: "o", Hold: "reserve"})
	by := client.By{Who: "ann", Input: "i"}
	if _, err := h.Suspend(t.Context(), by); err != nil {
		t.Fatal(err)
	}
	conflicts := func(what string, _ client.Decision, err error) {
		t.Helper()
		var conflict *client.ConflictError
		if !errors.As(err, &conflict) || !errors.Is(err, client.ErrConflict) || conflict.Input != "i" {
			t.Errorf("%s: got %v", what, err)
		}
	}
	d, err := h.Resume(t.Context(), by)
	conflicts("another verb", d, err)
	d, err = h.Suspend(t.Context(), client.By{Who: "bob", Input: "i"})
	conflicts("another person", d, err)
	if _, err = h.Signal(t.Context(), "n", []byte(`1`), "i"); err != nil {
		t.Errorf("a signal's ids are its own: %v", err)
	}
	d, err = h.Signal(t.Context(), "n", []byte(`2`), "i")
	conflicts("another body", d, err)
	d, err = h.Signal(t.Context(), "m", []byte(`1`), "i")
	conflicts("another name", d, err)
	if _, err := h.Resume(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	w.letGo("o", "reserve")
	w.ends(h, instance.Completed)
}

// A request that an earlier run left behind refuses the same id, and answers
// nothing of this one.
func TestAnInputOfAnEarlierRunIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	first := w.start(c, order{ID: "o"})
	by := client.By{Who: "ann", Input: "i"}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // to store it
	defer cancel()
	d, err := first.Suspend(ctx, by)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nobody has decided it yet") || d.Asked == 0 {
		t.Fatalf("got %+v, %v", d, err)
	}
	if err := w.journal.Partition(protocol.Partition("o", 4)).Purge(t.Context(), "o", first.Run()+1); err != nil {
		t.Fatal(err)
	}
	second := w.start(c, order{ID: "o"})
	var conflict *client.ConflictError
	if _, err := second.Suspend(t.Context(), by); !errors.As(err, &conflict) || !strings.Contains(conflict.What, "run") {
		t.Errorf("got %v", err)
	}
	if _, err := first.Suspend(t.Context(), by); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the handle of the earlier run: got %v", err)
	}
}

// Nobody who runs has the definition: the request waits, and says what for.
func TestARequestToAParkedSagaSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(client.WithEvery(20 * time.Millisecond))
	h := w.start(c, order{ID: "o"})
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	asked := make(chan error, 1)
	go func() {
		_, err := h.Cancel(ctx, ann)
		asked <- err
	}()
	w.until("the request is stored", func() bool { return count(w, "o", protocol.KindControl) == 1 })
	w.serve("a", func(c *orchestrator.Config) { c.Definitions = nil })
	if out := w.ends(h, instance.Stuck); !strings.Contains(out.Reason, "not linked in") {
		t.Errorf("got %+v", out)
	}
	again, stop := context.WithTimeout(t.Context(), 3*time.Second) // in which the first one looks again and again
	defer stop()
	if _, err := h.Suspend(again, ann); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "parked: ") {
		t.Errorf("got %v", err)
	}
	giveUp()
	if err := <-asked; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "parked: ") {
		t.Errorf("got %v", err)
	}
}

// Decisions are found although no announcement of them arrives.
func TestADecisionIsFoundWithoutAnnouncements(t *testing.T) {
	t.Parallel()
	w := newWorld(t, users)
	w.serve("a")
	w.participate()
	c := w.clientOn(w.as("deaf"), client.WithEvery(20*time.Millisecond))
	h := w.start(c, order{ID: "o", Hold: "reserve"})
	w.requested("o", "reserve")
	if d, err := h.Cancel(t.Context(), ann); err != nil || !d.Obeyed() {
		t.Errorf("got %+v, %v", d, err)
	}
	w.letGo("o", "reserve")
	w.ends(h, instance.Compensated)
}

func TestWhatCannotBeARequestIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.start(w.client(), order{ID: "o"})
	ctx := t.Context()
	ref := client.StepRef{Step: "ship", Direction: protocol.Do}
	check := func(want string, _ client.Decision, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	d, err := h.Cancel(ctx, client.By{})
	check("says who", d, err)
	d, err = h.Cancel(ctx, client.By{Who: "\x1b\r\n"})
	check("says who", d, err)
	for _, input := range []string{"*", ">", "a.b", "a b", "a\r\n", "a\x00", strings.Repeat("a", 5000)} {
		d, err = h.Cancel(ctx, client.By{Who: "ann", Input: input})
		check("invalid name", d, err)
		d, err = h.Signal(ctx, "n", nil, input)
		check("invalid name", d, err)
		d, err = h.Signal(ctx, input, nil, "")
		check("invalid name", d, err)
		d, err = h.Retry(ctx, ann, client.StepRef{Step: input, Direction: protocol.Do})
		check("invalid name", d, err)
	}
	d, err = h.Signal(ctx, "n", []byte(`{"a":`), "")
	check("cut short", d, err)
	d, err = h.Signal(ctx, "n", []byte(`"`+strings.Repeat("a", protocol.MaxPayload)+`"`), "")
	check("at most", d, err)
	d, err = h.Retry(ctx, ann, client.StepRef{Step: "ship", Direction: "sideways"})
	check("neither do nor undo", d, err)
	d, err = h.Retry(ctx, ann, client.StepRef{Step: "ship", Direction: protocol.Do, Number: -1})
	check("negative", d, err)
	d, err = h.Resolve(ctx, ann, client.Resolution{StepRef: ref, As: protocol.Refused})
	check("neither done nor undone", d, err)
	d, err = h.Resolve(ctx, ann, client.Resolution{StepRef: ref, As: protocol.Done, Output: make([]byte, protocol.MaxPayload+1)})
	check("at most", d, err)
	d, err = client.Saga{}.Cancel(ctx, ann)
	check("not started", d, err)
	if n := len(w.messages("o")); n != 1 {
		t.Errorf("%d messages are stored, want the start alone", n)
	}
	ghost, err := w.client().Saga(ctx, "ghost")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = ghost.Cancel(ctx, ann); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a saga that nobody started: got %v", err)
	}
	if n := len(w.messages("ghost")); n != 0 {
		t.Errorf("%d messages about nobody's saga are stored", n)
	}
}
