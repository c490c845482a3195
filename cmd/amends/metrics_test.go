package main

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/amends-io/amends/internal/otlptest"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
)

// scrape asks for the metrics as Prometheus does, and reads them with its own
// library.
func (o *observed) scrape(stderr *watched) map[string]*dto.MetricFamily {
	o.t.Helper()
	return o.scrapeFrom(stderr, `url=(http://127\.0\.0\.1:\d+/metrics)`, "")
}

// scrapeFrom asks at the address that the log has, as the pattern says.
func (o *observed) scrapeFrom(stderr *watched, pattern, path string) map[string]*dto.MetricFamily {
	o.t.Helper()
	var url string
	o.until("the address of the metrics", func() bool {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(stderr.String()); found != nil {
			url = found[1] + path
		}
		return url != ""
	})
	answer, err := http.Get(url)
	if err != nil {
		o.t.Fatal(err)
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		o.t.Fatalf("%s: %v", answer.Status, err)
	}
	return families
}

// The families that the page lists, and for each the labels that it may have.
var families = map[string][]string{
	"saga_started_total": {"saga_type", "saga_definition_version"}, "saga_finished_total": {"saga_type", "saga_definition_version", "saga_outcome"},
	"saga_active":                                 {"saga_type", "saga_definition_version", "saga_status"},
	"saga_stuck":                                  {"saga_type", "saga_definition_version"},
	"saga_compensation_backlog":                   {"saga_type", "saga_definition_version"},
	"saga_duration_seconds":                       {"saga_type", "saga_definition_version", "saga_outcome"},
	"saga_inconsistency_duration_seconds":         {"saga_type", "saga_definition_version", "saga_outcome"},
	"saga_step_duration_seconds":                  {"saga_type", "saga_definition_version", "saga_step", "saga_direction", "saga_outcome"},
	"saga_step_retries_total":                     {"saga_type", "saga_definition_version", "saga_step", "saga_direction"},
	"saga_timer_lateness_seconds":                 {"saga_timer"},
	"saga_partition_lag":                          {"saga_partition"},
	"saga_view_lag":                               {"saga_partition"},
	"saga_partition_owned":                        {"saga_partition"},
	"saga_decisions_total":                        {},
	"saga_inputs_late_total":                      {},
	"saga_inputs_rejected_total":                  {},
	"saga_inputs_orphans_total":                   {},
	"saga_timers_total":                           {},
	"saga_append_doubts_total":                    {},
	"saga_append_conflicts_total":                 {},
	"saga_reloads_total":                          {},
	"saga_purged_total":                           {},
	"saga_alarms_total":                           {},
	"saga_telemetry_dropped_total":                {},
	"messaging_client_operation_duration_seconds": {"messaging_system", "messaging_operation_name", "messaging_operation_type", "error_type"},
	"db_client_operation_duration_seconds":        {"db_system_name", "db_operation_name", "error_type"},
}

// sum adds up the counters, or the counts of a histogram, whose labels have
// all of those values.
func sum(f *dto.MetricFamily, values ...string) (n float64) {
	for _, m := range f.GetMetric() {
		all := true
		for _, v := range values {
			all = all && slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool { return l.GetValue() == v })
		}
		if all {
			n += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return n
}

func TestMetricsSayWhatHappensAndNameNoSaga(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	stderr, _ := o.serve("20")
	o.ends(o.start("id-one", 1), instance.Completed)
	o.ends(o.start("id-two", 1001), instance.Compensated)
	o.ends(o.start("id-flaky", 1), instance.Completed)
	var got map[string]*dto.MetricFamily
	o.until("all to be counted", func() bool {
		got = o.scrape(stderr)
		return sum(got["saga_finished_total"]) == 3 && sum(got["saga_partition_owned"]) == 2 &&
			sum(got["saga_active"]) == 0 && sum(got["saga_view_lag"]) == 0 // the view follows
	})
	member := regexp.MustCompile(`msg=serving member=(\S+)`).FindStringSubmatch(stderr.String())
	if member == nil || sum(got["target_info"], member[1]) != 1 {
		t.Errorf("the metrics do not name the member as the log does, %q: %v", member, got["target_info"])
	}
	for _, want := range []struct {
		n      float64
		family string
		values []string
	}{
		{3, "saga_started_total", []string{"place-order", "1"}},
		{2, "saga_finished_total", []string{"place-order", "completed"}},
		{1, "saga_finished_total", []string{"compensated"}},
		{2, "saga_duration_seconds", []string{"completed"}},
		{1, "saga_inconsistency_duration_seconds", []string{"compensated"}},
		{3, "saga_step_duration_seconds", []string{"charge", "do", "done"}},
		{1, "saga_step_duration_seconds", []string{"charge", "do", "failed"}},
		{1, "saga_step_duration_seconds", []string{"ship", "do", "refused"}},
		{1, "saga_step_duration_seconds", []string{"reserve-stock", "undo", "undone"}},
		{1, "saga_step_retries_total", []string{"charge", "do"}},
		{1, "saga_timer_lateness_seconds", []string{"retry"}},
		{0, "saga_active", nil}, {0, "saga_stuck", nil}, {0, "saga_compensation_backlog", nil},
		{0, "saga_telemetry_dropped_total", nil}, {0, "saga_append_conflicts_total", nil},
	} {
		if n := sum(got[want.family], want.values...); n != want.n || got[want.family] == nil {
			t.Errorf("%s %v: %v, want %v", want.family, want.values, n, want.n)
		}
	}
	if n := sum(got["messaging_client_operation_duration_seconds"]); n < 15 {
		t.Errorf("%v appends were measured", n)
	}
	if n := sum(got["db_client_operation_duration_seconds"], "EVALSHA"); n < 1 {
		t.Errorf("%v scripts of Redis were measured", n)
	}
	o.checkLabels(got)
	if beside := o.scrapeFrom(stderr, `"the API is served" url=(http://127\.0\.0\.1:\d+)`, "/metrics"); sum(beside["saga_finished_total"]) != 3 {
		t.Error("the API does not have the metrics")
	}

	// What clients make up makes no time series.
	before := count(got)
	for n := range 100 {
		id := fmt.Sprintf("hostile-%d", n)
		if _, err := o.client.StartRaw(t.Context(), fmt.Sprintf("no-such-%d", n), n+1, []byte("{}"), client.ID(id)); err != nil {
			t.Fatal(err)
		}
	}
	o.until("them to be parked", func() bool {
		got = o.scrape(stderr)
		return sum(got["saga_stuck"], "_other") == 100
	})
	o.checkLabels(got)
	if after := count(got); after > before+8 { // series that were empty before
		t.Errorf("%d time series, %d before the hostile starts", after, before)
	}
	o.checkOTLP()
}

// checkLabels fails for a label that is not listed, for a value that names a
// saga, and for a family of ours that the page does not list.
func (o *observed) checkLabels(got map[string]*dto.MetricFamily) {
	o.t.Helper()
	for name, f := range got {
		allowed, ours := families[name]
		if strings.HasPrefix(name, "saga_") && !ours {
			o.t.Errorf("%s is not listed", name)
		}
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if ours && !slices.Contains(allowed, l.GetName()) {
					o.t.Errorf("%s has the label %s", name, l.GetName())
				}
				if strings.Contains(l.GetValue(), "id-") || strings.Contains(l.GetValue(), "hostile") || strings.Contains(l.GetValue(), "no-such") {
					o.t.Errorf("%s: label %s is %q", name, l.GetName(), l.GetValue())
				}
			}
		}
	}
	page := page(o.t)
	for name := range families {
		if got[name] == nil && name != "saga_timer_lateness_seconds" {
			o.t.Errorf("there is no %s", name)
		}
		if !strings.Contains(page, "`"+name+"`") {
			o.t.Errorf("docs/observability.md does not list %s", name)
		}
	}
}

// count returns how many time series of ours there are.
func count(got map[string]*dto.MetricFamily) (n int) {
	for name := range families {
		n += len(got[name].GetMetric())
	}
	return n
}

// checkOTLP looks at what came over OTLP: the same metrics, by their own names,
// and the alarm about a parked saga with the trace of the saga.
func (o *observed) checkOTLP() {
	o.t.Helper()
	o.until("metrics over OTLP", func() bool {
		names := map[string]bool{}
		for _, m := range o.collector.Metrics() {
			names[m.Name] = true
		}
		return names["saga.finished"] && names["saga.active"] && names["messaging.client.operation.duration"] && names["db.client.operation.duration"]
	})
	ctx, span := o.shop.Start(o.t.Context(), "POST /orders")
	if _, err := o.client.StartRaw(ctx, "nobody-has-it", 1, []byte("{}"), client.ID("logged")); err != nil {
		o.t.Fatal(err)
	}
	span.End()
	o.until("the log with the saga's trace", func() bool {
		return slices.ContainsFunc(o.collector.Logs(), func(l *otlptest.LogRecord) bool {
			return l.Body.GetStringValue() == "a saga is parked" && hex.EncodeToString(l.TraceId) == span.SpanContext().TraceID().String()
		})
	})
}

// Without a variable or a flag nothing is served, and nothing is sent.
func TestNobodyIsObservedUnasked(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	m := s.serve("--name", "m1")
	s.until(func(out string) bool { return strings.Count(out, "live for") == 2 }, "status")
	m.stop()
	m.ends(t)
	if text := m.stderr.String(); strings.Contains(text, "metrics") {
		t.Error(text)
	}
	for variables, want := range map[string]string{
		"OTEL_TRACES_EXPORTER=zipkin":                                                          "none of otlp, none",
		"OTEL_METRICS_EXPORTER=statsd":                                                         "otlp, prometheus, none",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://x OTEL_EXPORTER_OTLP_PROTOCOL=grpc":                "http/protobuf",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://x OTEL_TRACES_SAMPLER=some":                        "OTEL_TRACES_SAMPLER",
		"OTEL_TRACES_EXPORTER=otlp OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=2": "between 0 and 1",
	} {
		s := &system{t: t, variables: map[string]string{"NATS_URL": s.variables["NATS_URL"], "HOME": t.TempDir()}}
		for _, v := range strings.Fields(variables) {
			name, value, _ := strings.Cut(v, "=")
			s.variables[name] = value
		}
		m := s.serve()
		if code := m.ends(t); code != exitUsage || !strings.Contains(m.stderr.String(), want) {
			t.Errorf("%s: exit code %d, want %q: %s", variables, code, want, m.stderr.String())
		}
	}
}
