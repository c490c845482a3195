package pipeline

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/natstest"
)

// Two starts of one id, or a start and its repetition, may gather at the same
// time. In one batch the server would store them all.
func TestOfMessagesOnOneConditionAGroupStoresOne(t *testing.T) {
	t.Parallel()
	g, s := batching(t)
	messages := []*nats.Msg{conditional("s.alone", 0)} // the others gather behind it
	for i := range 200 {
		m := conditional(fmt.Sprintf("s.%d.%d", i%50, i), 0)
		m.Header[headerSubject] = []string{fmt.Sprintf("s.%d.*", i%50)}
		messages = append(messages, m)
	}
	stored := map[int]int{}
	for i, o := range publish(g, messages)[1:] {
		if o.err == nil {
			stored[i%50]++
		}
	}
	for i := range 50 {
		if stored[i] != 1 {
			t.Errorf("%d messages say that they are the first of s.%d.*", stored[i], i)
		}
	}
	if info, err := s.Info(t.Context()); err != nil || info.State.Msgs != 51 {
		t.Errorf("stored %d (%v), want 51", info.State.Msgs, err)
	}
}

// While the journal answers nothing, senders give up: what waits for those under
// way must not be sent when it answers again.
func TestAMessageThatHasWaitedTooLongIsNotSent(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	sub, err := nc.SubscribeSync("silent.>")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(nc, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	g := NewGroup(p)
	answers := make(chan error, 100)
	done := func(_ uint64, err error) { answers <- err }
	g.Publish(&nats.Msg{Subject: "silent.first"}, done)
	for range 50 {
		g.Publish(&nats.Msg{Subject: "silent.late"}, done)
	}
	g.mu.Lock()
	for i := range g.waiting {
		g.waiting[i].until = time.Now().Add(-time.Second)
	}
	g.mu.Unlock()
	g.Publish(&nats.Msg{Subject: "silent.fresh"}, done)
	p.answer(1, 7, nil)
	for i := range 51 {
		select {
		case err := <-answers:
			if i > 0 && !errors.Is(err, ErrInDoubt) {
				t.Errorf("answer %d: %v", i, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a message was not answered")
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"silent.first", "silent.fresh"} {
		if m, err := sub.NextMsg(20 * time.Second); err != nil || m.Subject != want {
			t.Errorf("%v (%v) was sent, want %s", m, err, want)
		}
	}
}
