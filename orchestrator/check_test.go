package orchestrator_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

func (w *world) check() (orchestrator.Checked, []orchestrator.Difference) {
	w.t.Helper()
	var found []orchestrator.Difference
	checked, err := orchestrator.Check(w.ctx, 0, w.journal, w.view, func(d orchestrator.Difference) { found = append(found, d) }, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return checked, found
}

func TestCheckFindsWhateverTheViewGotWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Saga != "waits" }
		m := w.run("a")
		ids := w.startMany("o", 20)
		w.awaitEnds(ids)
		w.start("waits")
		w.until("it waits", func() bool { return len(w.state("waits").Steps) == 1 })
		w.checkView(append(ids, "waits")...)
		checked, found := w.check()
		if checked.Sagas != 21 || len(found) > 0 {
			t.Fatalf("checked %+v, found %v", checked, found)
		}
		m.stop()

		part := w.view.Partition(0)
		at, err := part.Exchange(w.ctx, "vandal")
		if err != nil {
			t.Fatal(err)
		}
		wrong, waits, stranger := w.state("o-3"), w.state("waits"), w.state("o-4")
		wrong.Status, wrong.Reason = instance.Stuck, "vandalism"
		stranger.ID = "stranger"
		at.Revision++
		err = part.Write(w.ctx, orchestrator.Write{Generation: "vandal", Position: at, Rows: []orchestrator.Row{
			{State: wrong}, {State: waits}, {State: stranger},
		}})
		if err != nil {
			t.Fatal(err)
		}
		w.view.LoseRow(0, "o-5")
		_, found = w.check()
		got := map[string]bool{}
		for _, d := range found {
			got[d.ID+" "+d.Field] = true
		}
		for _, want := range []string{"o-3 status", "o-3 reason", "o-5 row", "stranger row", "waits timer", " position"} {
			if !got[want] {
				t.Errorf("not found: %s", want)
			}
			delete(got, want)
		}
		if len(got) > 0 {
			t.Errorf("found too: %v", got)
		}

		// The end of the journal may have left it.
		if err := w.journal.Partition(0).Purge(w.ctx, "waits", 1<<62); err != nil {
			t.Fatal(err)
		}
		if _, found = w.check(); len(found) == 0 {
			t.Error("the row of a history that has gone was not found")
		}

		if err := part.Forget(w.ctx); err != nil { // what 'amends rebuild' does
			t.Fatal(err)
		}
		w.run("b")
		w.checkView(ids...)
		if _, found := w.check(); len(found) > 0 {
			t.Errorf("after a rebuild: %v", found)
		}
	})
}

// slowRows is a view that takes long to answer, and in which every row that is
// asked for alone has changed.
type slowRows struct {
	*inmem.View
	links int
}

func (v *slowRows) Partition(p int) orchestrator.PartitionView {
	return slowPartition{v.View.Partition(p), v}
}

type slowPartition struct {
	orchestrator.PartitionView
	of *slowRows
}

func (p slowPartition) States(ctx context.Context, ids []string) (map[string]instance.State, error) {
	<-time.After(3 * time.Second)
	rows, err := p.PartitionView.States(ctx, ids)
	if row, ok := rows["busy-0"]; ok && len(ids) == 1 {
		p.of.links++
		row.Last += uint64(p.of.links)
		rows["busy-0"] = row
	}
	return rows, err
}

// List shows busy where it was before, as its row changes.
func (p slowPartition) List(ctx context.Context, q orchestrator.Query) (orchestrator.Page, error) {
	page, err := p.PartitionView.List(ctx, q)
	page.Sagas = slices.DeleteFunc(page.Sagas, func(s instance.State) bool { return s.ID == "busy-0" && q.Limit == 1 })
	return page, err
}

// Silence of the journal is its end; that the view takes its time is not. And
// of a saga that is another one at each look nothing is said.
func TestACheckWaitsForASlowView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		ids := append(w.startMany("o", 519), w.startMany("busy", 1)...)
		w.awaitEnds(ids)
		w.checkView(ids...)
		m.stop()
		tail, err := w.journal.Partition(0).Tail(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		var found []orchestrator.Difference
		report := func(d orchestrator.Difference) { found = append(found, d) }
		checked, err := orchestrator.Check(w.ctx, 0, w.journal, &slowRows{View: w.view}, report, nil)
		if err != nil || checked.Sagas != 520 || checked.Messages != tail.Last || len(found) > 0 {
			t.Errorf("checked %+v of %d messages, %v, found %v", checked, tail.Last, err, found)
		}
	})
}
