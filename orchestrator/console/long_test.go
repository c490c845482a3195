package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// pages reads a saga's history page by page, and returns the sequences.
func (w *world) pages(id string, limit int) (list []uint64) {
	w.t.Helper()
	for after := uint64(0); ; {
		page := answer[struct {
			Entries []verbs.Entry
			Next    uint64
		}](w, fmt.Sprintf("/sagas/%s/history?limit=%d&after=%d", id, limit, after))
		for _, e := range page.Entries {
			list = append(list, e.Sequence)
		}
		if page.Next == 0 {
			return list
		}
		after = page.Next
	}
}

// A long history is remembered while it is looked at. What came since, and that
// it left, is noticed all the same.
func TestALongHistoryStaysTrue(t *testing.T) {
	t.Parallel()
	const id = "o-long"
	w := newWorld(t)
	w.start(id, stuckUnits)
	w.ended(id)
	for range 400 {
		w.signal(id, "x")
	}
	w.stop() // from now on only what the test does happens
	for range 3 {
		if got, want := w.pages(id, 97), w.sequences(id); !slices.Equal(got, want) {
			t.Errorf("got %d messages, want %d", len(got), len(want))
		}
		w.signal(id, "y")
	}
	all := w.sequences(id)
	if trace := answer[verbs.Trace](w, "/sagas/"+id+"/steps"); trace.Messages != len(all) || trace.Last != all[len(all)-1] {
		t.Errorf("got %d messages up to %d, want %d", trace.Messages, trace.Last, len(all))
	}
	if s := answer[verbs.Saga](w, "/sagas/"+id); s.At != all[len(all)-1] {
		t.Errorf("the state is the one after %d, want %d", s.At, all[len(all)-1])
	}
	if err := w.journal.Partition(protocol.Partition(id, 2)).Purge(t.Context(), id, all[len(all)-1]+1); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/history", "/steps", "/plan", "/export"} {
		if status, text := w.get("/sagas/" + id + path); status != http.StatusNotFound {
			t.Errorf("%s of what left: %d %.200s", path, status, text)
		}
	}
}
