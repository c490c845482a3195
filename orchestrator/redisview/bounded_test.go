package redisview_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
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

// Rows may have large payloads. However many are asked for, no answer of Redis is
// much larger than one row, and a page ends before it takes too long to read;
// all the same every row is found.
func TestRowsWithPayloadsAreReadInPieces(t *testing.T) {
	t.Parallel()
	const rows, payload = 40, 512 << 10
	const most = 8<<20 + 5<<20 // of a page, and of an answer more than fits
	rdb := redistest.Client(t)
	f := newFiller(t, rdb)
	var ids []string
	for i := range rows {
		s := typical(i)
		s.Input = make([]byte, payload)
		f.write([]orchestrator.Row{{State: s, Was: &instance.State{}}})
		ids = append(ids, s.ID)
	}
	var largest atomic.Int64
	rdb.AddHook(answers{&largest})

	var listed []string
	for q := (orchestrator.Query{Limit: orchestrator.MaxLimit}); ; {
		page, err := f.view.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Sagas); n == 0 || n*payload > most {
			t.Errorf("a page of %d rows of %d bytes", n, payload)
		}
		for _, s := range page.Sagas {
			listed = append(listed, s.ID)
		}
		if page.Next == nil {
			break
		}
		q.After = *page.Next
	}
	slices.Reverse(listed)
	if !slices.Equal(listed, ids) {
		t.Errorf("%d rows are listed, want %d, each once and in order", len(listed), rows)
	}
	if states, err := f.view.States(t.Context(), ids); err != nil || len(states) != rows {
		t.Errorf("%d rows, want %d; %v", len(states), rows, err)
	}
	var replaced []orchestrator.Row
	for i := range rows {
		replaced = append(replaced, orchestrator.Row{State: typical(i)}) // nobody knows what they were
	}
	f.write(replaced)
	if n := largest.Load(); n == 0 || n > 5<<20 {
		t.Errorf("the largest answer has %d bytes", n)
	}
}

// answers notes the size of the largest answer to a command.
type answers struct{ largest *atomic.Int64 }

func (a answers) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (a answers) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		switch cmd := cmd.(type) {
		case *redis.Cmd:
			a.largest.Store(max(a.largest.Load(), size(cmd.Val())))
		case *redis.SliceCmd:
			a.largest.Store(max(a.largest.Load(), size(cmd.Val())))
		}
		return err
	}
}

func (a answers) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func size(answer any) (bytes int64) {
	switch answer := answer.(type) {
	case string:
		return int64(len(answer))
	case []any:
		for _, a := range answer {
			bytes += size(a)
		}
	}
	return bytes
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
