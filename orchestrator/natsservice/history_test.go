package natsservice_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/participants/protocol"
)

// counting is a journal that counts the messages which histories are read from.
func counting(j orchestrator.Journal, read *atomic.Int64) orchestrator.Journal {
	return orchestratortest.Tampered{Journal: j, History: func(ctx context.Context, p orchestrator.Partition, id string, from uint64) ([]orchestrator.Message, error) {
		messages, err := p.History(ctx, id, from)
		read.Add(int64(len(messages)))
		return messages, err
	}}
}

// A history of 10,000 events comes in pages, each message once, and the journal
// is not read anew for each of them.
func TestALongHistoryIsPaged(t *testing.T) {
	t.Parallel()
	const long, page = 10_000, 500
	var read atomic.Int64
	w := newWorld(t, func(c *natsservice.Config) { c.Journal = counting(c.Journal, &read) })
	sequences := []uint64{w.start("o", nil)}
	for i := range long - 1 {
		subject := protocol.Subjects{}.Signal(protocol.Partition("o", partitions), "o", fmt.Sprint("s", i))
		sequences = append(sequences, w.publish(subject, nil, []byte("body")))
	}
	pages := 0
	for from := uint64(0); ; pages++ {
		a := answer[orchestrator.HistoryAnswer](w, "history", orchestrator.HistoryRequest{ID: "o", From: from, Limit: page})
		if len(a.Messages) > page || len(a.Messages) > len(sequences) {
			t.Fatalf("page %d has %d messages, %d are left", pages, len(a.Messages), len(sequences))
		}
		for i, m := range a.Messages {
			if m.Sequence != sequences[i] {
				t.Fatalf("page %d: message %d, want %d", pages, m.Sequence, sequences[i])
			}
		}
		sequences = sequences[len(a.Messages):]
		if a.Next == 0 {
			break
		}
		from = a.Next
	}
	if n := read.Load(); n > 2*long {
		t.Errorf("%d messages were read, for a history of %d", n, long)
	}
	if len(sequences) > 0 || pages < long/page-1 {
		t.Errorf("%d messages are missing after %d pages", len(sequences), pages)
	}
}
