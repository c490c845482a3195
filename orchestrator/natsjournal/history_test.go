package natsjournal_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/amends-io/amends/internal/natstest"
)

// A page with room for more than there are has the server look on, up to the
// stream's end, while nothing else is stored.
func TestAHistoryIsNotLookedForBehindItsEnd(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	p := j.Partition(0)
	const length = 5
	last := put(t, p, start("order-1"))
	middle := last
	for n := range length - 1 {
		put(t, p, start("other-"+string(rune('a'+n))))
		if last = put(t, p, link("order-1", last)); n == 1 {
			middle = last
		}
	}
	asked, err := nc.SubscribeSync("$JS.API.DIRECT.GET.SAGA-0")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[uint64]int{0: length, middle: 3, last: 1, last + 1: 0} {
		found, err := p.History(t.Context(), "order-1", from)
		if err != nil || len(found) != want {
			t.Fatalf("from %d: %d messages, %v, want %d", from, len(found), err, want)
		}
		if want > 0 && found[want-1].Sequence != last {
			t.Errorf("from %d: it ends at %d, want %d", from, found[want-1].Sequence, last)
		}
		for requests := min(max(want, 1), 2); requests > 0; requests-- {
			m, err := asked.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatalf("from %d: %v", from, err)
			}
			var page struct{ Batch int }
			if err := json.Unmarshal(m.Data, &page); err != nil || page.Batch > max(want, 1) {
				t.Errorf("from %d: asked for %d of %d messages, %v", from, page.Batch, want, err)
			}
		}
	}
	if pending, _, err := asked.Pending(); err != nil || pending != 0 {
		t.Errorf("%d more requests, %v", pending, err)
	}
}
