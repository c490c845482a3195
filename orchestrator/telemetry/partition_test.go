package telemetry_test

import (
	"context"
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
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

// journal is a real life, see TestRecordedJournalsFoldToTheStatesOfTheirTime.
func journal(t testing.TB, name string) []orchestrator.Message {
	t.Helper()
	return orchestratortest.ReadJournal(t, "../testdata/journals/"+name+".ndjson")
}
