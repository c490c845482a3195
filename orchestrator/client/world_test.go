package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An order is the data of the toy saga. Refuse names the step whose participant
// says no, Hold the one whose participant waits until the test lets it go.
type order struct {
	ID          string `json:"id"`
	Refuse      string `json:"refuse,omitempty"`
	Hold        string `json:"hold,omitempty"`
	Fill        string `json:"fill,omitempty"` // what an answer has to carry, too
	Reservation string `json:"-"`
}

type task struct {
	Step  string
	Order order
}

type reservation struct{ Number string }

var (
	reserve = protocol.NewAction[task, reservation]("inventory", "reserve")
	release = protocol.NewAction[task, protocol.None]("inventory", "release")
	ship    = protocol.NewAction[task, protocol.None]("shipping", "ship")
	confirm = protocol.NewAction[task, protocol.None]("shipping", "confirm")

	placeOrder = sagas.Define("place-order", 1,
		sagas.Step("reserve", reserve, taskOf("reserve"), func(o *order, r reservation) { o.Reservation = r.Number }).
			UndoneBy(sagas.By(release, func(o order, _ *reservation) task { return task{"release", o} })),
		sagas.Step("ship", ship, taskOf("ship"), nil).Pivot(),
		sagas.Step("confirm", confirm, taskOf("confirm"), nil),
	).Check(func(o order) error {
		if o.ID == "" {
			return errors.New("an order has an id")
		}
		return nil
	})
)

func definitions() []sagas.Definition { return []sagas.Definition{placeOrder.Definition} }

func taskOf(step string) func(order) task { return func(o order) task { return task{step, o} } }

// A world is a server with a journal, orchestrators with their service, and
// participants.
type world struct {
	t       testing.TB
	server  *server.Server
	journal *natsjournal.Journal
	view    *inmem.View
	log     *slog.Logger

	mu   sync.Mutex
	held map[string]chan struct{} // by order/step
}

func newWorld(t testing.TB, options ...natstest.Option) *world {
	t.Helper()
	w := &world{t: t, server: natstest.Start(t, options...), view: inmem.NewView(), held: make(map[string]chan struct{})}
	var log bytes.Buffer
	w.log = slog.New(slog.NewTextHandler(&locked{w: &log}, nil))
	w.journal = w.open(natsjournal.WithCreate(4, 1), natsjournal.WithLeaseTTL(10*time.Second))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("\n" + log.String())
		}
	})
	return w
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// conn is a connection of the system's own, with all rights.
func (w *world) conn() *nats.Conn {
	return natstest.Connect(w.t, w.server, nats.UserInfo("system", "secret"))
}

func (w *world) open(options ...natsjournal.Option) *natsjournal.Journal {
	w.t.Helper()
	j, err := natsjournal.Open(w.t.Context(), w.conn(), options...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(j.Close)
	return j
}

// serve runs an orchestrator with its service until the test ends, or stop.
func (w *world) serve(name string, change ...func(*orchestrator.Config)) (o *orchestrator.Orchestrator, stop func()) {
	w.t.Helper()
	nc := w.conn()
	j, err := natsjournal.Open(w.t.Context(), nc)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := orchestrator.Config{Journal: j, View: w.view, Definitions: definitions(), Name: name, Log: w.log.With("member", name)}
	for _, f := range change {
		f(&cfg)
	}
	if o, err = orchestrator.New(cfg); err != nil {
		w.t.Fatal(err)
	}
	s, err := natsservice.New(nc, natsservice.Config{Journal: j, View: w.view, Orchestrator: o, Log: cfg.Log})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := o.Run(ctx); err != nil {
			w.t.Errorf("orchestrator %s: %v", name, err)
		}
		if err := s.Stop(); err != nil {
			w.t.Errorf("service of %s: %v", name, err)
		}
		j.Close()
		nc.Close()
	}()
	stop = func() { cancel(); <-done }
	w.t.Cleanup(stop)
	return o, stop
}

// participate runs both participants until the test ends.
func (w *world) participate() {
	inventory := participants.New(w.conn(), "inventory", participants.WithLogger(w.log))
	participants.Handle(inventory, reserve, func(ctx context.Context, t task) (reservation, error) {
		return reservation{"r-" + t.Order.ID + t.Order.Fill}, w.carryOut(ctx, t)
	})
	participants.Handle(inventory, release, participants.Undo(w.carryOut))
	shipping := participants.New(w.conn(), "shipping", participants.WithLogger(w.log))
	carryOut := func(ctx context.Context, t task) (protocol.None, error) { return protocol.None{}, w.carryOut(ctx, t) }
	participants.Handle(shipping, ship, carryOut)
	participants.Handle(shipping, confirm, carryOut)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, p := range []*participants.Participant{inventory, shipping} {
		group.Go(func() {
			if err := p.Run(ctx); err != nil {
				w.t.Errorf("participant %s: %v", p.Name(), err)
			}
		})
	}
	w.t.Cleanup(func() { cancel(); group.Wait() })
}

func (w *world) carryOut(ctx context.Context, t task) error {
	if t.Order.Refuse == t.Step {
		return participants.Refuse(fmt.Errorf("no %s for %s", t.Step, t.Order.ID))
	}
	if t.Order.Hold == t.Step {
		select {
		case <-w.gate(t.Order.ID, t.Step):
		case <-ctx.Done():
			return participants.InDoubt(ctx.Err())
		}
	}
	return nil
}

func (w *world) gate(id, step string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := id + "/" + step
	if w.held[key] == nil {
		w.held[key] = make(chan struct{})
	}
	return w.held[key]
}

// letGo lets a held step be carried out.
func (w *world) letGo(id, step string) { close(w.gate(id, step)) }

// client returns a client with a connection of its own.
func (w *world) client(options ...client.Option) *client.Client {
	return w.clientOn(w.conn(), options...)
}

func (w *world) clientOn(nc *nats.Conn, options ...client.Option) *client.Client {
	w.t.Helper()
	c, err := client.New(nc, options...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// knows waits until c, whose requests may have little time, knows the journal.
func (w *world) knows(c *client.Client) {
	w.t.Helper()
	w.until("the client knows the journal", func() bool {
		_, err := c.Partitions(w.t.Context())
		return err == nil
	})
}

// messages are the stored messages about a saga, as the journal has them.
func (w *world) messages(id string) []orchestrator.Message {
	w.t.Helper()
	list, err := w.journal.Partition(protocol.Partition(id, 4)).History(context.Background(), id, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// patience is for a machine that does a lot else: no test waits for its end.
const patience = time.Minute

// until polls ok until it holds.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// requested waits until a step of a saga was requested.
func (w *world) requested(id, step string) {
	w.t.Helper()
	w.until(step+" of "+id+" is requested", func() bool {
		r, err := orchestrator.Load(context.Background(), w.journal.Partition(protocol.Partition(id, 4)), id, 0, 4, nil)
		return err == nil && r.State.Step(step) != nil
	})
}

// A wire is a way to the server that a test can break.
type wire struct {
	mu      sync.Mutex
	deaf    bool // what comes next is lost, and with it the connection
	severed bool // nobody gets through
}

func (l *wire) set(f func(*wire)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

// Dial implements nats.CustomDialer.
func (l *wire) Dial(network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.severed {
		return nil, errors.New("severed")
	}
	c, err := net.Dial(network, address)
	return &wired{c, l}, err
}

type wired struct {
	net.Conn
	wire *wire
}

func (c *wired) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	if c.wire.deaf && err == nil {
		c.wire.deaf = false
		c.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func isNotFound(err error) bool { return errors.Is(err, client.ErrNotFound) }

func isNoOrchestrator(err error) bool { return errors.Is(err, client.ErrNoOrchestrator) }
