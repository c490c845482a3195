package client_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator/client"
)

// relay stands before JetStream's API, passes requests about streams on, and
// tells held of each one before it does.
func (w *world) relay(prefix string, held func(number int32)) (asked *atomic.Int32) {
	w.t.Helper()
	nc, behind := w.conn(), w.conn()
	asked = new(atomic.Int32)
	if _, err := nc.Subscribe(prefix+".STREAM.INFO.SAGA-0", func(m *nats.Msg) {
		held(asked.Add(1))
		answer, err := behind.RequestWithContext(w.t.Context(), "$JS.API.STREAM.INFO.SAGA-0", nil)
		if err != nil {
			return // the test is over
		}
		_ = m.Respond(answer.Data)
	}); err != nil {
		w.t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		w.t.Fatal(err)
	}
	return asked
}

func TestManyWhoWantToKnowTheJournalAskOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const callers = 200
	var coming sync.WaitGroup
	coming.Add(callers)
	asked := w.relay("api", func(int32) { coming.Wait() })
	c := w.client(client.WithAPIPrefix("api"))
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			coming.Done()
			if n, err := c.Partitions(t.Context()); err != nil || n != 4 {
				t.Error(n, err)
			}
		})
	}
	group.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("%d callers asked %d times", callers, n)
	}
}

// Whoever asked for all gives up: the others still want to know.
func TestAnAnswerThatIsNotWaitedForIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, release := make(chan struct{}), make(chan struct{})
	w.relay("api", func(number int32) {
		if number == 1 {
			close(begun)
			<-release
		}
	})
	c := w.client(client.WithAPIPrefix("api"))
	ctx, giveUp := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := c.Partitions(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	<-begun
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Partitions(short); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits for another's answer, and gives up: %v", err)
	}
	group.Go(func() {
		if n, err := c.Partitions(t.Context()); err != nil || n != 4 {
			t.Error(n, err)
		}
	})
	giveUp()
	close(release)
	group.Wait()
}
