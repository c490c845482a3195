package participants_test

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// What handlers take is measured by outcome, and no label names a saga.
func TestHandlersAreMeasured(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	j := newJournal(t, 1)
	j.run(answering(t, j, func(_ context.Context, a amount) (receipt, error) {
		if a.Units > 1 {
			return receipt{}, participants.Refuse(errors.New("too many"))
		}
		return receipt{"R-1"}, nil
	}, participants.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))))
	for id, body := range map[string]string{"order-1": `{"units":1}`, "order-2": `{"units":1}`, "order-3": `{"units":2}`} {
		j.send(command(id, protocol.Do, 1, body))
		j.reply()
	}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "messaging.process.duration" || m.Unit != "s" {
				t.Errorf("there is %s in %s", m.Name, m.Unit)
				continue
			}
			for _, point := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				outcome, _ := point.Attributes.Value(attribute.Key("saga.outcome"))
				got[outcome.AsString()] += point.Count
				if point.Attributes.Len() != 6 {
					t.Errorf("labels %v", point.Attributes.ToSlice())
				}
			}
		}
	}
	if got["done"] != 2 || got["refused"] != 1 || len(got) != 2 {
		t.Errorf("measured %v", got)
	}
}
