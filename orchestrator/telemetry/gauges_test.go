package telemetry_test

import (
	"errors"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A member drives partition 0, and says so.
type member struct{}

func (member) Status() orchestrator.Status {
	return orchestrator.Status{
		Partitions: []orchestrator.PartitionStatus{{Partition: 0, Position: 1}},
		Counts:     orchestrator.Counts{Conflicts: 7, Stale: 3},
	}
}

// gauges collects what is a number of the moment, by name and by the labels'
// values, and the totals of a member. Whatever is wrong, it can be collected.
func (p *process) gauges() map[string]int64 {
	p.t.Helper()
	var data metricdata.ResourceMetrics
	if err := p.meter.Collect(p.t.Context(), &data); err != nil {
		p.t.Fatal(err)
	}
	all := map[string]int64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			var points []metricdata.DataPoint[int64]
			switch d := m.Data.(type) {
			case metricdata.Gauge[int64]:
				points = d.DataPoints
			case metricdata.Sum[int64]:
				points = d.DataPoints
			}
			for _, point := range points {
				key := m.Name
				for _, label := range point.Attributes.ToSlice() {
					key += " " + label.Value.String()
				}
				all[key] = point.Value
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
	if err := p.Attach(member{}, p.Journal(journal), view); err != nil {
		t.Fatal(err)
	}
	p.Began(0, journal.Partition(0), 3)
	check := func(want map[string]int64) {
		t.Helper()
		got := p.gauges()
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
	view.Fail(errors.New("away"))
	check(map[string]int64{"saga.stuck 1 order": -1, "saga.partition.lag 0": 2, "saga.append.conflicts": 7})
}
