package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// never is an interval after which no test waits for a look.
const never = time.Hour

// users lets a test connect as somebody who may not do something.
func users(o *server.Options) {
	deny := func(subjects ...string) *server.SubjectPermission { return &server.SubjectPermission{Deny: subjects} }
	o.Users = []*server.User{
		{Username: "system", Password: "secret"},
		{Username: "deaf", Password: "secret", Permissions: &server.Permissions{Subscribe: deny("saga-feed.>")}},
		{Username: "mute", Password: "secret", Permissions: &server.Permissions{Publish: deny("saga.>")}},
		{Username: "blind", Password: "secret", Permissions: &server.Permissions{Publish: deny("$JS.API.STREAM.MSG.GET.>", "amends.>")}},
	}
}

func (w *world) as(user string) *nats.Conn {
	return natstest.Connect(w.t, w.server, nats.UserInfo(user, "secret"))
}

func (w *world) start(c *client.Client, o order) client.Handle[order] {
	w.t.Helper()
	h, err := client.Start(w.t.Context(), c, placeOrder, o, client.ID(o.ID))
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) ends(h client.Handle[order], want instance.Status, options ...client.WaitOption) client.Outcome[order] {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	out, err := h.Wait(ctx, options...)
	if err != nil || out.Status != want || out.ID != h.ID() || out.Run == 0 {
		w.t.Fatalf("got %+v, %v, want %s", out, err, want)
	}
	return out
}

func TestAWaitSurvivesThatEveryAnnouncementIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, users)
	w.serve("a")
	w.participate()
	c := w.clientOn(w.as("deaf"), client.WithEvery(50*time.Millisecond))
	w.ends(w.start(c, order{ID: "o-1"}), instance.Completed)
	w.ends(w.start(c, order{ID: "o-2", Refuse: "ship"}), instance.Compensated, client.StatusOnly())
	w.ends(w.start(c, order{ID: "o-3", Refuse: "confirm"}), instance.Stuck)
}

// The other way round: whoever started the saga and heard all since needs to
// look at nothing.
func TestAWaitForWhatWasJustStartedLooksAtNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, users)
	w.serve("a")
	w.participate()
	c := w.clientOn(w.as("blind"), client.WithEvery(never))
	early := w.start(c, order{ID: "o-1"})
	other := w.client()
	w.ends(w.start(other, order{ID: "o-2"}), instance.Completed)
	w.ends(attach(t, other, "o-1"), instance.Completed)
	// Both ends were announced before anybody here waits.
	if out := w.ends(early, instance.Completed, client.StatusOnly()); out.Last == 0 {
		t.Errorf("got %+v", out)
	}
}

func attach(t *testing.T, c *client.Client, id string) client.Handle[order] {
	t.Helper()
	h, err := client.Attach(t.Context(), c, placeOrder, id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAWaitLooksAfterAReconnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	var l wire
	nc := natstest.Connect(t, w.server, nats.SetCustomDialer(&l))
	c := w.clientOn(nc, client.WithEvery(never))
	h := w.start(c, order{ID: "o", Hold: "ship"})
	ended := make(chan error, 1)
	go func() {
		out, err := h.Wait(t.Context())
		if err == nil && (out.Status != instance.Completed || out.Value.Reservation != "r-o") {
			err = fmt.Errorf("got %+v", out)
		}
		ended <- err
	}()
	w.requested("o", "ship")
	l.set(func(l *wire) { l.severed, l.deaf = true, true })
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	w.until("the client is away", func() bool { return !nc.IsConnected() })
	w.letGo("o", "ship")
	w.ends(attach(t, w.client(), "o"), instance.Completed) // announced while the client is away
	l.set(func(l *wire) { l.severed, l.deaf = false, false })
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the wait hangs")
	}
}

// The connection was away between the start and the wait: what was announced
// meanwhile nobody heard.
func TestAWaitLooksIfItsClientWasAwaySinceTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	var l wire
	nc := natstest.Connect(t, w.server, nats.SetCustomDialer(&l))
	h := w.start(w.clientOn(nc, client.WithEvery(never)), order{ID: "o", Hold: "ship"})
	w.requested("o", "ship")
	l.set(func(l *wire) { l.severed = true })
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	w.until("the client is away", func() bool { return !nc.IsConnected() })
	w.letGo("o", "ship")
	w.ends(attach(t, w.client(), "o"), instance.Completed)
	l.set(func(l *wire) { l.severed = false })
	w.until("the client is back", nc.IsConnected)
	w.ends(h, instance.Completed)
}

func TestAWaitThatLooksWhileASagaRunsGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, users)
	w.serve("a")
	w.participate()
	c := w.clientOn(w.as("deaf"), client.WithEvery(10*time.Millisecond))
	h := w.start(c, order{ID: "o", Hold: "ship"})
	w.requested("o", "ship")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if out, err := h.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %+v, %v", out, err)
	}
	w.letGo("o", "ship")
	w.ends(h, instance.Completed)
}

// The id runs again while somebody waits for its earlier run: the end that is
// announced is not that one's.
func TestAWaitDoesNotTakeTheEndOfAnotherRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.start(w.client(client.WithEvery(never)), order{ID: "o"})
	if err := w.journal.Partition(protocol.Partition("o", 4)).Purge(t.Context(), "o", h.Run()+1); err != nil {
		t.Fatal(err)
	}
	w.start(w.client(), order{ID: "o"})
	w.serve("a")
	w.participate()
	if out, err := h.Wait(t.Context(), client.StatusOnly()); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestAWaitForWhatEndedBeforeReturnsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client(client.WithEvery(never))
	w.ends(w.start(c, order{ID: "o", Refuse: "ship"}), instance.Compensated)
	again := w.start(w.client(client.WithEvery(never)), order{ID: "o", Refuse: "ship"})
	if out := w.ends(again, instance.Compensated); !again.Existed() || out.Reason != "no ship for o" {
		t.Errorf("existed %t, %+v", again.Existed(), out)
	}
	c.Close() // what does not listen still looks
	w.ends(attach(t, c, "o"), instance.Compensated)
}

func TestAWaitReturnsOnStuckUnlessToldToGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client(client.WithEvery(never))
	h := w.start(c, order{ID: "o", Refuse: "confirm"})
	w.ends(h, instance.Stuck)
	ended := make(chan client.End, 1)
	go func() {
		end, err := h.Saga.Wait(t.Context(), client.ThroughStuck())
		if err != nil {
			t.Error(err)
		}
		ended <- end
	}()
	d, err := h.Resolve(t.Context(), client.By{Who: "ann"}, client.Resolution{
		StepRef: client.StepRef{Step: "confirm", Direction: protocol.Do}, As: protocol.Done, Output: []byte(`{}`),
	})
	if err != nil || !d.Obeyed() {
		t.Fatalf("got %+v, %v", d, err)
	}
	if end := <-ended; end.Status != instance.Completed || end.State.Links == 0 {
		t.Errorf("got %+v", end)
	}
}

// An orchestrator without the service drives sagas too: then the client reads
// the journal itself.
func TestAWaitNeedsNoService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.participate()
	nc := w.conn()
	o, err := orchestrator.New(orchestrator.Config{Journal: w.journal, View: w.view, Definitions: definitions(), Name: "alone", Log: w.log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { _ = o.Run(ctx) })
	t.Cleanup(func() { cancel(); group.Wait() })
	c := w.clientOn(nc)
	if out := w.ends(w.start(c, order{ID: "o"}), instance.Completed); out.Value.Reservation != "r-o" {
		t.Errorf("got %+v", out)
	}
	if _, err := c.Get(t.Context(), "o"); !errors.Is(err, client.ErrNoOrchestrator) {
		t.Errorf("got %v", err)
	}
}

// What does not fit into one answer of the service is read from the journal.
func TestDataThatIsTooLargeForAnAnswerArrivesAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	o := order{ID: "o", Fill: strings.Repeat("x", 450_000)}
	if out := w.ends(w.start(w.client(), o), instance.Completed); out.Value.Fill != o.Fill || out.Value.Reservation != "r-o"+o.Fill {
		t.Errorf("%d and %d bytes", len(out.Value.Fill), len(out.Value.Reservation))
	}
}

// The data of a saga that has other steps would be put together wrongly.
func TestDataIsNotReadWithAnotherStructure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client()
	w.ends(w.start(c, order{ID: "o"}), instance.Completed)
	other := sagas.Define("place-order", 1, sagas.Step("ship", ship, taskOf("ship"), nil).Pivot())
	h, err := client.Attach(t.Context(), c, other, "o")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := h.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "another structure") || out.Status != instance.Completed {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestAWaitThatEndsEarlySaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	h := w.start(c, order{ID: "o"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody decides: got %v", err)
	}
	if _, err := attach(t, c, "never-started").Wait(t.Context()); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("never started: got %v", err)
	}
	p := w.journal.Partition(protocol.Partition("o", 4))
	if err := p.Purge(t.Context(), "o", h.Run()+1); err != nil {
		t.Fatal(err)
	}
	if _, err := attach(t, c, "o").Wait(t.Context()); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("left: got %v", err)
	}
	again := w.start(c, order{ID: "o"}) // another run of the id
	if again.Existed() || again.Run() <= h.Run() {
		t.Errorf("run %d, existed %t", again.Run(), again.Existed())
	}
	w.serve("a")
	w.participate()
	w.ends(again, instance.Completed)
	late := w.client()
	if _, err := client.Start(t.Context(), late, placeOrder, order{ID: "o"}, client.ID("o")); err != nil {
		t.Error(err)
	}
	if _, err := h.Wait(t.Context()); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the id runs again: got %v", err)
	}
}

func TestAWaitEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := w.conn()
	h := w.start(w.clientOn(nc, client.WithEvery(never)), order{ID: "o"})
	ended := make(chan error, 1)
	go func() {
		_, err := h.Wait(t.Context())
		ended <- err
	}()
	nc.Close()
	if err := <-ended; !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got %v", err)
	}
}

func TestManyWaitsShareOneConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.serve("b")
	w.participate()
	c := w.client(client.WithEvery(2 * time.Second))
	var group sync.WaitGroup
	for n := range 400 {
		group.Go(func() {
			o, want := order{ID: fmt.Sprint("o-", n)}, instance.Completed
			if n%4 == 0 {
				o.Refuse, want = "ship", instance.Compensated
			}
			h, err := client.Start(t.Context(), c, placeOrder, o, client.ID(o.ID))
			if err != nil {
				t.Error(err)
				return
			}
			if out, err := h.Wait(t.Context()); err != nil || out.Status != want || out.Value.ID != o.ID {
				t.Errorf("%s: got %+v, %v", o.ID, out, err)
			}
		})
	}
	group.Wait()
}

// What the server threw away is not in doubt: it is said at once, and why.
func TestAStartThatIsNotAllowedIsSaidToBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, users)
	c := w.clientOn(w.as("mute"), client.WithTimeout(2*time.Second))
	_, err := client.Start(t.Context(), c, placeOrder, order{ID: "o"}, client.ID("o"))
	if !errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, client.ErrInDoubt) {
		t.Errorf("got %v", err)
	}
}
