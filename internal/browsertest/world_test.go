package browsertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/console"
	"github.com/amends-io/amends/orchestrator/console/ui"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// An order says itself what is to become of it, so that each page has
// something to show.
type order struct {
	Customer string `json:"customer"`
	Units    int    `json:"units"`
	Fate     string `json:"fate,omitempty"`
	Note     string `json:"note,omitempty"`
}

type receipt struct {
	Number string `json:"number"`
	Note   string `json:"note,omitempty"`
}

// Fates of an order.
const (
	refusedAtPayment = "refused at payment"
	stuckOnTheWay    = "stuck on the way back"
	slowShipping     = "slow shipping"
	slowPayment      = "slow payment"
	lostLetter       = "lost letter"
	retriedPayment   = "retried payment"
	hostile          = "hostile"
)

// evil is what must stay text wherever it is shown.
const evil = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>${alert(1)}`

func act(participant, name string) protocol.Action[order, receipt] {
	return protocol.NewAction[order, receipt](participant, name)
}

func undo(participant, name string) protocol.Action[order, protocol.None] {
	return protocol.NewAction[order, protocol.None](participant, name)
}

var (
	reserve, release = act("inventory", "reserve"), undo("inventory", "release")
	charge, refund   = act("payment", "charge"), undo("payment", "refund")
	screen           = act("fraud", "screen")
	hold, giveUp     = act("shipping", "hold-slot"), undo("shipping", "give-up-slot")
	ship             = act("shipping", "ship")
	confirm          = act("mail", "confirm")
	flaky            = act("flaky", "try")
	same             = func(o order) order { return o }
	back             = func(o order, _ *receipt) order { return o }
	quick            = sagas.Backoff(3, 20*time.Millisecond)
	placeOrder       = sagas.Define("place-order", 2,
		sagas.Step("reserve-stock", reserve, same, nil).UndoneBy(sagas.By(release, back)),
		sagas.Parallel(
			sagas.Step("charge", charge, same, nil).Retry(quick).UndoneBy(sagas.By(refund, back).Retry(sagas.Backoff(2, 20*time.Millisecond))),
			sagas.Sequence(
				sagas.Step("screen", screen, same, nil).NothingToUndo(),
				sagas.Step("hold-slot", hold, same, nil).UndoneBy(sagas.By(giveUp, back)),
			),
		),
		sagas.Step("ship", ship, same, nil).Pivot(),
		sagas.Step("confirm", confirm, same, nil),
	)
)

// lonely is of a participant that nobody starts.
var lonely = sagas.Define("lonely", 1, sagas.Step("call", act("nobody", "answer"), same, nil).NothingToUndo())

// patient fails, and waits for long before it tries again.
var patient = sagas.Define("patient", 1, sagas.Step("call", act("flaky", "fail"), same, nil).NothingToUndo().Retry(sagas.Backoff(4, time.Hour)))

// long has a history of about 10,000 events.
var long = func() sagas.Typed[order] {
	var parts []sagas.Part[order]
	for i := range 26 {
		parts = append(parts, sagas.Step(fmt.Sprintf("try-%02d", i), flaky, same, nil).NothingToUndo().Retry(sagas.Backoff(100, 10*time.Millisecond).Cap(10*time.Millisecond)))
	}
	return sagas.Define("long", 1, sagas.Parallel(parts...))
}()

// wide has a picture of 123 nodes, which no window shows at once.
var wide = func() sagas.Typed[order] {
	var parts []sagas.Part[order]
	for i := range 60 {
		parts = append(parts, sagas.Step(fmt.Sprintf("step-%02d", i), reserve, same, nil).UndoneBy(sagas.By(release, back)))
	}
	return sagas.Define("wide", 1, parts...)
}()

// A world is everything that runs behind the pages.
type world struct {
	t        testing.TB
	nats     *server.Server
	client   *client.Client
	verbs    *verbs.Verbs
	newVerbs func() *verbs.Verbs // as of a process that has just begun
	url      string

	refunds atomic.Bool   // succeed
	shipped chan struct{} // closed by hurry: what is slow ends
	hurry   func()
	tries   sync.Map // of flaky steps, by step
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// newWorld starts a world whose console is below base.
func newWorld(t testing.TB, base string) *world {
	t.Helper()
	w := &world{t: t, nats: natstest.Start(t), shipped: make(chan struct{})}
	w.hurry = sync.OnceFunc(func() { close(w.shipped) })
	nc := natstest.Connect(t, w.nats)
	journal, err := natsjournal.Open(t.Context(), nc, natsjournal.WithCreate(1, 1))
	must(t, err)
	t.Cleanup(journal.Close)
	view := inmem.NewView()
	w.participate()
	w.orchestrate(view)
	w.client, err = client.New(natstest.Connect(t, w.nats))
	must(t, err)
	w.newVerbs = func() *verbs.Verbs {
		return verbs.New(verbs.Config{Journal: journal, View: view, Sagas: w.client.Sagas(), Fleet: w.client, Log: quiet(), Name: "console",
			Durability: func(context.Context) (verbs.Durability, error) {
				return verbs.Durability{Partitions: 1, Replicas: 1, Server: "2.15.2", Sync: "2m0s"}, nil
			}})
	}
	w.verbs = w.newVerbs()
	t.Cleanup(func() { w.verbs.Close(); w.client.Close() })
	w.serve(base, false)
	return w
}

// serve starts a console, which is the world's from now on.
func (w *world) serve(base string, readOnly bool) {
	w.t.Helper()
	c := w.console(base, readOnly)
	s := httptest.NewServer(c)
	w.url = s.URL + base
	w.t.Cleanup(func() { c.Close(); s.Close() })
}

// console makes a console with its pages, which the caller closes.
func (w *world) console(base string, readOnly bool) *console.Console {
	w.t.Helper()
	c, err := console.New(console.Config{Verbs: w.verbs, Feed: w.client, BasePath: base, ReadOnly: readOnly, Log: quiet()})
	must(w.t, err)
	pages, err := ui.New(ui.Config{Base: base, Version: "test", ReadOnly: readOnly})
	must(w.t, err)
	c.Handle("/", pages)
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) participate() {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	participant := func(name string) *participants.Participant {
		return participants.New(natstest.Connect(w.t, w.nats), name, participants.WithLogger(quiet()))
	}
	inventory, payment, fraud, shipping, mail := participant("inventory"), participant("payment"), participant("fraud"), participant("shipping"), participant("mail")
	flakyOnes := participant("flaky")
	done := func(_ context.Context, o order) (receipt, error) {
		r := receipt{Number: fmt.Sprintf("R-%d", o.Units)}
		if o.Fate == hostile {
			r.Note = evil
		}
		return r, nil
	}
	undone := participants.Undo(func(context.Context, order) error { return nil })
	participants.Handle(inventory, reserve, done)
	participants.Handle(inventory, release, undone)
	participants.Handle(payment, charge, w.charge)
	participants.Handle(payment, refund, participants.Undo(func(_ context.Context, o order) error {
		if o.Fate == stuckOnTheWay && !w.refunds.Load() {
			return fmt.Errorf("gateway closed, code %d", 4711+o.Units)
		}
		return nil
	}))
	participants.Handle(fraud, screen, done)
	participants.Handle(shipping, hold, func(ctx context.Context, o order) (receipt, error) {
		if o.Fate == stuckOnTheWay {
			return receipt{}, participants.Refuse(fmt.Errorf("no slot for %d units", o.Units))
		}
		return done(ctx, o)
	})
	participants.Handle(shipping, giveUp, undone)
	participants.Handle(shipping, ship, func(ctx context.Context, o order) (receipt, error) {
		if o.Fate == slowShipping {
			select {
			case <-w.shipped:
			case <-ctx.Done():
				return receipt{}, ctx.Err()
			}
		}
		return done(ctx, o)
	})
	participants.Handle(mail, confirm, func(ctx context.Context, o order) (receipt, error) {
		if o.Fate == lostLetter {
			return receipt{}, participants.Refuse(errors.New("no such address"))
		}
		return done(ctx, o)
	})
	participants.Handle(flakyOnes, flaky, w.try)
	participants.Handle(flakyOnes, act("flaky", "fail"), func(context.Context, order) (receipt, error) { return receipt{}, errors.New("no line") })
	for _, p := range []*participants.Participant{inventory, payment, fraud, shipping, mail, flakyOnes} {
		group.Go(func() {
			if err := p.Run(ctx); err != nil {
				w.t.Errorf("participant %s: %v", p.Name(), err)
			}
		})
	}
	w.t.Cleanup(func() { w.hurry(); cancel(); group.Wait() })
}

// charge fails as the order says.
func (w *world) charge(ctx context.Context, o order) (receipt, error) {
	switch o.Fate {
	case refusedAtPayment:
		return receipt{}, participants.Refuse(fmt.Errorf("credit limit reached: %d.40 left, %d.50 asked", o.Units, o.Units*4))
	case slowPayment:
		select {
		case <-w.shipped:
		case <-ctx.Done():
			return receipt{}, ctx.Err()
		}
	case hostile:
		return receipt{}, participants.Refuse(errors.New(strings.TrimSpace(evil)))
	case retriedPayment:
		n, _ := w.tries.LoadOrStore(o.Customer, new(atomic.Int64))
		if n.(*atomic.Int64).Add(1) < 3 {
			return receipt{}, errors.New("gateway timeout")
		}
	}
	return receipt{Number: fmt.Sprintf("P-%d", o.Units)}, nil
}

// try succeeds at every hundredth call: by then each of the 26 steps of long
// has failed nearly as often as it may.
func (w *world) try(ctx context.Context, _ order) (receipt, error) {
	n, _ := w.tries.LoadOrStore("long", new(atomic.Int64))
	if n.(*atomic.Int64).Add(1) < 26*97 {
		return receipt{}, errors.New("connection refused")
	}
	return receipt{Number: "R-1"}, nil
}

func (w *world) orchestrate(view orchestrator.View) {
	ctx, cancel := context.WithCancel(context.Background())
	nc := natstest.Connect(w.t, w.nats)
	journal, err := natsjournal.Open(ctx, nc)
	must(w.t, err)
	o, err := orchestrator.New(orchestrator.Config{
		Journal: journal, View: view, Log: quiet(), Name: "member-1",
		Definitions: []sagas.Definition{placeOrder.Definition, long.Definition, lonely.Definition, patient.Definition, wide.Definition},
	})
	must(w.t, err)
	c, err := client.New(nc)
	must(w.t, err)
	v := verbs.New(verbs.Config{Journal: journal, View: view, Sagas: c.Sagas(), Fleet: c, Log: quiet(), Name: "member-1"})
	service, err := natsservice.New(nc, natsservice.Config{Journal: journal, View: view, Orchestrator: o, Verbs: v, Log: quiet(), Version: "test"})
	must(w.t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := errors.Join(o.Run(ctx), service.Stop()); err != nil {
			w.t.Error(err)
		}
		v.Close()
		c.Close()
		journal.Close()
	}()
	w.t.Cleanup(func() { cancel(); <-ended })
}

// start starts an order.
func (w *world) start(id string, o order) {
	w.t.Helper()
	_, err := client.Start(w.t.Context(), w.client, placeOrder, o, client.ID(id), client.Tag("customer", o.Customer))
	must(w.t, err)
}

// settle waits until a saga is over or stuck.
func (w *world) settle(id string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 60*time.Second)
	defer cancel()
	s, err := w.client.Saga(ctx, id)
	if err == nil {
		_, err = s.Wait(ctx, client.StatusOnly())
	}
	if err != nil {
		w.t.Fatalf("%s: %v", id, err)
	}
}

// fill starts a saga of each kind, and waits for what they come to.
func (w *world) fill() {
	w.t.Helper()
	for i := range 12 {
		w.start(fmt.Sprintf("order-%d", 489400+i), order{Customer: "ann", Units: 3 + i})
	}
	w.start("order-back", order{Customer: "bob", Units: 12, Fate: refusedAtPayment})
	w.start("order-back-2", order{Customer: "eve", Units: 15, Fate: refusedAtPayment})
	w.start("order-retried", order{Customer: "cid", Units: 7, Fate: retriedPayment})
	w.start("order-stuck", order{Customer: "dan", Units: 900, Fate: stuckOnTheWay})
	w.start("order-hostile", order{Customer: "<b>mallory</b>", Units: 1, Fate: hostile, Note: evil})
	w.start("order-letter", order{Customer: "hal", Units: 5, Fate: lostLetter})
	w.start("order-slow", order{Customer: "fay", Units: 2, Fate: slowShipping})
	w.start("order-early", order{Customer: "gil", Units: 4, Fate: slowPayment})
	for _, id := range []string{"order-489411", "order-back", "order-back-2", "order-retried", "order-stuck", "order-hostile", "order-letter"} {
		w.settle(id)
	}
}
