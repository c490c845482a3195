// Package exporters opens what the standard OpenTelemetry variables ask for.
// With none of them set it is nothing.
package exporters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/orchestrator/telemetry"
)

// Config says who is observed.
type Config struct {
	Getenv   func(string) string
	Version  string
	Instance string
	// Prometheus asks for Metrics although no variable does.
	Prometheus bool
	// Spans, if set, is told of each export of spans.
	Spans func(count int, err error)
}

// Providers are what is observed with. Fields that nobody asked for are nil.
type Providers struct {
	Tracers *trace.TracerProvider
	Sampled func(client api.SpanContext, root api.TraceID) bool
	Meters  *metric.MeterProvider
	Metrics http.Handler // of Prometheus
	Logs    slog.Handler

	env  env
	logs *log.LoggerProvider
}

// Open opens the exporters. They connect when they have something to send; an
// address that is wrong shows then.
func Open(ctx context.Context, cfg Config) (p *Providers, err error) {
	p = &Providers{env: env(cfg.Getenv)}
	if p.env.is("OTEL_SDK_DISABLED", "true") && !cfg.Prometheus {
		return p, nil
	}
	who, err := cfg.resource(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = p.Close(ctx) // nothing was sent
		}
	}()
	if err := p.traces(ctx, who, cfg.Spans); err != nil {
		return p, err
	}
	if err := p.metrics(ctx, who, cfg.Prometheus); err != nil {
		return p, err
	}
	return p, p.log(ctx, who)
}

// On reports whether anything is observed.
func (p *Providers) On() bool { return p.Tracers != nil || p.Meters != nil || p.logs != nil }

func (p *Providers) traces(ctx context.Context, who *resource.Resource, told func(int, error)) error {
	name, err := p.env.exporter("TRACES", "otlp")
	if err != nil || name == "" {
		return err
	}
	sampler, err := p.env.sampler()
	if err != nil {
		return err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return fmt.Errorf("exporter of traces: %w", err)
	}
	var batch []trace.BatchSpanProcessorOption
	if p.env("OTEL_BSP_MAX_QUEUE_SIZE") == "" {
		batch = append(batch, trace.WithMaxQueueSize(spanQueue))
	}
	var sink trace.SpanExporter = exporter
	if told != nil {
		sink, batch = telling{exporter, told}, append(batch, trace.WithBlocking())
	}
	p.Tracers = trace.NewTracerProvider(trace.WithResource(who), trace.WithIDGenerator(telemetry.IDs{}),
		trace.WithSampler(trace.ParentBased(trace.AlwaysSample())), trace.WithBatcher(sink, batch...))
	p.Sampled = func(client api.SpanContext, root api.TraceID) bool {
		parent := api.ContextWithRemoteSpanContext(context.Background(), client)
		return sampler.ShouldSample(trace.SamplingParameters{ParentContext: parent, TraceID: root}).Decision == trace.RecordAndSample
	}
	return nil
}

// spanQueue is how many spans wait for their export, if no variable says so. A
// saga of three steps has 15.
const spanQueue = 32768

func (p *Providers) log(ctx context.Context, who *resource.Resource) error {
	name, err := p.env.exporter("LOGS", "otlp")
	if err != nil || name == "" {
		return err
	}
	exporter, err := otlploghttp.New(ctx)
	if err != nil {
		return fmt.Errorf("exporter of logs: %w", err)
	}
	p.logs = log.NewLoggerProvider(log.WithResource(who), log.WithProcessor(log.NewBatchProcessor(exporter)))
	p.Logs = otelslog.NewHandler("github.com/amends-io/amends", otelslog.WithLoggerProvider(p.logs))
	return nil
}

// closeTimeout bounds what is sent at the end: a collector that is away must
// not keep a process from ending.
const closeTimeout = 5 * time.Second

// Close sends what waits to be sent.
func (p *Providers) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var errs []error
	if p.Tracers != nil {
		errs = append(errs, p.Tracers.Shutdown(ctx))
	}
	if p.Meters != nil {
		errs = append(errs, p.Meters.Shutdown(ctx))
	}
	if p.logs != nil {
		errs = append(errs, p.logs.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// resource is who we are. What variables say comes last, and so wins.
func (c Config) resource(ctx context.Context) (*resource.Resource, error) {
	r, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(
		attribute.String("service.name", "amends"), attribute.String("service.version", c.Version),
		attribute.String("service.instance.id", c.Instance)), resource.WithFromEnv())
	if err != nil && r == nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return r, nil
}

// telling is an exporter that says what became of each batch.
type telling struct {
	trace.SpanExporter
	tell func(count int, err error)
}

func (t telling) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	err := t.SpanExporter.ExportSpans(ctx, spans)
	t.tell(len(spans), err)
	return err
}

// An env reads the standard variables.
type env func(string) string

func (e env) is(name, value string) bool { return strings.EqualFold(strings.TrimSpace(e(name)), value) }

// exporter returns the one that is asked for, or "". Where none is named, an
// endpoint asks for OTLP.
func (e env) exporter(signal string, known ...string) (string, error) {
	variable := "OTEL_" + signal + "_EXPORTER"
	name := strings.ToLower(strings.TrimSpace(e(variable)))
	switch {
	case e.is("OTEL_SDK_DISABLED", "true"), name == "none":
		return "", nil
	case name == "" && e("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && e("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") == "":
		return "", nil
	case name == "":
		name = "otlp"
	}
	if !slices.Contains(known, name) {
		return "", fmt.Errorf("%s: %.32q is none of %s, none", variable, name, strings.Join(known, ", "))
	}
	for _, of := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := e(of); name == "otlp" && protocol != "" {
			if protocol != "http/protobuf" {
				return "", fmt.Errorf("%s: %.32q is not supported; say http/protobuf, to a collector's port 4318", of, protocol)
			}
			break
		}
	}
	return name, nil
}
