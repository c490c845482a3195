package inmem_test

import (
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	features := orchestratortest.JournalFeatures{
		Bubble:    true,
		Interrupt: func(_ *testing.T, j orchestrator.Journal) { j.(*inmem.Journal).InterruptReaders() },
	}
	orchestratortest.TestJournal(t, features, func(*testing.T) orchestrator.Journal { return inmem.NewJournal(2) })
}
