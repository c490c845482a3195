package redisview_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// fillAsked writes rows of sagas of which every one was asked something.
func (f *filler) fillAsked(rows, batch int) {
	f.b.Helper()
	list := make([]orchestrator.Row, 0, batch)
	for i := range rows {
		s := typical(i)
		s.Asked = []instance.Asked{{Input: s.Run + 3, Link: s.Run + 4, At: s.Updated, Verb: instance.Retry, By: "ann@example.com"}}
		list = append(list, orchestrator.Row{State: s, Was: &instance.State{}})
		if len(list) == batch || i == rows-1 {
			f.write(list)
			list = list[:0]
		}
	}
}

// However many requests there are, a page of an audit reads a bounded part of
// the view, and where little is found the cursor goes on to the end.
func TestAPageOfAnAuditIsBoundedWork(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	rdb := redistest.Client(t)
	f := newFiller(t, rdb)
	f.fillAsked(rows, 1000)
	for name, c := range map[string]struct {
		q           orchestrator.AuditQuery
		want, bytes int
	}{
		"no filter":       {orchestrator.AuditQuery{Limit: 50}, 200, 200_000},
		"one saga":        {orchestrator.AuditQuery{ID: typical(7).ID}, 1, 5_000},
		"a second of it":  {orchestrator.AuditQuery{From: typical(0).Updated, To: typical(0).Updated.Add(10 * time.Millisecond)}, 10, 20_000},
		"nobody asked so": {orchestrator.AuditQuery{By: "nobody"}, 0, 3_000_000},
	} {
		found, pages := 0, 0
		for {
			before := sent(t, rdb)
			page, err := f.view.Audit(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			if n := sent(t, rdb) - before; n > c.bytes {
				t.Errorf("%s: page %d reads %d bytes, at most %d are allowed", name, pages, n, c.bytes)
			}
			found, pages = found+len(page.Rows), pages+1
			if page.Next == nil || found >= 200 {
				break
			}
			c.q.After = *page.Next
		}
		if found != c.want || name == "nobody asked so" && pages < 3 {
			t.Errorf("%s: %d requests on %d pages, want %d", name, found, pages, c.want)
		}
	}
}

func TestADamagedRequestOfTheIndexIsNamed(t *testing.T) {
	t.Parallel()
	v := open(t, redistest.Client(t))
	exchange(t, v, "a")
	for _, member := range []string{"o|1", "o|" + strings.Repeat("0", 31) + "x", "o|" + strings.Repeat("0", 16) + strings.Repeat("z", 16) + "order"} {
		key := v.key(0, "index")
		v.must(v.rdb.ZAdd(t.Context(), key, redis.Z{Member: member}).Err())
		if _, err := v.Partition(0).Audit(t.Context(), orchestrator.AuditQuery{}); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: the error does not name the entry: %v", member, err)
		}
		v.must(v.rdb.ZRem(t.Context(), key, member).Err())
	}
}

// BenchmarkAudit asks a view whose every row has a request; see the flag -rows.
func BenchmarkAudit(b *testing.B) {
	f := newFiller(b, redistest.Client(b))
	f.fillAsked(*listRows, 1000)
	middle := orchestrator.AuditCursor{At: typical(*listRows / 2).Updated, Link: 1 << 60, ID: "o"}
	for name, q := range map[string]orchestrator.AuditQuery{
		"newest": {}, "1000 rows": {Limit: 1000}, "from the middle": {After: middle}, "one saga": {ID: typical(7).ID}, "nobody": {By: "nobody"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := f.view.Audit(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
