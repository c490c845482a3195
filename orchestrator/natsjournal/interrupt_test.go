package natsjournal_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
)

// A reading is a Read under way.
type reading struct {
	messages chan orchestrator.Message
	ended    chan error
	cancel   context.CancelFunc
}

func read(t *testing.T, p orchestrator.Partition, from uint64) *reading {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &reading{make(chan orchestrator.Message, 1<<10), make(chan error, 1), cancel}
	go func() {
		r.ended <- p.Read(ctx, from, func(m orchestrator.Message) error {
			r.messages <- m
			return nil
		})
	}()
	t.Cleanup(cancel)
	return r
}

func (r *reading) next(t *testing.T, want uint64) {
	t.Helper()
	select {
	case m := <-r.messages:
		if m.Sequence != want {
			t.Fatalf("message %d came, want %d", m.Sequence, want)
		}
	case err := <-r.ended:
		t.Fatalf("Read ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatalf("message %d does not come", want)
	}
}

func (r *reading) interrupted(t *testing.T) {
	t.Helper()
	select {
	case err := <-r.ended:
		if !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Fatalf("Read = %v, want: %v", err, orchestrator.ErrInterrupted)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Read does not end")
	}
}

func portOf(t *testing.T, s *server.Server) int {
	t.Helper()
	_, text, err := net.SplitHostPort(host(t, s.ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestARestartOfTheServerInterruptsReadersAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := natstest.Start(t, natstest.StoreDir(dir))
	port := portOf(t, s)
	j, nc := open(t, s)
	p := j.Partition(0)
	first := put(t, p, start("a"))
	before, err := p.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := read(t, p, 1)
	r.next(t, first)

	changes := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(changes)
	natstest.Stop(s)
	r.interrupted(t)
	natstest.Start(t, natstest.StoreDir(dir), natstest.Port(port))
	await(t, changes, nats.CONNECTED)

	after, err := p.Tail(t.Context())
	if err != nil || after != before {
		t.Fatalf("tail = %+v, %v; want %+v", after, err, before)
	}
	again := read(t, p, 1)
	again.next(t, first)
	again.next(t, put(t, p, link("a", first)))
	again.cancel()
}

func TestAReaderWhoseConsumerIsDeletedIsInterrupted(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	p := j.Partition(0)
	r := read(t, p, 1)
	r.next(t, put(t, p, start("a")))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), j.Subjects().Stream(0))
	if err != nil {
		t.Fatal(err)
	}
	for name := range stream.ConsumerNames(t.Context()).Name() {
		if err := stream.DeleteConsumer(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	put(t, p, start("b"))
	r.interrupted(t)
}

func TestAReaderLeavesNoConsumerBehind(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	p := j.Partition(0)
	r := read(t, p, 1)
	r.next(t, put(t, p, start("a")))
	r.cancel()
	if err := <-r.ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	// The deletion went before this question on the same connection.
	info, err := js.Stream(t.Context(), j.Subjects().Stream(0))
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(3 * time.Second) // earlier than the server would find out
	for info.CachedInfo().State.Consumers > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("there are %d consumers", info.CachedInfo().State.Consumers)
		}
		if _, err := info.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStreamThatIsMadeAnewEndsReadersAndHasAnotherTail(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	j, nc := open(t, s)
	p := j.Partition(0)
	first := put(t, p, start("a"))
	put(t, p, link("a", first))
	before, err := p.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := read(t, p, 1)
	r.next(t, 1)
	r.next(t, 2)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), j.Subjects().Stream(0)); err != nil {
		t.Fatal(err)
	}
	if err := natsjournal.Create(t.Context(), nc, natsjournal.Layout{Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	put(t, p, start("b"))
	r.interrupted(t)
	after, err := p.Tail(t.Context())
	if err != nil || after.Created.Equal(before.Created) || after.Last != 1 {
		t.Errorf("tail = %+v, %v; before: %+v", after, err, before)
	}
	read(t, p, 3).interrupted(t)
}

func TestAReaderOfAServerThatNoLongerAnswersIsInterrupted(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	px := newProxy(t, host(t, s.ClientURL()))
	j, _ := dial(t, px.url())
	p := j.Partition(0)
	r := read(t, p, 1)
	r.next(t, put(t, p, start("a")))
	px.hold(true)
	r.interrupted(t)
}

func TestAReaderWhoseHandlerIsSlowIsNotInterrupted(t *testing.T) {
	t.Parallel()
	j, _ := open(t, natstest.Start(t))
	p := j.Partition(0)
	// More than flow control lets through at once, and longer than three heartbeats.
	const many = 120
	for range many {
		put(t, p, orchestrator.Draft{Subject: j.Subjects().Reply(0, "a", "payment"), Body: make([]byte, 400<<10)})
	}
	n := 0
	err := p.Read(t.Context(), 1, func(orchestrator.Message) error {
		if n++; n == many {
			return errEnough
		}
		if n == 1 {
			<-time.After(2500 * time.Millisecond)
		}
		return nil
	})
	if !isEnough(err) {
		t.Errorf("Read = %v after %d messages", err, n)
	}
}

// Each takeover begins with a read: whoever reads from the beginning has
// nothing before it to ask after.
func TestAReaderAsksNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	p := j.Partition(0)
	first := put(t, p, start("a"))
	second := put(t, p, link("a", first))
	asked, err := nc.SubscribeSync("$JS.API.STREAM.INFO." + j.Subjects().Stream(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[uint64]int{0: 1, first: 1, second: 2} {
		r := read(t, p, from)
		r.next(t, max(from, first))
		r.cancel()
		if err := <-r.ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for range want {
			if _, err := asked.NextMsg(10 * time.Second); err != nil {
				t.Fatalf("from %d: %v", from, err)
			}
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if more, _, err := asked.Pending(); err != nil || more != 0 {
			t.Errorf("from %d: %d more requests, %v", from, more, err)
		}
	}
}
