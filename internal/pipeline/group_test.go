package pipeline

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
)

// batching is a group on a stream that takes batches.
func batching(t *testing.T) (*Group, jetstream.Stream) {
	t.Helper()
	nc := natstest.Connect(t, natstest.Start(t))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "S", Subjects: []string{"s.>"}, Storage: jetstream.FileStorage, AllowAtomicPublish: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(nc, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return NewGroup(p), s
}

// conditional is a message that is stored only if its subject's last one has
// that sequence.
func conditional(subject string, last uint64) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: []byte(subject), Header: nats.Header{
		"Nats-Expected-Last-Subject-Sequence": {strconv.FormatUint(last, 10)},
	}}
}

type outcome struct {
	sequence uint64
	err      error
}

// publish sends all at once, and returns what became of each.
func publish(g *Group, messages []*nats.Msg) []outcome {
	outcomes := make([]outcome, len(messages))
	var under sync.WaitGroup
	under.Add(len(messages))
	for i, m := range messages {
		g.Publish(m, func(sequence uint64, err error) {
			outcomes[i] = outcome{sequence, err}
			under.Done()
		})
	}
	under.Wait()
	return outcomes
}

func TestAGroupStoresEachMessageUnderTheSequenceThatItTells(t *testing.T) {
	t.Parallel()
	g, s := batching(t)
	var messages []*nats.Msg
	for i := range 1000 { // more than a batch holds
		messages = append(messages, conditional(fmt.Sprintf("s.%d", i), 0))
	}
	batched := 0
	for i, o := range publish(g, messages) {
		if o.err != nil {
			t.Fatalf("message %d: %v", i, o.err)
		}
		stored, err := s.GetMsg(t.Context(), o.sequence)
		if err != nil || stored.Subject != messages[i].Subject {
			t.Fatalf("message %d is told to be stored under %d, where %v is (%v)", i, o.sequence, stored, err)
		}
		if stored.Header.Get(headerBatch) != "" {
			batched++
		}
		if messages[i].Header.Get(headerBatch) != "" {
			t.Fatal("the message that was given has a batch's headers: sent again it would be refused")
		}
	}
	if batched < len(messages)/2 {
		t.Errorf("%d of %d messages were stored in batches", batched, len(messages))
	}
}

// A condition that does not hold refuses its whole batch.
func TestARefusedMessageTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	g, s := batching(t)
	var messages []*nats.Msg
	for i := range 300 {
		last := uint64(0)
		if i%100 == 50 {
			last = 7
		}
		messages = append(messages, conditional(fmt.Sprintf("s.%d", i), last))
	}
	for i, o := range publish(g, messages) {
		var refused *jetstream.APIError
		if bad := i%100 == 50; bad != errors.As(o.err, &refused) || !bad && o.err != nil {
			t.Errorf("message %d: %d, %v", i, o.sequence, o.err)
		}
	}
	if info, err := s.Info(t.Context()); err != nil || info.State.Msgs != 297 {
		t.Errorf("stored %d (%v), want each of the others once", info.State.Msgs, err)
	}
	// The group goes on.
	if o := publish(g, []*nats.Msg{conditional("s.last", 0)})[0]; o.err != nil {
		t.Error(o.err)
	}
}

func TestAMessageThatCannotBeSentTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	g, _ := batching(t)
	var messages []*nats.Msg
	for i := range 100 {
		messages = append(messages, conditional(fmt.Sprintf("s.%d", i), 0))
	}
	messages[50].Data = make([]byte, 2<<20)
	for i, o := range publish(g, messages) {
		if bad := i == 50; bad != errors.Is(o.err, nats.ErrMaxPayload) || !bad && o.err != nil {
			t.Errorf("message %d: %d, %v", i, o.sequence, o.err)
		}
	}
}

// Nobody knows of any message of a batch whose acknowledgement is lost. Whoever
// sent them looks into it before they are sent again.
func TestABatchWithoutAnAcknowledgementIsInDoubtAsAWhole(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	var came atomic.Int32
	if _, err := nc.Subscribe("silent", func(m *nats.Msg) {
		if came.Add(1) == 1 { // behind it the others gather
			_ = m.Respond([]byte(`{"stream":"S","seq":1}`))
		}
	}); err != nil {
		t.Fatal(err)
	}
	p, err := New(nc, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	messages := make([]*nats.Msg, 100)
	for i := range messages {
		messages[i] = &nats.Msg{Subject: "silent"}
	}
	for i, o := range publish(NewGroup(p), messages) {
		if (i > 0) != errors.Is(o.err, ErrInDoubt) {
			t.Errorf("message %d: %d, %v", i, o.sequence, o.err)
		}
	}
	if n := came.Load(); int(n) > len(messages) {
		t.Errorf("%d messages were sent of %d", n, len(messages))
	}
}
