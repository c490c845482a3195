package exporters

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	bridge "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

func (p *Providers) metrics(ctx context.Context, who *resource.Resource, always bool) error {
	name, err := p.env.exporter("METRICS", "otlp", "prometheus")
	if err != nil {
		return err
	}
	options := []metric.Option{metric.WithResource(who)}
	if name == "prometheus" || always {
		reader, handler, err := prometheusReader()
		if err != nil {
			return fmt.Errorf("exporter of metrics: %w", err)
		}
		options, p.Metrics = append(options, metric.WithReader(reader)), handler
	}
	if name == "otlp" {
		exporter, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return fmt.Errorf("exporter of metrics: %w", err)
		}
		options = append(options, metric.WithReader(metric.NewPeriodicReader(exporter)))
	}
	if len(options) > 1 {
		p.Meters = metric.NewMeterProvider(options...)
	}
	return nil
}

// prometheusReader has a registry of its own: nothing else gets into it.
func prometheusReader() (metric.Reader, http.Handler, error) {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(c); err != nil {
			return nil, nil, err
		}
	}
	reader, err := bridge.New(bridge.WithRegisterer(registry), bridge.WithoutScopeInfo(),
		bridge.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes))
	return reader, promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}), err
}

// PrometheusAddress is where the variables say that metrics are to be had, or
// "" if they do not ask for it.
func PrometheusAddress(getenv func(string) string) string {
	if name, err := env(getenv).exporter("METRICS", "otlp", "prometheus"); err != nil || name != "prometheus" {
		return ""
	}
	return net.JoinHostPort(cmp.Or(getenv("OTEL_EXPORTER_PROMETHEUS_HOST"), "localhost"), cmp.Or(getenv("OTEL_EXPORTER_PROMETHEUS_PORT"), "9464"))
}
