package redisview_test

import (
	"flag"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/participants/protocol"
)

var listRows = flag.Int("rows", 100_000, "rows in BenchmarkList")

// A filler writes rows of sagas as they are in practice: three steps each.
type filler struct {
	b    testing.TB
	view orchestrator.PartitionView
	at   orchestrator.Position
}

func newFiller(b testing.TB, rdb redis.UniversalClient) *filler {
	b.Helper()
	v, err := redisview.Open(b.Context(), rdb)
	if err != nil {
		b.Fatal(err)
	}
	f := &filler{b: b, view: v.Partition(0)}
	if f.at, err = f.view.Exchange(b.Context(), "bench"); err != nil {
		b.Fatal(err)
	}
	return f
}

func (f *filler) write(rows []orchestrator.Row) {
	f.b.Helper()
	f.at.Revision++
	f.at.To += uint64(len(rows))
	if err := f.view.Write(f.b.Context(), orchestrator.Write{Generation: "bench", Position: f.at, Rows: rows}); err != nil {
		f.b.Fatal(err)
	}
}

func (f *filler) fill(rows, batch int) {
	f.b.Helper()
	list := make([]orchestrator.Row, 0, batch)
	for i := range rows {
		list = append(list, orchestrator.Row{State: typical(i), Was: &instance.State{}})
		if len(list) == batch || i == rows-1 {
			f.write(list)
			list = list[:0]
		}
	}
}

// typical is the i-th saga: of three definitions, most of them completed.
func typical(i int) instance.State {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Millisecond)
	s := instance.State{
		ID: fmt.Sprintf("0198c5d2-7a31-7c00-8000-%012d", i), Definition: "place-order", Version: 1 + i%2,
		Fingerprint: "9f86d081884c7d65", Tags: map[string]string{"customer": strconv.Itoa(i % 5000)},
		Run: uint64(8*i + 1), Last: uint64(8*i + 8), Read: uint64(8*i + 7), Links: 5, Status: instance.Completed, PastPivot: true,
		Input:   []byte(`{"id":"order-12345","sku":"ABC-123","units":3,"amount":4200,"currency":"EUR"}`),
		Started: at, Updated: at.Add(3 * time.Millisecond), Ended: at.Add(3 * time.Millisecond),
	}
	for j, name := range []string{"reserve-stock", "charge-card", "ship-parcel"} {
		s.Steps = append(s.Steps, instance.Step{Name: name, Do: instance.Progress{
			Phase: instance.Closed, Number: 1, Participant: "participant", Outcome: protocol.Done,
			Command: s.Run + uint64(2*j) + 1, Output: []byte(`{"id":"res-12345"}`),
		}})
	}
	switch {
	case i%1000 == 0:
		s.Status = instance.Stuck
	case i%100 == 1:
		s.Status = instance.Running
	case i%10 == 2:
		s.Status = instance.Compensated
	}
	if i%3 == 0 {
		s.Definition = "refund-order"
	}
	if i%50_000 == 7 {
		s.Definition, s.Parked = "rare", "no definition"
	}
	if i%10_000 == 0 {
		s.Suspended = true
	}
	// The halves of two tags hardly meet: the worst for a filter by both.
	if i%2 == 0 {
		s.Tags["region"] = "eu"
	}
	return s
}

// BenchmarkWrite writes sagas in batches, and counts per saga.
func BenchmarkWrite(b *testing.B) {
	b.Run("over", func(b *testing.B) { benchmarkWrite(b, true) })
	b.Run("over, not known to be new", func(b *testing.B) { benchmarkWrite(b, false) })
	b.Run("running, then over", benchmarkTwice)
}

func benchmarkWrite(b *testing.B, known bool) {
	for _, batch := range []int{16, 256, 1024} {
		b.Run(strconv.Itoa(batch), func(b *testing.B) {
			f := newFiller(b, redistest.Client(b))
			rows := make([]orchestrator.Row, batch)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for i := range rows {
					rows[i] = orchestrator.Row{State: typical(n)}
					if known {
						rows[i].Was = &instance.State{}
					}
					n++
				}
				b.StartTimer()
				f.write(rows)
			}
			perSaga(b, n)
		})
	}
}

// benchmarkTwice writes each saga while it runs, with its timer, and at its end.
func benchmarkTwice(b *testing.B) {
	f := newFiller(b, redistest.Client(b))
	rows := make([]orchestrator.Row, 256)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range rows {
			s := typical(n)
			s.Status = instance.Running
			rows[i] = orchestrator.Row{State: s, Was: &instance.State{}, Due: s.Updated}
			n++
		}
		b.StartTimer()
		f.write(rows)
		for i := range rows {
			was := rows[i].State
			rows[i].State.Status = instance.Completed
			rows[i].Was, rows[i].Due = &was, time.Time{}
		}
		f.write(rows)
	}
	perSaga(b, n)
}

func perSaga(b *testing.B, sagas int) {
	b.ReportMetric(float64(sagas)/b.Elapsed().Seconds(), "sagas/s")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(sagas), "us/saga")
}

// BenchmarkList lists under each filter; see the flag -rows.
func BenchmarkList(b *testing.B) {
	f := newFiller(b, redistest.Client(b))
	f.fill(*listRows, 1000)
	middle := orchestrator.CursorOf(typical(*listRows / 2))
	for _, c := range []struct {
		name string
		q    orchestrator.Query
	}{
		{"all", orchestrator.Query{}},
		{"all, from the middle", orchestrator.Query{After: middle}},
		{"all, 1000 rows", orchestrator.Query{Limit: 1000}},
		{"completed", orchestrator.Query{Statuses: []instance.Status{instance.Completed}}},
		{"stuck", orchestrator.Query{Statuses: []instance.Status{instance.Stuck}}},
		{"definition", orchestrator.Query{Definition: "place-order"}},
		{"version", orchestrator.Query{Version: 2}},
		{"rare definition", orchestrator.Query{Definition: "rare"}},
		{"definition and status", orchestrator.Query{Definition: "refund-order", Statuses: []instance.Status{instance.Stuck}}},
		{"rare definition and stuck", orchestrator.Query{Definition: "rare", Statuses: []instance.Status{instance.Stuck}}},
		{"narrow tag", orchestrator.Query{Tag: "customer=42"}},
		{"narrow tag and completed", orchestrator.Query{Tag: "customer=42", Statuses: []instance.Status{instance.Completed}}},
		{"wide tag", orchestrator.Query{Tag: "region=eu"}},
		{"wide tag and definition", orchestrator.Query{Tag: "region=eu", Definition: "place-order"}},
		{"wide tag and running, of which none has it", orchestrator.Query{Tag: "region=eu", Statuses: []instance.Status{instance.Running}}},
		{"suspended", orchestrator.Query{Suspended: true}},
		{"suspended and completed", orchestrator.Query{Suspended: true, Statuses: []instance.Status{instance.Completed}}},
		{"parked", orchestrator.Query{Parked: true}},
		{"an hour ago", orchestrator.Query{From: middle.Started.Add(-time.Minute), To: middle.Started}},
	} {
		b.Run(c.name, func(b *testing.B) {
			rows := 0
			for b.Loop() {
				list, err := f.view.List(b.Context(), c.q)
				if err != nil {
					b.Fatal(err)
				}
				rows = len(list.Sagas)
			}
			b.ReportMetric(float64(rows), "rows")
		})
	}
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.view.Count(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
