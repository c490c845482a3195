package endtoend_test

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

type order struct {
	ID    string `json:"id"`
	Units int    `json:"units"`
}

type (
	request struct {
		Order string `json:"order"`
		Units int    `json:"units"`
	}
	receipt struct {
		Number string `json:"number"`
	}
)

var (
	reserve = protocol.NewAction[request, receipt]("inventory", "reserve")
	release = protocol.NewAction[request, protocol.None]("inventory", "release")
	charge  = protocol.NewAction[request, receipt]("payment", "charge")
	refund  = protocol.NewAction[request, protocol.None]("payment", "refund")
	ship    = protocol.NewAction[request, receipt]("shipping", "ship")
	recall  = protocol.NewAction[request, protocol.None]("shipping", "recall")
)

func requestOf(o order) request { return request{o.ID, o.Units} }

func undoOf(a protocol.Action[request, protocol.None]) sagas.UndoOf[order, receipt] {
	return sagas.By(a, func(o order, _ *receipt) request { return requestOf(o) })
}

var placeOrder = sagas.Define("place-order", 1,
	sagas.Step("reserve", reserve, requestOf, nil).UndoneBy(undoOf(release)),
	sagas.Step("charge", charge, requestOf, nil).UndoneBy(undoOf(refund)),
	sagas.Step("ship", ship, requestOf, nil).UndoneBy(undoOf(recall)),
)

// A world is the whole system. Orders of 13 units are refused by shipping.
type world struct {
	t     testing.TB
	nats  *server.Server
	redis string
	group sync.WaitGroup
	nc    *nats.Conn
	rdb   redis.UniversalClient
}

func newWorld(t testing.TB, partitions int) *world {
	t.Helper()
	w := &world{t: t, nats: natstest.Start(t), redis: redistest.Start(t)}
	w.nc = natstest.Connect(t, w.nats)
	var err error
	if w.rdb, err = redisview.Connect("redis://" + w.redis); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.rdb.Close() })
	if _, err := natsjournal.Open(context.Background(), w.nc, natsjournal.WithCreate(partitions, 1)); err != nil {
		t.Fatal(err)
	}
	return w
}

// quiet is a log that nobody reads.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// orchestrate starts an orchestrator on connections of its own; stop ends it.
func (w *world) orchestrate(name string) (o *orchestrator.Orchestrator, stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	journal, err := natsjournal.Open(ctx, natstest.Connect(w.t, w.nats))
	if err != nil {
		w.t.Fatal(err)
	}
	view, err := redisview.Open(ctx, w.rdb)
	if err != nil {
		w.t.Fatal(err)
	}
	o, err = orchestrator.New(orchestrator.Config{
		Journal: journal, View: view, Name: name, Log: quiet(), Definitions: []sagas.Definition{placeOrder.Definition},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := o.Run(ctx); err != nil {
			w.t.Errorf("orchestrator %s: %v", name, err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(stop)
	return o, stop
}

// serve starts the three participants.
func (w *world) serve() {
	w.t.Helper()
	answer := func(_ context.Context, r request) (receipt, error) { return receipt{"r-" + r.Order}, nil }
	undo := func(context.Context, request) error { return nil }
	inventory := participants.New(natstest.Connect(w.t, w.nats), "inventory", participants.WithLogger(quiet()), participants.WithConcurrency(1024))
	participants.Handle(inventory, reserve, answer)
	participants.Handle(inventory, release, participants.Undo(undo))
	payment := participants.New(natstest.Connect(w.t, w.nats), "payment", participants.WithLogger(quiet()), participants.WithConcurrency(1024))
	participants.Handle(payment, charge, answer)
	participants.Handle(payment, refund, participants.Undo(undo))
	shipping := participants.New(natstest.Connect(w.t, w.nats), "shipping", participants.WithLogger(quiet()), participants.WithConcurrency(1024))
	participants.Handle(shipping, ship, func(ctx context.Context, r request) (receipt, error) {
		if r.Units == 13 {
			return receipt{}, participants.Refuse(errTooLarge)
		}
		return answer(ctx, r)
	})
	participants.Handle(shipping, recall, participants.Undo(undo))
	ctx, cancel := context.WithCancel(context.Background())
	for _, p := range []*participants.Participant{inventory, payment, shipping} {
		w.group.Go(func() {
			if err := p.Run(ctx); err != nil {
				w.t.Errorf("participant: %v", err)
			}
		})
	}
	w.t.Cleanup(func() { cancel(); w.group.Wait() })
}

func (w *world) client() *client.Client {
	w.t.Helper()
	c, err := client.New(natstest.Connect(w.t, w.nats))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}
