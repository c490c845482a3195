package telemetry_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// A partition has one saga's history.
type partition struct {
	orchestrator.Partition
	history []orchestrator.Message
	read    chan struct{} // closed when a Read ends, unless nil
}

func (p *partition) History(context.Context, string, uint64) ([]orchestrator.Message, error) {
	return p.history, nil
}

func (p *partition) Get(_ context.Context, sequence uint64) (orchestrator.Message, error) {
	for _, m := range p.history {
		if m.Sequence == sequence {
			return m, nil
		}
	}
	return orchestrator.Message{}, orchestrator.ErrNotFound
}

func (p *partition) Read(_ context.Context, from uint64, handle func(orchestrator.Message) error) error {
	if p.read != nil {
		defer close(p.read)
	}
	for _, m := range p.history {
		if m.Sequence >= from {
			if err := handle(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// journal reads a real life, see TestRecordedJournalsFoldToTheStatesOfTheirTime.
func journal(t testing.TB, name string) (history []orchestrator.Message) {
	t.Helper()
	b, err := os.ReadFile("../testdata/journals/" + name + ".ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var r struct {
			Sequence uint64
			Time     time.Time
			Subject  string
			Header   protocol.Header
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		address, err := protocol.Subjects{}.Parse(r.Subject)
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, orchestrator.Message{Sequence: r.Sequence, Time: r.Time, Address: address, Subject: r.Subject, Header: r.Header})
	}
	return history
}
