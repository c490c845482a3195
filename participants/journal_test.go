package participants_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// A journal is the orchestrator's side of the wire, by hand.
type journal struct {
	t       testing.TB
	server  *server.Server
	nc      *nats.Conn
	js      jetstream.JetStream
	count   int // partitions
	subject protocol.Subjects
	feed    chan *nats.Msg // replies, as the journal announces them
}

func newJournal(t testing.TB, count int, options ...natstest.Option) *journal {
	t.Helper()
	s := natstest.Start(t, options...)
	nc := natstest.Connect(t, s)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{t: t, server: s, nc: nc, js: js, count: count, feed: make(chan *nats.Msg, 200_000)}
	for n := range count {
		j.makeStream(n)
	}
	if _, err := nc.ChanSubscribe("saga-feed.*.*.in.*", j.feed); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *journal) makeStream(n int) {
	j.t.Helper()
	_, err := j.js.CreateStream(context.Background(), jetstream.StreamConfig{
		Name: j.subject.Stream(n), Subjects: []string{j.subject.Partition(n)},
		Metadata:  map[string]string{protocol.MetadataPartitions: strconv.Itoa(j.count)},
		RePublish: &jetstream.RePublish{Source: "saga.>", Destination: "saga-feed.>"},
	})
	if err != nil {
		j.t.Fatal(err)
	}
}

// send stores a command for its participant and returns its sequence.
func (j *journal) send(c protocol.Command) uint64 {
	j.t.Helper()
	header := make(protocol.Header)
	c.WriteHeader(header)
	return j.store(c, header)
}

func (j *journal) store(c protocol.Command, header protocol.Header) uint64 {
	j.t.Helper()
	p := protocol.Partition(c.Saga, j.count)
	ack, err := j.js.PublishMsg(context.Background(), &nats.Msg{
		Subject: j.subject.Link(p, c.Saga, c.Participant), Header: nats.Header(header), Data: c.Body,
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return ack.Sequence
}

// reply waits for the next reply that the journal stored.
func (j *journal) reply() protocol.Reply {
	j.t.Helper()
	r, err := protocol.ReadReply(protocol.Header(j.message().Header), nil)
	if err != nil {
		j.t.Fatal(err)
	}
	return r
}

func (j *journal) message() *nats.Msg {
	j.t.Helper()
	select {
	case m := <-j.feed:
		return m
	case <-time.After(20 * time.Second):
		j.t.Fatal("no reply within 20 s")
		return nil
	}
}

// acknowledged waits until nothing for the participant is pending.
func (j *journal) acknowledged(participant string) {
	j.t.Helper()
	eventually(j.t, "every command is acknowledged", func() bool {
		for n := range j.count {
			c, err := j.js.Consumer(context.Background(), j.subject.Stream(n), protocol.Durable(participant))
			if err != nil {
				return false
			}
			if i := c.CachedInfo(); i.NumAckPending > 0 || i.NumPending > 0 {
				return false
			}
		}
		return true
	})
}

// run runs p until the returned function is called, which waits for Run's end.
func (j *journal) run(p *participants.Participant) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	var err error
	stopped := false
	stop = func() error {
		if !stopped {
			cancel()
			err = <-ended
			stopped = true
		}
		return err
	}
	j.t.Cleanup(func() {
		if err := stop(); err != nil {
			j.t.Errorf("Run: %v", err)
		}
	})
	return stop
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		case <-tick.C:
		}
	}
}

func silent() participants.Option {
	return participants.WithLogger(slog.New(slog.DiscardHandler))
}
