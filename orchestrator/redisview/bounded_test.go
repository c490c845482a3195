package redisview_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Whatever is asked for, a page reads a bounded part of the view, and the
// cursor goes on to the end.
func TestAPageIsBoundedWork(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	rdb := redistest.Client(t)
	f := newFiller(t, rdb)
	f.fill(rows, 1000)
	completed := []instance.Status{instance.Completed}
	for name, c := range map[string]struct {
		q           orchestrator.Query
		want, bytes int // rows in all, at most; bytes of one page
	}{
		"no filter":                {orchestrator.Query{Limit: 50}, 200, 200_000},
		"a rare one":               {orchestrator.Query{Definition: "rare"}, 1, 100_000},
		"two that never meet":      {orchestrator.Query{Tag: "region=eu", Version: 2}, 0, 6_000_000},
		"three that never meet":    {orchestrator.Query{Tag: "region=eu", Version: 2, Statuses: completed}, 0, 6_000_000},
		"one that excludes itself": {orchestrator.Query{Step: "ship-parcel", Statuses: completed}, 0, 6_000_000},
	} {
		found, pages := 0, 0
		for {
			before := sent(t, rdb)
			page, err := f.view.List(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			if n := sent(t, rdb) - before; n > c.bytes {
				t.Errorf("%s: page %d reads %d bytes, at most %d are allowed", name, pages, n, c.bytes)
			}
			found, pages = found+len(page.Sagas), pages+1
			if page.Next == nil || found >= 200 {
				break
			}
			if c.q.After.ID != "" && !c.q.After.Less(*page.Next) {
				t.Fatalf("%s: the cursor stays at %v", name, page.Next)
			}
			c.q.After = *page.Next
		}
		if found != c.want {
			t.Errorf("%s: %d rows, want %d", name, found, c.want)
		}
		if name == "two that never meet" && pages < 3 {
			t.Errorf("%s: %d pages: nothing was cut short", name, pages)
		}
	}
}

// sent returns how many bytes Redis has answered with so far.
func sent(t *testing.T, rdb redis.UniversalClient) int {
	t.Helper()
	info, err := rdb.Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(info, "total_net_output_bytes:")
	n, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
