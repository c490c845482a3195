package telemetry_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/telemetry"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A process is an observer with its exporters.
type process struct {
	*telemetry.Telemetry
	t     *testing.T
	spans *tracetest.InMemoryExporter
	meter *metric.ManualReader
}

func newProcess(t *testing.T, change ...func(*telemetry.Config)) *process {
	t.Helper()
	p := &process{t: t, spans: tracetest.NewInMemoryExporter(), meter: metric.NewManualReader()}
	cfg := telemetry.Config{
		Tracers:     sdktrace.NewTracerProvider(sdktrace.WithSyncer(p.spans), sdktrace.WithIDGenerator(telemetry.IDs{})),
		Meters:      metric.NewMeterProvider(metric.WithReader(p.meter)),
		Definitions: []sagas.Definition{{Name: "order", Version: 1, Steps: []sagas.Planned{{Name: "reserve"}, {Name: "charge"}}}},
		Log:         slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if p.Telemetry, err = telemetry.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

// has returns the spans that were exported: ids, names and times.
func (p *process) has() map[string]string {
	p.t.Helper()
	if err := p.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	all := map[string]string{}
	for _, s := range p.spans.GetSpans() {
		id := s.SpanContext.TraceID().String() + "/" + s.SpanContext.SpanID().String()
		all[id] = fmt.Sprint(s.Name, s.StartTime, s.EndTime, s.Parent.SpanID(), s.Attributes, len(s.Links), s.Status)
	}
	return all
}

// read tells p of messages as an owner does that stored those links itself.
func (p *process) read(history []orchestrator.Message, live bool) {
	for _, m := range history {
		if m.Address.Kind == protocol.KindLink && live {
			events, err := orchestrator.DecodeEvents(m.Header.Get(protocol.HeaderEvents))
			if err != nil {
				p.t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339Nano, m.Header.Get(protocol.HeaderTime))
			if err != nil {
				p.t.Fatal(err)
			}
			m.Time, m.Body = at, nil
			p.Stored(0, m, events)
			continue
		}
		p.Read(0, m, live)
	}
}

// count adds up a counter, or the number of values of a histogram.
func (p *process) count(name string) (n int64) {
	p.t.Helper()
	var data metricdata.ResourceMetrics
	if err := p.meter.Collect(p.t.Context(), &data); err != nil {
		p.t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != name {
				continue
			}
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, point := range d.DataPoints {
					n += point.Value
				}
			case metricdata.Histogram[float64]:
				for _, point := range d.DataPoints {
					n += int64(point.Count)
				}
			}
		}
	}
	return n
}

// An export makes the spans that the orchestrator made, and whatever the moment
// at which one is killed and its spans are lost, the one that comes after it
// makes all of them, and counts only what it decided itself.
func TestATakeoverAtAnyMomentLosesNoSpan(t *testing.T) {
	for _, name := range []string{"completed", "compensated", "resolved"} {
		history := journal(t, name)
		part := &partition{history: history}
		first := newProcess(t)
		first.Began(0, part, 1)
		first.read(history, true)
		want := first.has()
		export := newProcess(t)
		if n, err := export.Export(history); err != nil || n != len(want) {
			t.Fatalf("%s: %d spans, %v, want %d", name, n, err, len(want))
		}
		if diff := cmp.Diff(want, export.has()); diff != "" {
			t.Errorf("%s: the export (-live +export):\n%s", name, diff)
		}
		finished, steps := first.count("saga.finished"), first.count("saga.step.duration")
		if finished != 1 || steps < 4 {
			t.Errorf("%s: %d finished, %d steps", name, finished, steps)
		}
		for cut := range len(history) {
			before, after := newProcess(t), newProcess(t)
			before.Began(0, part, 1)
			before.read(history[:cut], true)
			_ = before.has()
			after.Began(0, part, history[cut].Sequence)
			after.read(history[cut:], true)
			if diff := cmp.Diff(want, after.has()); diff != "" {
				t.Errorf("%s, killed before message %d:\n%s", name, history[cut].Sequence, diff)
			}
			if n := before.count("saga.step.duration") + after.count("saga.step.duration"); n != steps {
				t.Errorf("%s, killed before message %d: both count %d steps, want %d", name, history[cut].Sequence, n, steps)
			}
			if n := before.count("saga.finished") + after.count("saga.finished"); n != 1 {
				t.Errorf("%s, killed before message %d: both count %d ends", name, history[cut].Sequence, n)
			}
		}
	}
}

// A link is told of when it is acknowledged. The reply to its command may have
// been read before that, also by an owner that knows nothing of the saga yet.
func TestAReplyThatIsToldBeforeItsCommandIsNotLost(t *testing.T) {
	for _, name := range []string{"completed", "compensated", "resolved"} {
		history := journal(t, name)
		export := newProcess(t)
		if _, err := export.Export(history); err != nil {
			t.Fatal(err)
		}
		inOrder := newProcess(t)
		inOrder.Began(0, &partition{history: history}, 1)
		inOrder.read(history, true)
		_ = inOrder.has()
		steps := inOrder.count("saga.step.duration")
		told, swapped := slices.Clone(history), 0
		for i := range len(told) - 1 {
			if told[i].Address.Kind == protocol.KindLink && told[i+1].Address.Kind == protocol.KindReply {
				told[i], told[i+1] = told[i+1], told[i]
				swapped++
			}
		}
		if swapped < 3 {
			t.Fatalf("%s: %d replies come before their commands", name, swapped)
		}
		for cut := range told {
			p := newProcess(t)
			p.Began(0, &partition{history: history}, 1)
			p.read(told[cut:], true)
			if diff := cmp.Diff(export.has(), p.has()); diff != "" {
				t.Errorf("%s, from message %d on:\n%s", name, told[cut].Sequence, diff)
			}
			if n := p.count("saga.step.duration"); cut == 0 && n != steps {
				t.Errorf("%s: %d steps are counted, want %d", name, n, steps)
			}
		}
	}
}

// The last that a killed owner saw, and what it may not have exported, comes
// again; what is older is not told once more, as after a rebuild.
func TestATakeoverReadsTheLastSecondsAgain(t *testing.T) {
	for age, again := range map[time.Duration]bool{0: true, time.Hour: false} {
		history := journal(t, "completed")
		for i := range history {
			history[i].Time = time.Now().Add(-age).Add(time.Duration(i) * time.Microsecond)
		}
		p := newProcess(t)
		part := &partition{history: history, read: make(chan struct{})}
		end := history[len(history)-1].Sequence
		p.Began(0, part, end+1)
		<-part.read
		if n := len(p.has()); (n > 0) != again {
			t.Errorf("%v old, before the position: %d spans", age, n)
		}
		p = newProcess(t)
		p.Began(0, &partition{history: history}, 1)
		p.read(history, false)
		if n := len(p.has()); (n > 0) != again {
			t.Errorf("%v old, while catching up: %d spans", age, n)
		}
		if n := p.count("saga.finished"); n != 0 {
			t.Errorf("%d ends are counted that somebody else decided", n)
		}
	}
}

// All spans of a saga are sampled, or none, and its commands say which.
func TestASagaIsSampledAsAWhole(t *testing.T) {
	history := journal(t, "completed")
	const client = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	history[0].Header.Set(protocol.HeaderTraceParent, client)
	for _, yes := range []bool{true, false} {
		var asked trace.SpanContext
		p := newProcess(t, func(c *telemetry.Config) {
			c.Sampled = func(from trace.SpanContext, root trace.TraceID) bool {
				if asked = from; from.TraceID() != root {
					t.Errorf("the root is in %s, the client in %s", root, from.TraceID())
				}
				return yes
			}
		})
		p.Began(0, &partition{history: history}, 1)
		p.read(history, true)
		if n := len(p.has()); (n > 10) != yes || !yes && n > 0 {
			t.Errorf("sampled %v: %d spans", yes, n)
		}
		if asked.IsSampled() || asked.TraceID().String() != client[3:35] {
			t.Errorf("asked about %v", asked)
		}
		if p.count("saga.finished") != 1 {
			t.Error("what is not sampled has to be counted all the same")
		}
		state := instance.State{ID: "o-1", Run: 1, Started: history[0].Time, Trace: client}
		header := p.TraceParent(&state, protocol.Attempt{Run: 1, Step: "reserve", Direction: protocol.Do, Number: 1})
		if strings.HasSuffix(header, "-01") != yes || len(header) != len(client) {
			t.Errorf("sampled %v: %s", yes, header)
		}
	}
}

// Without traces commands keep the client's context, and metrics are made.
func TestMetricsNeedNoTraces(t *testing.T) {
	history := journal(t, "completed")
	p := newProcess(t, func(c *telemetry.Config) { c.Tracers = nil })
	p.Began(0, &partition{history: history}, 1)
	p.read(history, true)
	if n := len(p.has()); n != 0 || p.count("saga.finished") != 1 {
		t.Errorf("%d spans, %d finished", n, p.count("saga.finished"))
	}
	if header := p.TraceParent(&instance.State{ID: "a"}, protocol.Attempt{}); header != "" {
		t.Error(header)
	}
}

func TestAProviderWithOtherIDsIsRefused(t *testing.T) {
	_, err := telemetry.New(telemetry.Config{Tracers: sdktrace.NewTracerProvider()})
	if err == nil || !strings.Contains(err.Error(), "telemetry.IDs") {
		t.Error(err)
	}
}

// A full queue drops, and says how much; the owner is never kept waiting. What
// is missing is made up for by the next link of the saga.
func TestAFullQueueKeepsNobodyWaiting(t *testing.T) {
	history := journal(t, "completed")
	entered, leave := make(chan struct{}), make(chan struct{})
	p := newProcess(t, func(c *telemetry.Config) {
		c.Tracers = sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(telemetry.IDs{}), sdktrace.WithSpanProcessor(&gate{entered: entered, leave: leave}))
	})
	p.Began(0, &partition{history: history}, 1)
	p.read(history[:3], true)
	<-entered // its goroutine is held now
	for range 20_000 {
		p.Read(0, history[1], true)
		p.Read(0, history[0], true)
	}
	close(leave)
	_ = p.has()
	if n := p.count("saga.telemetry.dropped"); n < 1000 {
		t.Errorf("%d messages were dropped", n)
	}
}

// gate holds the first span until it may leave.
type gate struct {
	sdktrace.SpanProcessor
	entered, leave chan struct{}
	held           bool
}

func (g *gate) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (g *gate) OnEnd(sdktrace.ReadOnlySpan) {
	if !g.held {
		g.held = true
		close(g.entered)
		<-g.leave
	}
}
func (g *gate) Shutdown(context.Context) error   { return nil }
func (g *gate) ForceFlush(context.Context) error { return nil }

func TestLogsHaveTheTraceOfTheSaga(t *testing.T) {
	p := newProcess(t)
	state := instance.State{ID: "a", Run: 1, Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	var b bytes.Buffer
	log := slog.New(telemetry.LogHandler(slog.NewTextHandler(&b, nil))).With("partition", 1)
	log.InfoContext(p.Context(t.Context(), &state), "about one")
	log.Info("about none")
	first, second, _ := strings.Cut(b.String(), "\n")
	if !strings.Contains(first, "partition=1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=") || strings.Contains(second, "trace_id") {
		t.Error(b.String())
	}
}
