package telemetry

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/orchestrator/telemetry/spans"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// other stands in a label for a name that no definition of this process has:
// what clients make up must not make time series.
const other = "_other"

// Buckets of durations, in seconds: of calls, of sagas, and of what may take days.
var (
	callBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	stepBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}
	sagaBuckets = []float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800}
)

// A meter has the instruments. A nil one measures nothing.
type meter struct {
	meter metric.Meter
	known map[definition]map[string]bool // and its steps
	watch []metric.Registration

	started, finished, retries                            metric.Int64Counter
	duration, inconsistency, step, lateness, append, call metric.Float64Histogram
	appended                                              map[string]metric.MeasurementOption // by error.type
}

func newMeter(m metric.Meter, definitions []sagas.Definition, dropped *atomic.Int64) (*meter, error) {
	r := &meter{meter: m, known: map[definition]map[string]bool{}}
	for _, d := range definitions {
		steps := map[string]bool{}
		for _, s := range d.Steps {
			steps[s.Name] = true
		}
		r.known[definition{d.Name, strconv.Itoa(d.Version)}] = steps
	}
	var errs []error
	counter := func(name, what string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithDescription(what))
		errs = append(errs, err)
		return c
	}
	histogram := func(name, what string, buckets []float64) metric.Float64Histogram {
		h, err := m.Float64Histogram(name, metric.WithDescription(what), metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(buckets...))
		errs = append(errs, err)
		return h
	}
	r.started = counter("saga.started", "Sagas that began.")
	r.finished = counter("saga.finished", "Sagas that ended, by outcome.")
	r.retries = counter("saga.step.retries", "Attempts after the first.")
	r.duration = histogram("saga.duration", "From the start to the end of a saga.", sagaBuckets)
	r.inconsistency = histogram("saga.inconsistency.duration", "From a saga's first effect to its end: how long others could see a part of it.", sagaBuckets)
	r.step = histogram("saga.step.duration", "From a command to the decision that read its answer, or that gave up.", stepBuckets)
	r.lateness = histogram("saga.timer.lateness", "How long after its time a timer's decision was made.", callBuckets)
	r.append = histogram("messaging.client.operation.duration", "From sending a link to the journal's answer.", callBuckets)
	r.call = histogram("db.client.operation.duration", "Commands to Redis.", callBuckets)
	r.appended = map[string]metric.MeasurementOption{}
	for _, fault := range []string{"", "conflict", "in_doubt", "too_much", other} {
		r.appended[fault] = metric.WithAttributeSet(appendSet(fault))
	}
	lost, err := m.Int64ObservableCounter("saga.telemetry.dropped", metric.WithDescription("Messages of which no span and no metric was made."))
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, r.observe(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(lost, dropped.Load())
		return nil
	}, lost)
}

func appendSet(fault string) attribute.Set {
	list := []attribute.KeyValue{
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.name", "send"), attribute.String("messaging.operation.type", "send"),
	}
	if fault != "" {
		list = append(list, attribute.String("error.type", fault))
	}
	return attribute.NewSet(list...)
}

func (r *meter) observe(f metric.Callback, instruments ...metric.Observable) error {
	registration, err := r.meter.RegisterCallback(f, instruments...)
	if err == nil {
		r.watch = append(r.watch, registration)
	}
	return err
}

func (r *meter) close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, w := range r.watch {
		errs = append(errs, w.Unregister())
	}
	return errors.Join(errs...)
}

// fact counts what a decision of this process has brought about. The context
// is the saga's, for exemplars.
func (r *meter) fact(sg *watched, f spans.Fact) {
	if r == nil {
		return
	}
	ctx := context.Background()
	if sg.sampled {
		ctx = trace.ContextWithSpanContext(ctx, sg.Root())
	}
	d := r.of(sg.Definition, sg.Version)
	of, steps := d.labels(), r.known[d]
	switch f := f.(type) {
	case spans.Begun:
		if sg.Definition != "" { // else it was refused
			r.started.Add(ctx, 1, metric.WithAttributes(of...))
		}
	case spans.Requested:
		if f.Number > 1 {
			r.retries.Add(ctx, 1, metric.WithAttributes(append(of, stepOf(steps, f.Attempt)...)...))
		}
		if f.Scheduled() {
			r.late(ctx, "retry", f.Late)
		}
	case spans.Closed:
		if f.Outcome == protocol.Unknown {
			r.late(ctx, "timeout", f.Overdue)
		}
		if f.Outcome != "" {
			set := append(append(of, stepOf(steps, f.Attempt)...), attribute.String("saga.outcome", string(f.Outcome)))
			r.step.Record(ctx, between(f.Decided, f.Closed), metric.WithAttributes(set...))
		}
	case spans.Ended:
		r.ended(ctx, sg, f, of)
	}
}

func (r *meter) ended(ctx context.Context, sg *watched, f spans.Ended, of []attribute.KeyValue) {
	set := metric.WithAttributes(append(of, attribute.String("saga.outcome", string(f.Outcome)))...)
	r.finished.Add(ctx, 1, set)
	r.duration.Record(ctx, between(sg.Started(), f.At), set)
	if effect := sg.Effect(); !effect.IsZero() {
		r.inconsistency.Record(ctx, between(effect, f.At), set)
	}
}

func (r *meter) late(ctx context.Context, timer string, d time.Duration) {
	r.lateness.Record(ctx, d.Seconds(), metric.WithAttributes(attribute.String("saga.timer", timer)))
}

// A definition is what its sagas are counted by.
type definition struct{ name, version string }

// unknown is every one that this process does not have.
var unknown = definition{other, other}

func (r *meter) of(name, version string) definition {
	if d := (definition{name, version}); r.known[d] != nil {
		return d
	}
	return unknown
}

func (d definition) labels() []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("saga.type", d.name), attribute.String("saga.definition.version", d.version)}
}

func stepOf(known map[string]bool, a *spans.Attempt) []attribute.KeyValue {
	step := a.Step
	if !known[step] {
		step = other
	}
	return []attribute.KeyValue{attribute.String("saga.step", step), attribute.String("saga.direction", string(a.Direction))}
}

// between is in seconds. Its times may be of two clocks, and either may have been set.
func between(from, to time.Time) float64 { return max(0, to.Sub(from).Seconds()) }
