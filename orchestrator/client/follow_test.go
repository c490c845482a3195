package client_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// An ear hears of one saga.
type ear struct {
	mu    sync.Mutex
	heard []uint64
}

func (e *ear) news(sequence uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, sequence)
}

func (e *ear) has(sequence uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.heard, sequence)
}

func (w *world) follow(c *client.Client, id string) (e *ear, stop func()) {
	w.t.Helper()
	e = &ear{}
	stop, err := c.Follow(protocol.Partition(id, 4), id, e.news)
	if err != nil {
		w.t.Fatal(err)
	}
	return e, stop
}

func TestWhoFollowsASagaHearsOfItsRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client()
	mine, stop := w.follow(c, "o")
	defer stop()
	leaving, leave := w.follow(c, "o")
	other, stopOther := w.follow(c, "other")
	defer stopOther()
	h := w.start(c, order{ID: "o", Hold: "ship"})
	link := func(kind protocol.Kind) (sequence uint64) {
		for _, m := range w.messages("o") {
			if m.Address.Kind == kind {
				sequence = m.Sequence
			}
		}
		return sequence
	}
	w.requested("o", "ship")
	at := link(protocol.KindLink) // a command, which is announced as a row alone
	w.until("the command was heard of", func() bool { return mine.has(at) && leaving.has(at) })
	leave()
	before := len(leaving.heard)
	w.letGo("o", "ship")
	w.ends(h, instance.Completed)
	at = link(protocol.KindLink)
	w.until("the end was heard of", func() bool { return mine.has(at) })
	if len(leaving.heard) != before || len(other.heard) != 0 {
		t.Errorf("who left heard %v after %d news, and who follows another saga %v", leaving.heard, before, other.heard)
	}
}

// Whoever may announce rows can make others look, and nothing else.
func TestHostileAnnouncementsDoNoHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, nc := w.client(), w.conn()
	e, stop := w.follow(c, "o")
	defer stop()
	p := protocol.Partition("o", 4)
	subject := func(p int) string { return fmt.Sprintf("saga-feed.%d.-.rows", p) }
	many := `{"rows":{"o":13` + strings.Repeat(`,"x":1`, 100_000) + "}}"
	for _, m := range []struct{ subject, body string }{
		{subject(p), ""}, {subject(p), "\x00"}, {subject(p), `{"rows":null}`}, {subject(p), `{"rows":{"o":-1}}`}, {subject(p), `{"rows":["o"]}`},
		{subject(p), `{"rows":{"*":7,"o.>":7,"":7}}`}, {subject(p), many}, {subject(p), strings.Repeat("[", 500_000)},
		{subject(p + 1), `{"rows":{"o":11}}`}, {subject(p) + ".more", `{"rows":{"o":12}}`},
		{subject(p), `{"rows":{"o":5},"more":true}`},
	} {
		if err := nc.Publish(m.subject, []byte(m.body)); err != nil {
			t.Fatal(err)
		}
	}
	w.until("the last of them was heard", func() bool { return e.has(5) })
	if !slices.Equal(e.heard, []uint64{5}) {
		t.Errorf("heard %v", e.heard)
	}
}

func TestFollowersAreToldToLookAfterAReconnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := w.conn()
	c := w.clientOn(nc)
	a, stopA := w.follow(c, "a")
	defer stopA()
	b, stopB := w.follow(c, "b")
	defer stopB()
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	w.until("both were told", func() bool { return a.has(0) && b.has(0) })
}

func TestNobodyListensToRowsForNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := w.conn()
	c := w.clientOn(nc)
	idle := nc.NumSubscriptions()
	var stops []func()
	for i := range 10 {
		_, stop := w.follow(c, fmt.Sprint("o-", i))
		stops = append(stops, stop)
	}
	if n := nc.NumSubscriptions() - idle; n > 4 {
		t.Errorf("%d subscriptions to follow ten sagas of four partitions", n)
	}
	for _, stop := range stops {
		stop()
	}
	if n := nc.NumSubscriptions(); n != idle {
		t.Errorf("%d subscriptions are left", n-idle)
	}
	if _, err := c.Follow(0, "*", func(uint64) {}); err == nil {
		t.Error("every saga can be followed")
	}
	gone := w.conn()
	gone.Close()
	if _, err := w.clientOn(gone).Follow(0, "o", func(uint64) {}); err == nil {
		t.Error("a closed connection is followed on")
	}
}

// Once the last one has left a partition, the next one is heard as the first was.
func TestWhoFollowsAfterEverybodyLeftHears(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, nc := w.client(), w.conn()
	for n := range 3 {
		e, stop := w.follow(c, "o")
		body := fmt.Sprintf(`{"rows":{"o":%d}}`, n+1)
		if err := nc.Publish(fmt.Sprintf("saga-feed.%d.-.rows", protocol.Partition("o", 4)), []byte(body)); err != nil {
			t.Fatal(err)
		}
		w.until("it was heard", func() bool { return e.has(uint64(n + 1)) })
		stop()
	}
}
