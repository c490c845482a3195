package endtoend_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/participants/protocol"
)

// Two orchestrators share four partitions; Redis loses everything and one
// orchestrator goes while sagas run. All end as they must, and every row of
// Redis is what the journal folds to.
func TestTheSystemOutlivesItsParts(t *testing.T) {
	const count = 400
	w := newWorld(t, 4)
	w.serve()
	a, stopA := w.orchestrate("north")
	b, _ := w.orchestrate("south")
	waitUntil(t, "both own partitions", func() bool {
		return len(a.Status().Partitions)+len(b.Status().Partitions) == 4 && len(a.Status().Partitions) > 0 && len(b.Status().Partitions) > 0
	})
	c := w.client()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var group sync.WaitGroup
	slots := make(chan struct{}, 64)
	for n := range count {
		switch n {
		case count / 4:
			if err := w.rdb.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
		case count / 2:
			group.Go(stopA)
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			w.runOne(ctx, c, n)
		})
	}
	group.Wait()
	w.compare(ctx, count)
	if got := len(b.Status().Partitions); got != 4 {
		t.Errorf("b owns %d partitions after a went", got)
	}
}

// runOne runs one saga to its end; every thirteenth is refused by shipping.
func (w *world) runOne(ctx context.Context, c *client.Client, n int) {
	id, units, want := fmt.Sprintf("o-%d", n), 1, instance.Completed
	if n%13 == 0 {
		units, want = 13, instance.Compensated
	}
	h, err := client.Start(ctx, c, placeOrder, order{id, units}, client.ID(id))
	if err != nil {
		w.t.Errorf("start %s: %v", id, err)
		return
	}
	end, err := h.Wait(ctx)
	if err != nil || end.Status != want {
		w.t.Errorf("%s: %s, %v, want %s", id, end.Status, err, want)
	}
}

// compare waits until every row is what the journal folds to.
func (w *world) compare(ctx context.Context, count int) {
	w.t.Helper()
	journal, err := natsjournal.Open(ctx, natstest.Connect(w.t, w.nats))
	if err != nil {
		w.t.Fatal(err)
	}
	view, err := redisview.Open(ctx, w.rdb)
	if err != nil {
		w.t.Fatal(err)
	}
	for n := range count {
		id := fmt.Sprintf("o-%d", n)
		p := protocol.Partition(id, journal.Partitions())
		r, err := orchestrator.Load(ctx, journal.Partition(p), id, 0, journal.Partitions(), nil)
		if err != nil {
			w.t.Fatal(err)
		}
		want, err := orchestrator.EncodeState(r.State)
		if err != nil {
			w.t.Fatal(err)
		}
		waitUntil(w.t, "the view has followed "+id, func() bool {
			rows, err := view.Partition(p).States(ctx, []string{id})
			if err != nil {
				w.t.Fatal(err)
			}
			got, err := orchestrator.EncodeState(rows[id])
			return err == nil && bytes.Equal(got, want)
		})
	}
}

func waitUntil(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
