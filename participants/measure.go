package participants

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/participants/protocol"
)

// A stopwatch measures handlers, as messaging.process.duration.
type stopwatch struct {
	histogram metric.Float64Histogram
	labels    map[protocol.Outcome]metric.MeasurementOption // made beforehand: there is one measurement a command
}

// noAnswer stands in a label for a handler that gave none.
const noAnswer = "no_answer"

func newStopwatch(meters metric.MeterProvider, fixed []attribute.KeyValue) stopwatch {
	h, err := meters.Meter(scope, metric.WithInstrumentationVersion(SDKVersion)).Float64Histogram("messaging.process.duration",
		metric.WithUnit("s"), metric.WithDescription("Handling a command."),
		metric.WithExplicitBucketBoundaries(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60))
	if err != nil || h == nil {
		return stopwatch{} // what cannot be measured is handled all the same
	}
	s := stopwatch{h, map[protocol.Outcome]metric.MeasurementOption{}}
	for _, o := range []protocol.Outcome{
		"", protocol.Done, protocol.Refused, protocol.Failed, protocol.Undone, protocol.NothingToUndo, protocol.Rejected,
	} {
		label := attribute.String("saga.outcome", string(o))
		if o == "" {
			label = attribute.String("error.type", noAnswer)
		}
		s.labels[o] = metric.WithAttributeSet(attribute.NewSet(append(fixed[:len(fixed):len(fixed)], label)...))
	}
	return s
}

// start returns when a handler began, or nothing if nobody measures.
func (s stopwatch) start(ctx context.Context) (began time.Time) {
	if s.histogram != nil && s.histogram.Enabled(ctx) {
		began = time.Now()
	}
	return began
}

func (s stopwatch) stop(of span, o protocol.Outcome, err error) {
	if of.began.IsZero() {
		return
	}
	if err != nil {
		o = ""
	}
	if label, ok := s.labels[o]; ok {
		s.histogram.Record(trace.ContextWithSpan(context.Background(), of.Span), time.Since(of.began).Seconds(), label)
	}
}
