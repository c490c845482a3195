package telemetry_test

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/telemetry"
	"github.com/amends-io/amends/participants/protocol"
)

// BenchmarkSaga is all that is done about one saga of three steps, retries and
// time-outs among them, up to the exporter.
func BenchmarkSaga(b *testing.B) {
	history := journal(b, "completed")
	events := make([][]instance.Event, len(history))
	for i, m := range history {
		if m.Address.Kind == protocol.KindLink {
			var err error
			if events[i], err = orchestrator.DecodeEvents(m.Header.Get(protocol.HeaderEvents)); err != nil {
				b.Fatal(err)
			}
		}
	}
	for name, cfg := range map[string]telemetry.Config{
		"metrics": {Meters: metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))},
		"both": {
			Meters:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
			Tracers: sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(telemetry.IDs{})),
		},
	} {
		b.Run(name, func(b *testing.B) {
			t, err := telemetry.New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			t.Began(0, &partition{}, 1)
			for b.Loop() {
				for i, m := range history {
					if events[i] != nil {
						t.Stored(0, m, events[i])
						continue
					}
					t.Read(0, m, true)
				}
				if err := t.Flush(b.Context()); err != nil { // so that nothing is dropped
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if err := t.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
