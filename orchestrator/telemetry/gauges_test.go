package telemetry_test

import (
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A member drives partition 0, and says how far it has read.
type member struct{ read uint64 }

func (m *member) Status() orchestrator.Status {
	return orchestrator.Status{
		Partitions: []orchestrator.PartitionStatus{{Partition: 0, Position: 1, Read: m.read}},
		Counts:     orchestrator.Counts{Conflicts: 7, Stale: 3},
	}
}

// numbers collects gauges, totals, and how many values a histogram has, by name
// and by the labels' values. Whatever is wrong, they can be collected.
func (p *process) numbers() map[string]int64 {
	p.t.Helper()
	var data metricdata.ResourceMetrics
	if err := p.meter.Collect(p.t.Context(), &data); err != nil {
		p.t.Fatal(err)
	}
	all := map[string]int64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			add := func(labels attribute.Set, value int64) {
				key := m.Name
				for _, label := range labels.ToSlice() {
					key += " " + label.Value.String()
				}
				all[key] = value
			}
			switch d := m.Data.(type) {
			case metricdata.Gauge[int64]:
				for _, point := range d.DataPoints {
					add(point.Attributes, point.Value)
				}
			case metricdata.Sum[int64]:
				for _, point := range d.DataPoints {
					add(point.Attributes, point.Value)
				}
			case metricdata.Histogram[float64]:
				for _, point := range d.DataPoints {
					add(point.Attributes, int64(point.Count))
				}
			}
		}
	}
	return all
}

// Gauges say what journal and view have. While the view is away those of it are
// missing, and no other metric is.
func TestGaugesOfAViewThatIsAwayAreMissingAlone(t *testing.T) {
	journal, view := inmem.NewJournal(1), inmem.NewView()
	for range 4 {
		if _, err := journal.Publish(t.Context(), protocol.Subjects{}.Canary(0), protocol.Header{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	part := view.Partition(0)
	if _, err := part.Exchange(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	row := func(id, definition string, status instance.Status) orchestrator.Row {
		return orchestrator.Row{State: instance.State{ID: id, Definition: definition, Version: 1, Run: 1, Last: 1, Status: status}, Was: &instance.State{}}
	}
	err := part.Write(t.Context(), orchestrator.Write{Generation: "g", Position: orchestrator.Position{Revision: 1, To: 1}, Rows: []orchestrator.Row{
		row("a", "order", instance.Running), row("b", "order", instance.Stuck), row("c", "order", instance.Compensating),
		row("d", "made-up", instance.Stuck), row("e", "made-up-too", instance.Stuck), row("f", "order", instance.Completed),
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(t)
	m := &member{read: 2}
	if err := p.Attach(m, p.Journal(journal), view); err != nil {
		t.Fatal(err)
	}
	check := func(want map[string]int64) {
		t.Helper()
		got := p.numbers()
		for key, n := range want {
			if value, ok := got[key]; n >= 0 && (!ok || value != n) || n < 0 && ok {
				t.Errorf("%s: %d, want %d", key, value, n)
			}
		}
	}
	check(map[string]int64{
		"saga.active 1 running order": 1, "saga.active 1 compensating order": 1, "saga.stuck 1 order": 1, "saga.stuck _other _other": 2,
		"saga.compensation.backlog 1 order": 1, "saga.partition.lag 0": 2, "saga.view.lag 0": 3, "saga.partition.owned 0": 1,
		"saga.append.conflicts": 7, "saga.inputs.late": 3, "saga.telemetry.dropped": 0,
	})
	m.read = 9 // what was stored since the tail was asked
	check(map[string]int64{"saga.partition.lag 0": 0})
	m.read = 2
	view.Fail(errors.New("away"))
	check(map[string]int64{"saga.stuck 1 order": -1, "saga.partition.lag 0": 2, "saga.append.conflicts": 7})
}

// The first attempt is no retry, and a step that no definition of this process
// has makes no time series: a hostile journal would make thousands.
func TestStepsAreCountedByNamesThatAreKnown(t *testing.T) {
	p := newProcess(t)
	history := journal(t, "completed")
	p.Began(0, &partition{history: history}, 1)
	p.read(history, true)
	_ = p.has() // all of it was looked at
	p.Redis("GET", time.Millisecond, nil)
	p.Redis("GET", time.Millisecond, nil)
	p.Redis("GET", time.Millisecond, errors.New("away"))
	got := p.numbers()
	for key, want := range map[string]int64{
		"saga.step.retries 1 do reserve order": 1, "saga.step.retries 1 do charge order": 1,
		"saga.step.retries 1 do _other order": 1, "saga.step.retries 1 do ship order": 0,
		"db.client.operation.duration GET redis": 2, "db.client.operation.duration GET redis _other": 1,
	} {
		if got[key] != want {
			t.Errorf("%s: %d, want %d", key, got[key], want)
		}
	}
}
