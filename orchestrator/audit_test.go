package orchestrator_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// unindexed is a view that lost its index of what people asked for, and kept
// its rows.
type unindexed struct{ orchestrator.View }

func (v unindexed) Partition(p int) orchestrator.PartitionView {
	return unindexedPartition{v.View.Partition(p)}
}

type unindexedPartition struct{ orchestrator.PartitionView }

func (unindexedPartition) Audit(context.Context, orchestrator.AuditQuery) (orchestrator.AuditPage, error) {
	return orchestrator.AuditPage{}, nil
}

// A rebuild finds what people asked for as the owner found it while it
// happened, and a check tells where an audit would lack some of it.
func TestAnAuditIsRebuiltAndChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var asked atomic.Bool // until then nobody answers
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", asked.Load() }
		m := w.run("a")
		w.start("o")
		w.until("it began", func() bool { return len(w.state("o").Steps) > 0 })
		w.control("o", "c-1", instance.Suspend)
		w.control("o", "c-2", instance.Suspend)
		w.control("o", "c-3", instance.Resume)
		w.until("all is decided", func() bool { return len(w.state("o").Asked) == 3 })
		asked.Store(true)
		w.await("o", instance.Completed)
		w.checkView("o")
		audit := func() (list []orchestrator.AuditRow) {
			page, err := orchestrator.Audit(w.ctx, w.view, 1, orchestrator.AuditQuery{})
			if err != nil {
				t.Fatal(err)
			}
			return page.Rows
		}
		first := audit()
		if len(first) != 3 || first[0].Verb != instance.Resume || !first[1].Refused || first[2].Refused {
			t.Fatalf("got %+v", first)
		}
		m.stop()
		if err := w.view.Partition(0).Forget(w.ctx); err != nil {
			t.Fatal(err)
		}
		w.run("b")
		w.checkView("o")
		if diff := cmp.Diff(first, audit()); diff != "" {
			t.Errorf("after a rebuild: %s", diff)
		}
		var found []orchestrator.Difference
		tell := func(d orchestrator.Difference) { found = append(found, d) }
		if _, err := orchestrator.Check(w.ctx, 0, w.journal, unindexed{w.view}, tell, nil); err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || found[0].ID != "o" || found[0].Field != "index" {
			t.Errorf("found %+v", found)
		}
	})
}
