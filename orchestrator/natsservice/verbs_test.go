package natsservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// writer takes down what it is asked to write.
type writer struct{ asked []string }

func (w *writer) Start(_ context.Context, r verbs.StartRequest) (verbs.Started, error) {
	w.asked = append(w.asked, "start "+r.ID+" "+string(r.Input))
	return verbs.Started{ID: r.ID, Run: 7}, nil
}

func (w *writer) Control(_ context.Context, id string, r verbs.ControlRequest) (verbs.Decision, error) {
	w.asked = append(w.asked, r.Action+" "+id+" by "+r.Who+": "+r.Reason)
	if r.Action == "resume" {
		return verbs.Decision{Request: "r", Asked: 8, Decided: 9, Refused: "it is not suspended"}, nil
	}
	return verbs.Decision{Request: "r", Asked: 8, Decided: 9, Obeyed: true}, nil
}

func (w *writer) Signal(context.Context, string, verbs.SignalRequest) (verbs.Decision, error) {
	return verbs.Decision{}, &verbs.Failure{Code: orchestrator.CodeOver, Err: errors.New("the saga is over")}
}

// Nobody decides: whoever asks for something waits until its time is over.
type undecided struct {
	verbs.Sagas
	waiting sync.WaitGroup
}

func (u *undecided) Control(ctx context.Context, _ string, _ verbs.ControlRequest) (verbs.Decision, error) {
	u.waiting.Done()
	<-ctx.Done()
	return verbs.Decision{}, ctx.Err()
}

// While the partitions change hands many wait for decisions; who looks gets an
// answer all the same.
func TestThoseWhoWaitForDecisionsHoldNobodyElseUp(t *testing.T) {
	t.Parallel()
	const many = 64
	u := &undecided{}
	u.waiting.Add(many)
	w := newWorld(t, func(c *natsservice.Config) {
		c.Verbs = verbs.New(verbs.Config{Journal: c.Journal, View: c.View, Sagas: u})
		t.Cleanup(c.Verbs.Close)
	})
	w.start("o", nil)
	subject := protocol.Subjects{}.Service(verbs.EndpointControl)
	for range many {
		if err := w.nc.PublishRequest(subject, w.nc.NewInbox(), []byte(`{"id":"o","action":"suspend"}`)); err != nil {
			t.Fatal(err)
		}
	}
	u.waiting.Wait()
	began := time.Now()
	answer[orchestrator.GetAnswer](w, orchestrator.EndpointGet, orchestrator.GetRequest{ID: "o"})
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("whoever looks waited %v for those who wait", took)
	}
}

// Whoever has NATS needs no HTTP: the same verbs, with the same codes.
func TestTheVerbsAreAnsweredOverNATS(t *testing.T) {
	t.Parallel()
	wrote := &writer{}
	w := newWorld(t, func(c *natsservice.Config) {
		c.Verbs = verbs.New(verbs.Config{Journal: c.Journal, View: c.View, Sagas: wrote, Name: "here"})
		t.Cleanup(c.Verbs.Close)
	})
	run := w.start("o", []byte(`{"n":1}`))
	if got := answer[verbs.Saga](w, verbs.EndpointSaga, verbs.SagaRequest{ID: "o"}); got.Run != run || got.Status != "absent" || got.Input == nil {
		t.Errorf("got %+v", got)
	}
	if got := answer[verbs.Trace](w, verbs.EndpointSteps, verbs.SagaRequest{ID: "o"}); got.Messages != 1 || got.First != run {
		t.Errorf("got %+v", got)
	}
	if got := answer[verbs.Diff](w, verbs.EndpointDiff, verbs.DiffRequest{ID: "o"}); got.To != run || len(got.Changes) == 0 {
		t.Errorf("got %+v", got)
	}
	if got := answer[verbs.Plan](w, verbs.EndpointPlan, verbs.SagaRequest{ID: "o"}); !strings.Contains(got.Forward.Needs, "not registered") {
		t.Errorf("got %+v", got)
	}
	if got := answer[verbs.Audit](w, verbs.EndpointAudit, orchestrator.AuditQuery{ID: "o"}); got.Requests == nil || len(got.Requests) != 0 || got.Next != nil {
		t.Errorf("got %+v", got)
	}
	if got := answer[verbs.Started](w, verbs.EndpointStart, verbs.StartRequest{Definition: "order", Version: 1, ID: "p"}); got.Run != 7 {
		t.Errorf("got %+v", got)
	}
	request := verbs.NamedControl{ID: "o", ControlRequest: verbs.ControlRequest{What: verbs.What{Action: "cancel", Reason: "a mistake", Who: "ann"}}}
	if got := answer[verbs.Decision](w, verbs.EndpointControl, request); !got.Obeyed {
		t.Errorf("got %+v", got)
	}
	data, code, _ := w.ask(verbs.EndpointControl, `{"id":"o","action":"resume"}`)
	var refused verbs.Decision
	if err := json.Unmarshal(data, &refused); err != nil || code != orchestrator.CodeRefused || refused.Refused != "it is not suspended" {
		t.Errorf("got %q %s: %v", code, data, err)
	}
	if _, code, _ := w.ask(verbs.EndpointSignal, `{"id":"o","name":"paid"}`); code != orchestrator.CodeOver {
		t.Errorf("got %q", code)
	}
	for endpoint, hostile := range map[string]string{
		verbs.EndpointSaga: `{"id":"*"}`, verbs.EndpointStart: `{"definition":">"}`, verbs.EndpointControl: `{"id":"o","action":"delete"}`,
		verbs.EndpointAudit: `{"verb":"delete"}`,
		verbs.EndpointBulk:  `{"action":"cancel","filter":{"status":"stuck"}}`, verbs.EndpointDiff: `{"id":"o","from":9,"to":1}`,
	} {
		if _, code, text := w.ask(endpoint, hostile); code != orchestrator.CodeInvalid {
			t.Errorf("%s %s: got %q %q", endpoint, hostile, code, text)
		}
	}
	began := answer[verbs.BulkAnswer](w, verbs.EndpointBulk, verbs.BulkRequest{What: verbs.What{Action: "suspend"}, ID: "b"})
	if began.Bulk == nil || began.Bulk.Member != "here" {
		t.Errorf("got %+v", began)
	}
	if got := answer[verbs.BulksAnswer](w, verbs.EndpointStopBulk, verbs.BulkRef{ID: "b"}); len(got.Bulks) != 1 || got.Bulks[0].ID != "b" {
		t.Errorf("got %+v", got)
	}
	if want := "start p {},cancel o by ann: a mistake,resume o by anonymous: "; strings.Join(wrote.asked, ",") != want {
		t.Errorf("asked for %q, want %q", wrote.asked, want)
	}
}

func TestAServiceWithoutAWriterOnlyReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, endpoint := range []string{verbs.EndpointStart, verbs.EndpointControl, verbs.EndpointSignal, verbs.EndpointBulk} {
		m, err := w.nc.Request("amends.orchestrator.saga."+endpoint, []byte(`{}`), 5e9)
		if err != nil || m.Header.Get(micro.ErrorCodeHeader) != orchestrator.CodeUnavailable {
			t.Errorf("%s: got %v %v", endpoint, m, err)
		}
	}
}

// What counts requests runs beside what answers them, and statistics hold it
// up: the race detector sees whatever they share.
func TestRefusalsShareNothingWithWhatCountsThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const requests = 300
	inbox := w.nc.NewInbox()
	answers, err := w.nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	for range requests {
		if err := w.nc.PublishRequest(protocol.Subjects{}.Service(orchestrator.EndpointGet), inbox, []byte(`{"id":"nobody"}`)); err != nil {
			t.Fatal(err)
		}
		if err := w.nc.PublishRequest("$SRV.STATS", w.nc.NewInbox(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range requests {
		m, err := answers.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if code := m.Header.Get(micro.ErrorCodeHeader); code != orchestrator.CodeNotFound {
			t.Fatalf("got %q: %s", code, m.Header.Get(micro.ErrorHeader))
		}
	}
}
