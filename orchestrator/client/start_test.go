package client_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

func TestASagaIsStartedAndItsEndIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client()
	h, err := client.Start(t.Context(), c, placeOrder, order{ID: "o-1"}, client.ID("o-1"), client.Tag("customer", "ann"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out.Status != instance.Completed || out.Value.Reservation != "r-o-1" || out.Reason != "" || out.State.Tags["customer"] != "ann" {
		t.Errorf("got %+v", out)
	}
	h, err = client.Start(t.Context(), c, placeOrder, order{ID: "o-2", Refuse: "ship"}, client.ID("o-2"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err = h.Wait(t.Context()); err != nil || out.Status != instance.Compensated || out.Reason != "no ship for o-2" {
		t.Errorf("got %+v, %v", out, err)
	}
	h, err = client.Start(t.Context(), c, placeOrder, order{ID: "o-3", Refuse: "confirm"}, client.ID("o-3"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err = h.Wait(t.Context()); err != nil || out.Status != instance.Stuck || out.Reason != "no confirm for o-3" {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestTenClientsThatStartOneSagaAllGetIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	var group sync.WaitGroup
	runs := make([]uint64, 10)
	existed := make([]bool, 10)
	for i := range runs {
		c := w.client()
		group.Go(func() {
			h, err := client.Start(t.Context(), c, placeOrder, order{ID: "o"}, client.ID("o"), client.Tag("k", "v"))
			if err != nil {
				t.Error(err)
				return
			}
			runs[i], existed[i] = h.Run(), h.Existed()
			if out, err := h.Wait(t.Context()); err != nil || out.Status != instance.Completed {
				t.Errorf("got %+v, %v", out, err)
			}
		})
	}
	group.Wait()
	first := 0
	for i := range runs {
		if !existed[i] {
			first++
		}
		if runs[i] != runs[0] || runs[i] == 0 {
			t.Errorf("client %d got run %d, client 0 run %d", i, runs[i], runs[0])
		}
	}
	if first != 1 {
		t.Errorf("%d clients think that they started it, want 1", first)
	}
	if starts := count(w, "o", protocol.KindStart); starts != 1 {
		t.Errorf("%d starts are stored, want 1", starts)
	}
}

func count(w *world, id string, kind protocol.Kind) int {
	n := 0
	for _, m := range w.messages(id) {
		if m.Address.Kind == kind {
			n++
		}
	}
	return n
}

func TestAnIDOfAnotherSagaIsAConflict(t *testing.T) {
	t.Parallel()
	c := newWorld(t).client()
	ctx := t.Context()
	start := func(definition string, version int, input string, options ...client.StartOption) error {
		_, err := c.StartRaw(ctx, definition, version, []byte(input), append(options, client.ID("o"))...)
		return err
	}
	if err := start("place-order", 1, `{"id":"o"}`, client.Tag("k", "v")); err != nil {
		t.Fatal(err)
	}
	if err := start("place-order", 1, `{ "id": "o" }`, client.Tag("k", "v")); err != nil {
		t.Errorf("white space makes another input: %v", err)
	}
	for what, err := range map[string]error{
		"definition":  start("cancel-order", 1, `{"id":"o"}`, client.Tag("k", "v")),
		"version":     start("place-order", 2, `{"id":"o"}`, client.Tag("k", "v")),
		"input":       start("place-order", 1, `{"id":"p"}`, client.Tag("k", "v")),
		"set of tags": start("place-order", 1, `{"id":"o"}`, client.Tag("k", "w")),
	} {
		var conflict *client.ConflictError
		if !errors.As(err, &conflict) || !errors.Is(err, client.ErrConflict) || conflict.What != what || conflict.ID != "o" {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// The publish reaches the journal, and its acknowledgement gets lost with the
// connection: the same bytes go again, and what refuses them is our own.
func TestAStartWhoseAcknowledgementIsLostIsStoredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var l wire
	c := w.clientOn(natstest.Connect(t, w.server, nats.SetCustomDialer(&l)), client.WithTimeout(2*time.Second))
	w.knows(c)
	l.set(func(l *wire) { l.deaf = true })
	saga, err := c.StartRaw(t.Context(), "place-order", 1, []byte(`{"id":"o"}`), client.ID("o"))
	if err != nil {
		t.Fatal(err)
	}
	if l.deaf {
		t.Error("the acknowledgement was not lost")
	}
	if got := w.messages("o"); len(got) != 1 || got[0].Sequence != saga.Run() || saga.Existed() {
		t.Errorf("%d messages, run %d, existed %t", len(got), saga.Run(), saga.Existed())
	}
}

// Without an answer at all, the caller learns what to repeat, and in time.
func TestAStartThatNobodyAcknowledgesIsInDoubt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := w.conn()
	c := w.clientOn(nc, client.WithTimeout(50*time.Millisecond))
	w.knows(c)
	natstest.Stop(w.server)
	_, err := c.StartRaw(t.Context(), "place-order", 1, []byte(`{}`))
	var doubt *client.DoubtError
	if !errors.As(err, &doubt) || !errors.Is(err, client.ErrInDoubt) || protocol.CheckID(doubt.ID) != nil {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.StartRaw(ctx, "place-order", 1, []byte(`{}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The acknowledgement gets lost with a connection that does not come back.
func TestAStartIsInDoubtIfTheConnectionClosesUnderIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var l wire
	c := w.clientOn(natstest.Connect(t, w.server, nats.SetCustomDialer(&l), nats.NoReconnect()))
	w.knows(c)
	l.set(func(l *wire) { l.deaf = true })
	if _, err := c.StartRaw(t.Context(), "place-order", 1, []byte(`{}`), client.ID("o")); !errors.Is(err, client.ErrInDoubt) {
		t.Errorf("it is stored (%d messages), and the error says %v", len(w.messages("o")), err)
	}
}

func TestWhatCannotBeASagaIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for what, test := range map[string]struct {
		id, definition, input string
		version               int
		tags                  [2]string
		want                  string
	}{
		"empty id":       {id: "", want: "empty"},
		"*":              {id: "*", want: "at byte 0"},
		">":              {id: ">", want: "at byte 0"},
		".":              {id: "a.b", want: "at byte 1"},
		"-":              {id: "-", want: "word of the protocol"},
		"space":          {id: "a b", want: "at byte 1"},
		"NUL":            {id: "a\x00", want: "at byte 1"},
		"CRLF":           {id: "a\r\nPUB x", want: "at byte 1"},
		"é":              {id: "é", want: "at byte 0"},
		"right to left":  {id: "a\u202eb", want: "at byte 1"},
		"5000 bytes":     {id: strings.Repeat("a", 5000), want: "5000 bytes"},
		"definition >":   {definition: ">", want: "at byte 0"},
		"definition":     {definition: "start", want: "word of the protocol"},
		"version":        {version: -1, want: "versions count from 1"},
		"cut short":      {input: `{"a":`, want: "cut short"},
		"deep":           {input: deep, want: "deeper than 64"},
		"twice":          {input: `{"a":1,"a":2}`, want: "twice"},
		"not UTF-8":      {input: "\"\xff\"", want: "UTF-8"},
		"NaN":            {input: `NaN`, want: "malformed"},
		"too large":      {input: `"` + strings.Repeat("a", protocol.MaxPayload) + `"`, want: "at most 524288"},
		"tag key":        {tags: [2]string{"a b", "c"}, want: "at byte 1"},
		"tag value CRLF": {tags: [2]string{"a", "b\r\nc"}, want: "control characters"},
		"tag value long": {tags: [2]string{"a", strings.Repeat("b", 257)}, want: "more than 256"},
	} {
		if test.id == "" && what != "empty id" {
			test.id = "o"
		}
		if test.definition == "" {
			test.definition = "place-order"
		}
		if test.version == 0 {
			test.version = 1
		}
		options := []client.StartOption{client.ID(test.id)}
		if test.tags[0] != "" {
			options = append(options, client.Tag(test.tags[0], test.tags[1]))
		}
		_, err := c.StartRaw(t.Context(), test.definition, test.version, []byte(test.input), options...)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 400 {
			t.Errorf("%s: got %v, want %q", what, err, test.want)
		}
	}
	if _, err := client.Start(t.Context(), c, placeOrder, order{}, client.ID("o")); err == nil || !strings.Contains(err.Error(), "an order has an id") {
		t.Errorf("the definition's own check: got %v", err)
	}
	for p := range 4 {
		if tail, err := w.journal.Partition(p).Tail(t.Context()); err != nil || tail.Last != 0 {
			t.Errorf("partition %d has %d messages, %v", p, tail.Last, err)
		}
	}
}

func TestAStartCarriesTheTraceOfItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(t.Context(), span)
	if _, err := w.client().StartRaw(ctx, "place-order", 1, nil, client.ID("o")); err != nil {
		t.Fatal(err)
	}
	want := "00-01000000000000000000000000000000-0200000000000000-01"
	if diff := cmp.Diff(want, w.messages("o")[0].Header.Get(protocol.HeaderTraceParent)); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutAJournalTheErrorSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	c, err := client.New(natstest.Connect(t, natstest.Start(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.StartRaw(t.Context(), "place-order", 1, nil); !errors.Is(err, client.ErrNoJournal) || !strings.Contains(err.Error(), "amends init") {
		t.Errorf("got %v", err)
	}
}
