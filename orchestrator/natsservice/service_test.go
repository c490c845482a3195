package natsservice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/goleak"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/participants/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partitions = 4

// A world is a service over a journal and a view in memory.
type world struct {
	t       *testing.T
	journal *inmem.Journal
	view    *inmem.View
	service *natsservice.Service
	nc      *nats.Conn // of whoever asks
	log     bytes.Buffer
}

func newWorld(t *testing.T, change ...func(*natsservice.Config)) *world {
	t.Helper()
	server := natstest.Start(t)
	w := &world{t: t, journal: inmem.NewJournal(partitions), view: inmem.NewView(), nc: natstest.Connect(t, server)}
	cfg := natsservice.Config{Journal: w.journal, View: w.view, Version: "1.2.3", Log: slog.New(slog.NewTextHandler(&w.log, nil))}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if w.service, err = natsservice.New(natstest.Connect(t, server), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.service.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// ask sends a request, and returns the answer or the error's code and text.
func (w *world) ask(endpoint, request string) (answer []byte, code, text string) {
	w.t.Helper()
	m, err := w.nc.Request(protocol.Subjects{}.Service(endpoint), []byte(request), 10*time.Second)
	if err != nil {
		w.t.Fatalf("%s %.80s: %v", endpoint, request, err)
	}
	return m.Data, m.Header.Get(micro.ErrorCodeHeader), m.Header.Get(micro.ErrorHeader)
}

// answer is ask for what succeeds.
func answer[A any](w *world, endpoint string, request any) A {
	w.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		w.t.Fatal(err)
	}
	data, code, text := w.ask(endpoint, string(body))
	if code != "" {
		w.t.Fatalf("%s %.80s: %s: %s", endpoint, body, code, text)
	}
	var a A
	if err := json.Unmarshal(data, &a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// start stores a start, and returns its sequence.
func (w *world) start(id string, input []byte) uint64 {
	w.t.Helper()
	subjects, p := protocol.Subjects{}, protocol.Partition(id, partitions)
	h := protocol.Header{}
	h.Set(protocol.HeaderDefinition, "order")
	h.Set(protocol.HeaderVersion, "1")
	h.Set(protocol.HeaderExpectedSequence, "0")
	h.Set(protocol.HeaderExpectedSubject, subjects.Chain(p, id))
	return w.publish(subjects.Start(p, id), h, input)
}

func (w *world) publish(subject string, h protocol.Header, body []byte) uint64 {
	w.t.Helper()
	sequence, err := w.journal.Publish(w.t.Context(), subject, h, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return sequence
}

func TestHostileRequestsAreToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o", nil)
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for _, test := range []struct{ endpoint, request, code, text string }{
		{"get", ``, "invalid", "id is empty"},
		{"get", `{"id":"*"}`, "invalid", "at byte 0"},
		{"get", `{"id":">"}`, "invalid", "at byte 0"},
		{"get", `{"id":"a.b"}`, "invalid", "at byte 1"},
		{"get", `{"id":"a\u0000"}`, "invalid", "at byte 1"},
		{"get", `{"id":"a\r\nPUB"}`, "invalid", "at byte 1"},
		{"get", `{"id":"` + strings.Repeat("a", 5000) + `"}`, "invalid", "5000 bytes"},
		{"get", `{"id":"o"`, "invalid", "cut short"},
		{"get", `{"id":"o"}{"id":"p"}`, "invalid", "malformed"},
		{"get", deep, "invalid", "nested deeper"},
		{"get", `{"id":"o","id":"p"}`, "invalid", "twice"},
		{"get", `{"id":1}`, "invalid", "cannot unmarshal"},
		{"get", `{"id":"o","at_least":-1}`, "invalid", "cannot unmarshal"},
		{"get", `{"id":"o","at_least":1e400}`, "invalid", "cannot unmarshal"},
		{"get", "{\"id\":\"\xff\"}", "invalid", "UTF-8"},
		{"get", `[]`, "invalid", "no object"},
		{"get", `{"id":"ghost"}`, "not-found", ""},
		{"history", `{"id":"*"}`, "invalid", "at byte 0"},
		{"history", `{"id":"o","limit":2001}`, "invalid", "between 1 and 2000"},
		{"history", `{"id":"o","limit":-1}`, "invalid", "between 1 and 2000"},
		{"history", `{"id":"ghost"}`, "not-found", ""},
		{"list", `null`, "invalid", "no object"},
		{"list", `{"limit":1001}`, "invalid", "between 1 and 1000"},
		{"list", `{"limit":-1}`, "invalid", "between 1 and 1000"},
		{"list", `{"limit":99999999999999999999}`, "invalid", "cannot unmarshal"},
		{"list", `{"statuses":["done"]}`, "invalid", "none of running"},
		{"list", `{"definition":"a|b"}`, "invalid", "at byte 1"},
		{"list", `{"tag":"key"}`, "invalid", "key=value"},
		{"list", `{"tag":"k=` + strings.Repeat("v", 300) + `"}`, "invalid", "key=value"},
		{"list", `{"after":{"id":"*"}}`, "invalid", "cursor"},
		{"list", `{"version":-1}`, "invalid", "negative"},
		{"list", `{"from":"yesterday"}`, "invalid", "parsing time"},
		{"list", `{"from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z"}`, "invalid", "empty"},
		{"list", `{"status":"stuck"}`, "invalid", "unknown field"},
		{"definitions", `{"after":"nobody"}`, "invalid", "no definition"},
	} {
		data, code, text := w.ask(test.endpoint, test.request)
		if code != test.code || !strings.Contains(text, test.text) || len(text) > 1100 || strings.ContainsAny(text, "\r\n\x00\x1b") {
			t.Errorf("%s %.60s: got %q %q %.100s, want %q %q", test.endpoint, test.request, code, text, data, test.code, test.text)
		}
	}
	if got := answer[orchestrator.GetAnswer](w, "get", orchestrator.GetRequest{ID: "o", AtLeast: 1 << 62}); got.Saga.ID != "o" {
		t.Errorf("a sequence that nobody has: got %+v", got)
	}
}

// Somebody else's sequence must not make the service wait for what no history
// of the saga will ever contain.
func TestGetDoesNotWaitForAnotherSagasMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o", nil)
	p := protocol.Partition("o", partitions)
	other := w.publish(protocol.Subjects{}.Canary(p), protocol.Header{}, nil)
	began := time.Now()
	if got := answer[orchestrator.GetAnswer](w, "get", orchestrator.GetRequest{ID: "o", AtLeast: other}); got.Saga.ID != "o" || time.Since(began) > 3*time.Second {
		t.Errorf("got %+v after %v", got, time.Since(began))
	}
}

func TestAnswersComeFromAReplicaThatHasCaughtUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.start("o", []byte(`{}`))
	w.journal.LagNext(1)
	if got := answer[orchestrator.GetAnswer](w, "get", orchestrator.GetRequest{ID: "o"}); got.Saga.Run != run || got.Pending != 1 {
		t.Errorf("got %+v", got)
	}
	w.journal.LagNext(1)
	if got := answer[orchestrator.HistoryAnswer](w, "history", orchestrator.HistoryRequest{ID: "o"}); len(got.Messages) != 1 || got.Messages[0].Sequence != run {
		t.Errorf("got %+v", got)
	}
}

func TestAnswersFitIntoAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	big := []byte(`"` + strings.Repeat("x", 400_000) + `"`)
	w.start("o", big)
	subjects, p := protocol.Subjects{}, protocol.Partition("o", partitions)
	for n := range 5 {
		h := protocol.Header{}
		h.Set(protocol.HeaderName, "n")
		w.publish(subjects.Signal(p, "o", fmt.Sprint("s-", n)), h, big)
	}
	var bodies int
	r := orchestrator.HistoryRequest{ID: "o", Payloads: true}
	for pages := 1; ; pages++ {
		a := answer[orchestrator.HistoryAnswer](w, "history", r)
		for _, m := range a.Messages {
			if !bytes.Equal(m.Body, big) || m.Bytes != len(big) || m.Omitted {
				t.Errorf("message %d: %d of %d bytes", m.Sequence, len(m.Body), m.Bytes)
			}
			bodies++
		}
		if a.Next == 0 {
			break
		}
		if r.From = a.Next; pages > 10 {
			t.Fatal("the pages do not end")
		}
	}
	if bodies != 6 {
		t.Errorf("%d messages, want 6", bodies)
	}
	if got := answer[orchestrator.GetAnswer](w, "get", orchestrator.GetRequest{ID: "o", Payloads: true}); got.Omitted || !bytes.Equal(got.Saga.Input, big) {
		t.Errorf("omitted %t, %d bytes of input", got.Omitted, len(got.Saga.Input))
	}
}

func TestPayloadsThatDoNotFitAreLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o", bytes.Repeat([]byte("x"), 900_000)) // over the protocol's bound, as another client may send
	if got := answer[orchestrator.GetAnswer](w, "get", orchestrator.GetRequest{ID: "o", Payloads: true}); !got.Omitted || got.Saga.Input != nil {
		t.Errorf("omitted %t, %d bytes of input", got.Omitted, len(got.Saga.Input))
	}
	got := answer[orchestrator.HistoryAnswer](w, "history", orchestrator.HistoryRequest{ID: "o", Payloads: true})
	if m := got.Messages[0]; !m.Omitted || m.Body != nil || m.Bytes != 900_000 {
		t.Errorf("omitted %t, %d of %d bytes", m.Omitted, len(m.Body), m.Bytes)
	}
}

// panicking is a view with a bug.
type panicking struct{ orchestrator.View }

func (panicking) Partition(int) orchestrator.PartitionView { panic("a bug") }

func TestAPanicIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *natsservice.Config) { c.View = panicking{c.View} })
	for range 3 {
		if _, code, text := w.ask("partitions", ""); code != "unavailable" || !strings.Contains(text, "panic") {
			t.Errorf("got %q %q", code, text)
		}
	}
	if err := w.service.Stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(w.log.String(), "a bug") {
		t.Error("the log does not say what panicked")
	}
}

func TestAViewThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o", nil)
	w.view.Fail(errors.New("connection refused\r\n"))
	if _, code, text := w.ask("list", ""); code != "unavailable" || !strings.Contains(text, "connection refused") {
		t.Errorf("got %q %q", code, text)
	}
	counts := answer[orchestrator.PartitionsAnswer](w, "partitions", struct{}{})
	if p := counts.Partitions[protocol.Partition("o", partitions)]; p.Last != 1 || !strings.Contains(p.Problem, "connection refused") {
		t.Errorf("got %+v", p)
	}
	if got := answer[orchestrator.GetAnswer](w, "get", orchestrator.GetRequest{ID: "o"}); got.Saga.ID != "o" {
		t.Error("one saga is answered from the journal alone")
	}
}

// held is a view that answers when it is let go.
type held struct {
	orchestrator.View
	entered, release chan struct{}
}

func (h held) Partition(p int) orchestrator.PartitionView {
	return heldPartition{h.View.Partition(p), h}
}

type heldPartition struct {
	orchestrator.PartitionView
	held
}

func (p heldPartition) List(ctx context.Context, q orchestrator.Query) (orchestrator.Page, error) {
	p.entered <- struct{}{}
	<-p.release
	return p.PartitionView.List(ctx, q)
}

func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	h := held{entered: make(chan struct{}), release: make(chan struct{})}
	w := newWorld(t, func(c *natsservice.Config) { h.View = c.View; c.View = h })
	answered := make(chan error, 1)
	go func() {
		_, err := w.nc.Request(protocol.Subjects{}.Service("list"), nil, 10*time.Second)
		answered <- err
	}()
	for range partitions {
		<-h.entered
	}
	stopped := make(chan error, 1)
	go func() { stopped <- w.service.Stop() }()
	select {
	case err := <-stopped:
		t.Errorf("it stopped with a request under way: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(h.release)
	if err := errors.Join(<-answered, <-stopped); err != nil {
		t.Error(err)
	}
	if _, err := w.nc.Request(protocol.Subjects{}.Service("list"), nil, 10*time.Second); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("after the stop: got %v", err)
	}
}
