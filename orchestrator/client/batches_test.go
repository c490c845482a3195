package client_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/participants/protocol"
)

// batched makes the journal one that takes atomic batches.
func (w *world) batched() {
	w.t.Helper()
	js, err := jetstream.New(w.conn())
	if err != nil {
		w.t.Fatal(err)
	}
	for p := range 4 {
		s, err := js.Stream(w.t.Context(), protocol.Subjects{}.Stream(p))
		if err != nil {
			w.t.Fatal(err)
		}
		config := s.CachedInfo().Config
		config.AllowAtomicPublish = true
		if _, err := js.UpdateStream(w.t.Context(), config); err != nil {
			w.t.Fatal(err)
		}
	}
}

// A service that gets one request several times starts its saga as often, and
// the starts of one moment share a batch.
func TestOneClientThatStartsSagasManyTimesAtOnceStartsEachOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.batched()
	c := w.client()
	const sagas, times = 1000, 2
	var group sync.WaitGroup
	for i := range sagas * times {
		id := fmt.Sprintf("o-%d", i/times)
		group.Go(func() {
			if _, err := client.Start(t.Context(), c, placeOrder, order{ID: id}, client.ID(id)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range sagas {
		id := fmt.Sprintf("o-%d", i)
		if starts := count(w, id, protocol.KindStart); starts != 1 {
			t.Errorf("%d starts of %s are stored", starts, id)
		}
	}
}

// What a batch had under way when the connection was closed may be stored.
func TestAStartInABatchOfAClosedConnectionIsInDoubt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.batched()
	nc := w.conn()
	c := w.clientOn(nc, client.WithTimeout(time.Hour))
	if _, err := c.Partitions(t.Context()); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if _, err := c.StartRaw(t.Context(), "place-order", 1, []byte(`{}`)); !errors.Is(err, client.ErrInDoubt) {
		t.Errorf("got %v", err)
	}
}

// Nobody listens for the acknowledgements of batches any more.
func TestAClientThatIsClosedSendsNoBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.batched()
	c := w.client()
	if _, err := c.Partitions(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	began := time.Now()
	if _, err := c.StartRaw(t.Context(), "place-order", 1, []byte(`{}`)); err != nil || time.Since(began) >= client.DefaultTimeout {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// A question that was under way when the client was closed opens nothing that
// nobody would close.
func TestAClientThatIsClosedFirstListensToNoBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.batched()
	nc := w.conn()
	c := w.clientOn(nc)
	c.Close()
	before := nc.NumSubscriptions()
	if n, err := c.Partitions(t.Context()); err != nil || n != 4 {
		t.Fatal(n, err)
	}
	// The answers to requests come to one subscription of the connection.
	if after := nc.NumSubscriptions(); after > before+1 {
		t.Errorf("%d subscriptions, before %d", after, before)
	}
	if _, err := c.StartRaw(t.Context(), "place-order", 1, []byte(`{}`)); err != nil {
		t.Error(err)
	}
}
