package console_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/console"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type order struct {
	Units int `json:"units"`
}

type receipt struct {
	Number string `json:"number"`
}

var (
	reserve = protocol.NewAction[order, receipt]("inventory", "reserve")
	release = protocol.NewAction[order, protocol.None]("inventory", "release")
	charge  = protocol.NewAction[order, receipt]("payment", "charge")
	refund  = protocol.NewAction[order, protocol.None]("payment", "refund")
	ship    = protocol.NewAction[order, receipt]("shipping", "ship")
)

func same(o order) order { return o }

// Orders of refused units are refused by shipping; of those of stuck units the
// refund fails, too, until the world says otherwise.
const (
	refusedUnits = 13
	stuckUnits   = 66
)

var placeOrder = sagas.Define("place-order", 1,
	sagas.Step("reserve", reserve, same, nil).UndoneBy(sagas.By(release, func(o order, _ *receipt) order { return o })),
	sagas.Step("charge", charge, same, nil).UndoneBy(sagas.By(refund, func(o order, _ *receipt) order { return o }).Retry(sagas.Once())),
	sagas.Step("ship", ship, same, nil).Pivot(),
)

// A world is an orchestrator with its participants over a real NATS server, and
// a console.
type world struct {
	t       testing.TB
	nats    *server.Server
	journal *natsjournal.Journal
	view    *inmem.View
	client  *client.Client
	verbs   *verbs.Verbs
	console *console.Console
	http    *httptest.Server
	stop    func() // of the orchestrator

	refunds atomic.Bool // succeed
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func newWorld(t testing.TB, change ...func(*console.Config)) *world {
	t.Helper()
	w := &world{t: t, nats: natstest.Start(t), view: inmem.NewView()}
	nc := natstest.Connect(t, w.nats)
	var err error
	if w.journal, err = natsjournal.Open(t.Context(), nc, natsjournal.WithCreate(2, 1)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.journal.Close)
	w.participate()
	w.orchestrate()
	w.serve(change...)
	return w
}

// participate starts the three participants.
func (w *world) participate() {
	w.t.Helper()
	undo := func(context.Context, order) error { return nil }
	done := func(context.Context, order) (receipt, error) { return receipt{"r-1"}, nil }
	participant := func(name string) *participants.Participant {
		return participants.New(natstest.Connect(w.t, w.nats), name, participants.WithLogger(quiet()))
	}
	inventory, payment, shipping := participant("inventory"), participant("payment"), participant("shipping")
	participants.Handle(inventory, reserve, done)
	participants.Handle(inventory, release, participants.Undo(undo))
	participants.Handle(payment, charge, done)
	participants.Handle(payment, refund, participants.Undo(func(_ context.Context, o order) error {
		if o.Units == stuckUnits && !w.refunds.Load() {
			return errors.New("gateway closed, code 4711")
		}
		return nil
	}))
	participants.Handle(shipping, ship, func(ctx context.Context, o order) (receipt, error) {
		if o.Units == refusedUnits || o.Units == stuckUnits {
			return receipt{}, participants.Refuse(errors.New("the parcel is too large"))
		}
		return done(ctx, o)
	})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, p := range []*participants.Participant{inventory, payment, shipping} {
		group.Go(func() {
			if err := p.Run(ctx); err != nil {
				w.t.Errorf("participant %s: %v", p.Name(), err)
			}
		})
	}
	w.t.Cleanup(func() { cancel(); group.Wait() })
}

// orchestrate starts an orchestrator of its own connection; w.stop ends it.
func (w *world) orchestrate() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	nc := natstest.Connect(w.t, w.nats)
	journal, err := natsjournal.Open(ctx, nc)
	if err != nil {
		w.t.Fatal(err)
	}
	o, err := orchestrator.New(orchestrator.Config{
		Journal: journal, View: w.view, Log: quiet(), Definitions: []sagas.Definition{placeOrder.Definition},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := client.New(nc)
	if err != nil {
		w.t.Fatal(err)
	}
	v := verbs.New(verbs.Config{Journal: journal, View: w.view, Sagas: c.Sagas(), Fleet: c, Log: quiet(), Name: "member"})
	service, err := natsservice.New(nc, natsservice.Config{Journal: journal, View: w.view, Orchestrator: o, Verbs: v, Log: quiet()})
	if err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := errors.Join(o.Run(ctx), service.Stop()); err != nil {
			w.t.Error(err)
		}
		v.Close()
		c.Close()
		journal.Close()
	}()
	w.stop = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(w.stop)
}

// serve starts a console in a process of its own, as it were.
func (w *world) serve(change ...func(*console.Config)) {
	w.t.Helper()
	var err error
	if w.client, err = client.New(natstest.Connect(w.t, w.nats, nats.Name("console"))); err != nil {
		w.t.Fatal(err)
	}
	c := w.client
	v := verbs.New(verbs.Config{Journal: w.journal, View: w.view, Sagas: c.Sagas(), Fleet: c, Log: quiet(), Name: "console",
		Durability: func(context.Context) (verbs.Durability, error) {
			return verbs.Durability{Partitions: 2, Replicas: 1}, nil
		}})
	cfg := console.Config{Verbs: v, Feed: c, Log: quiet()}
	for _, f := range change {
		f(&cfg)
	}
	if w.console, err = console.New(cfg); err != nil {
		w.t.Fatal(err)
	}
	w.verbs = v
	w.http = httptest.NewUnstartedServer(w.console)
	w.http.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateNew { // so that who does not read is noticed soon
			_ = conn.(*net.TCPConn).SetWriteBuffer(4096)
		}
	}
	w.http.Start()
	console, server := w.console, w.http // a world may come to have others
	w.t.Cleanup(func() {
		console.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		server.Close()
		v.Close()
		c.Close()
	})
}

// start starts an order, and returns its id.
func (w *world) start(id string, units int) string {
	w.t.Helper()
	if _, err := client.Start(w.t.Context(), w.client, placeOrder, order{units}, client.ID(id), client.Tag("customer", "ann")); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// patience is for a machine that does a lot else: no test waits for its end.
const patience = time.Minute

// until asks again and again until ok, and leaves what it waits for the time
// to happen. At the end of its patience it fails with what ok says it got.
func (w *world) until(what string, ok func() (got any, ok bool)) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		got, done := ok()
		if done {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain until %s: %+v", what, got)
		}
	}
}

// ended waits until a saga is over or stuck.
func (w *world) ended(id string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	s, err := w.client.Saga(ctx, id)
	if err == nil {
		_, err = s.Wait(ctx, client.StatusOnly())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// get asks for a path below the API's prefix.
func (w *world) get(path string) (int, string) {
	w.t.Helper()
	return w.do(http.MethodGet, path, "", nil)
}

func (w *world) post(path, body string) (int, string) {
	w.t.Helper()
	return w.do(http.MethodPost, path, body, map[string]string{"Content-Type": "application/json"})
}

func (w *world) do(method, path, body string, header map[string]string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.http.URL+console.Prefix+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for key, value := range header {
		r.Header.Set(key, value)
	}
	response, err := w.http.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func draft(subject string, h protocol.Header) orchestrator.Draft {
	return orchestrator.Draft{Subject: subject, Header: h, Chain: subject}
}
