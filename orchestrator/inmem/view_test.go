package inmem_test

import (
	"testing"

	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
)

// fragile lets the contract suite damage an in-memory view.
type fragile struct{ *inmem.View }

func (f fragile) Snapshot() (restore func()) {
	s := f.View.Snapshot()
	return func() { f.Restore(s) }
}

func TestView(t *testing.T) {
	t.Parallel()
	orchestratortest.TestView(t, func(*testing.T) orchestratortest.FragileView { return fragile{inmem.NewView()} })
}
