package natsjournal_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// open opens a journal with two partitions on a connection of its own.
func open(t testing.TB, s *server.Server, options ...natsjournal.Option) (*natsjournal.Journal, *nats.Conn) {
	t.Helper()
	return dial(t, s.ClientURL(), options...)
}

func dial(t testing.TB, url string, options ...natsjournal.Option) (*natsjournal.Journal, *nats.Conn) {
	t.Helper()
	nc := natstest.Dial(t, url)
	options = append([]natsjournal.Option{natsjournal.WithCreate(2, 1), natsjournal.WithLeaseTTL(time.Second)}, options...)
	j, err := natsjournal.Open(t.Context(), nc, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j, nc
}

func TestJournal(t *testing.T) { testJournal(t, false) }

func TestJournalThatTakesBatches(t *testing.T) { testJournal(t, true) }

func testJournal(t *testing.T, batches bool) {
	t.Parallel()
	s := natstest.Start(t)
	var count atomic.Int64
	features := orchestratortest.JournalFeatures{
		Interrupt: func(t *testing.T, j orchestrator.Journal) {
			reconnect(t, j.(connected).nc)
		},
	}
	orchestratortest.TestJournal(t, features, func(t *testing.T) orchestrator.Journal {
		prefix := fmt.Sprintf("s%d", count.Add(1))
		if batches {
			layout := natsjournal.Layout{Prefix: prefix, Partitions: 2, LeaseTTL: time.Second, Batches: true}
			if err := natsjournal.Create(t.Context(), natstest.Connect(t, s), layout); err != nil {
				t.Fatal(err)
			}
		}
		// A message may wait for thousands before it.
		j, nc := open(t, s, natsjournal.WithPrefix(prefix), natsjournal.WithTimeout(time.Minute))
		return connected{j, nc}
	})
}

// connected is a journal whose connection a test can break.
type connected struct {
	*natsjournal.Journal
	nc *nats.Conn
}

// reconnect loses the connection, and returns when it is there again.
func reconnect(t *testing.T, nc *nats.Conn) {
	t.Helper()
	changes := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(changes)
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	await(t, changes, nats.CONNECTED)
}

func await(t *testing.T, changes <-chan nats.Status, want nats.Status) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case status := <-changes:
			if status == want {
				return
			}
		case <-deadline:
			t.Fatalf("the connection is not %v in time", want)
		}
	}
}

var errEnough = errors.New("enough")

func isEnough(err error) bool { return errors.Is(err, errEnough) }
