package natsservice_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// fill writes rows into the views of their partitions, and returns them.
func (w *world) fill(n int, reason string) []instance.State {
	w.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	statuses := []instance.Status{instance.Running, instance.Compensating, instance.Completed, instance.Compensated, instance.Stuck}
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []instance.State
	writes := make([]orchestrator.Write, partitions)
	for i := range n {
		id := fmt.Sprint("o-", i)
		s := instance.State{
			ID: id, Definition: []string{"order", "refund"}[random.IntN(2)], Version: 1 + random.IntN(2), Run: uint64(i + 1),
			Status: statuses[random.IntN(len(statuses))], Suspended: random.IntN(10) == 0, Reason: reason,
			Tags: map[string]string{"customer": fmt.Sprint("c", random.IntN(3))}, Input: []byte("secret"),
			// Few different times, so that ids decide the order.
			Started: epoch.Add(time.Duration(random.IntN(20)) * time.Millisecond),
		}
		all = append(all, s)
		p := protocol.Partition(id, partitions)
		writes[p].Rows = append(writes[p].Rows, orchestrator.Row{State: s})
	}
	for p, write := range writes {
		view := w.view.Partition(p)
		if _, err := view.Exchange(w.t.Context(), "g"); err != nil {
			w.t.Fatal(err)
		}
		write.Generation, write.Position = "g", orchestrator.Position{Revision: 1, To: 1}
		if err := view.Write(w.t.Context(), write); err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

// model is the list that q asks for, made in the simplest way.
func model(all []instance.State, q orchestrator.Query) []string {
	rows := slices.Clone(all)
	slices.SortFunc(rows, func(a, b instance.State) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(b.ID, a.ID))
	})
	var ids []string
	for _, s := range rows {
		if q.Matches(s) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func TestListsOfFourPartitionsAreOneList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.fill(200, "")
	at := func(ms int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, ms*1e6, time.UTC) }
	for name, q := range map[string]orchestrator.Query{
		"all":         {},
		"status":      {Statuses: []instance.Status{instance.Stuck, instance.Running}},
		"definition":  {Definition: "order"},
		"version":     {Definition: "order", Version: 2},
		"tag":         {Tag: "customer=c1"},
		"suspended":   {Suspended: true},
		"times":       {From: at(5), To: at(10)},
		"nothing":     {Definition: "nobody"},
		"many things": {Definition: "refund", Statuses: []instance.Status{instance.Completed}, Tag: "customer=c2", From: at(1)},
	} {
		want := model(all, q)
		for _, limit := range []int{0, 1, 3, 64, 1000} {
			q := q
			q.Limit = limit
			got, pages := w.pages(q)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s, limit %d: %s", name, limit, diff)
			}
			if limit == 1000 && pages != 1 {
				t.Errorf("%s: %d pages for %d rows", name, pages, len(want))
			}
		}
	}
}

// pages follows the cursors of q.
func (w *world) pages(q orchestrator.Query) (ids []string, pages int) {
	w.t.Helper()
	for {
		a := answer[orchestrator.ListAnswer](w, "list", q)
		if len(a.Sagas) > q.Bounded() {
			w.t.Fatalf("%d rows, at most %d were asked for", len(a.Sagas), q.Bounded())
		}
		for _, s := range a.Sagas {
			if s.Input != nil {
				w.t.Errorf("%s: a list has payloads", s.ID)
			}
			ids = append(ids, s.ID)
		}
		pages++
		if a.Next == nil {
			return ids, pages
		}
		q.After = *a.Next
	}
}

// Where not all rows fit into a message, the cursor comes early and nothing is lost.
func TestAListThatDoesNotFitGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.fill(100, strings.Repeat("r", 40_000))
	got, pages := w.pages(orchestrator.Query{Limit: 1000})
	if diff := gocmp.Diff(model(all, orchestrator.Query{}), got); diff != "" || pages < 4 {
		t.Errorf("%d pages, %s", pages, diff)
	}
}

func TestAnAnswerThatFitsIntoNoMessageIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(1, strings.Repeat("r", 2<<20))
	if _, code, text := w.ask("list", ""); code != orchestrator.CodeTooLarge || !strings.Contains(text, "at most") {
		t.Errorf("got %q %q", code, text)
	}
}
