package exporters

import (
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func getenv(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestNothingIsOpenedUnasked(t *testing.T) {
	for _, variables := range []map[string]string{
		{},
		{"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"},
	} {
		p, err := Open(t.Context(), Config{Getenv: getenv(variables)})
		if err != nil || p.On() || p.Logs != nil || p.Metrics != nil || p.Tracers != nil {
			t.Errorf("%v: %+v, %v", variables, p, err)
		}
	}
}

func TestAnEndpointTurnsItsSignalOn(t *testing.T) {
	for name, want := range map[string][3]bool{
		"OTEL_EXPORTER_OTLP_ENDPOINT":         {true, true, true},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":  {true, false, false},
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": {false, true, false},
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT":    {false, false, true},
	} {
		p, err := Open(t.Context(), Config{Getenv: getenv(map[string]string{name: "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"})})
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]bool{p.Tracers != nil, p.Meters != nil, p.Logs != nil}; got != want || p.Metrics != nil {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestPrometheusHasItsAddress(t *testing.T) {
	for want, variables := range map[string]map[string]string{
		"":               {"OTEL_EXPORTER_PROMETHEUS_PORT": "1"},
		"localhost:9464": {"OTEL_METRICS_EXPORTER": "prometheus"},
		"0.0.0.0:9000":   {"OTEL_METRICS_EXPORTER": " Prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "0.0.0.0", "OTEL_EXPORTER_PROMETHEUS_PORT": "9000"},
	} {
		if got := PrometheusAddress(getenv(variables)); got != want {
			t.Errorf("%v: %q, want %q", variables, got, want)
		}
	}
}

// Samplers decide by the client's context, and by the last bytes of the root's
// trace, which all traces of a saga have.
func TestSamplersDecideAboutSagas(t *testing.T) {
	client := func(flags trace.TraceFlags) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: flags, Remote: true})
	}
	low, high := trace.TraceID{0: 1}, trace.TraceID{0: 1, 8: 0xff, 9: 0xff}
	for _, test := range []struct {
		sampler, arg string
		client       trace.SpanContext
		root         trace.TraceID
		want         bool
	}{
		{"", "", trace.SpanContext{}, high, true},
		{"", "", client(0), high, false},
		{"", "", client(trace.FlagsSampled), high, true},
		{"always_on", "", client(0), high, true},
		{"always_off", "", client(trace.FlagsSampled), low, false},
		{"parentbased_always_off", "", trace.SpanContext{}, low, false},
		{"parentbased_always_off", "", client(trace.FlagsSampled), low, true},
		{"traceidratio", "0.5", trace.SpanContext{}, low, true},
		{"traceidratio", "0.5", client(trace.FlagsSampled), high, false},
		{"parentbased_traceidratio", "0.5", trace.SpanContext{}, high, false},
		{"parentbased_traceidratio", "0.5", client(trace.FlagsSampled), high, true},
		{"traceidratio", "", trace.SpanContext{}, high, true},
	} {
		p, err := Open(t.Context(), Config{Getenv: getenv(map[string]string{
			"OTEL_TRACES_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": test.sampler, "OTEL_TRACES_SAMPLER_ARG": test.arg,
		})})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Sampled(test.client, test.root); got != test.want {
			t.Errorf("%s %s, client %v, root %v: %v", test.sampler, test.arg, test.client.TraceFlags(), test.root, got)
		}
	}
}
