// Package otlptest is a collector for tests: it receives OTLP over HTTP as
// protobuf, and keeps what a backend would have.
package otlptest

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A LogRecord is one that was received.
type LogRecord = logs.LogRecord

// A Span is one that was received, and who sent it.
type Span struct {
	*traces.Span
	Service string
}

// A Receiver keeps each span once, by its ids, as a backend does.
type Receiver struct {
	URL string
	t   testing.TB

	mu       sync.Mutex
	spans    map[string]Span
	received int // spans, repeated ones included
	metrics  []*metrics.Metric
	logs     []*logs.LogRecord
	refuse   bool
	refused  map[string]bool // names of spans
}

// Start starts a receiver that ends with the test.
func Start(t testing.TB) *Receiver {
	r := &Receiver{t: t, spans: map[string]Span{}, refused: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", receive(r, &collectortraces.ExportTraceServiceRequest{}, r.traces, &collectortraces.ExportTraceServiceResponse{}))
	mux.HandleFunc("POST /v1/metrics", receive(r, &collectormetrics.ExportMetricsServiceRequest{}, r.takeMetrics, &collectormetrics.ExportMetricsServiceResponse{}))
	mux.HandleFunc("POST /v1/logs", receive(r, &collectorlogs.ExportLogsServiceRequest{}, r.takeLogs, &collectorlogs.ExportLogsServiceResponse{}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func receive[M proto.Message](r *Receiver, empty M, take func(M), answer proto.Message) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		var body io.Reader = q.Body
		if q.Header.Get("Content-Encoding") == "gzip" {
			unzip, err := gzip.NewReader(body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = unzip
		}
		bytes, err := io.ReadAll(body)
		if err != nil {
			return // whoever sent it was killed
		}
		message := proto.Clone(empty).(M)
		if err := proto.Unmarshal(bytes, message); err != nil || q.Header.Get("Content-Type") != "application/x-protobuf" {
			r.t.Errorf("a request to %s is no OTLP: %v, %s", q.URL.Path, err, q.Header.Get("Content-Type"))
			http.Error(w, "not OTLP", http.StatusBadRequest)
			return
		}
		if r.refuses(message) {
			http.Error(w, "out of order", http.StatusBadRequest) // not to be tried again
			return
		}
		take(message)
		text, _ := proto.Marshal(answer)
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(text)
	}
}

// Refuse makes the receiver take nothing, or again everything.
func (r *Receiver) Refuse(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = yes
}

func (r *Receiver) refuses(m proto.Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if spans, ok := m.(*collectortraces.ExportTraceServiceRequest); ok && r.refuse {
		for _, resource := range spans.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					r.refused[s.Name] = true
				}
			}
		}
	}
	return r.refuse
}

// Refused reports whether a span of that name was refused.
func (r *Receiver) Refused(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused[name]
}

func (r *Receiver) traces(m *collectortraces.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range m.ResourceSpans {
		service := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				r.span(Span{s, service})
			}
		}
	}
}

// span takes one. The same ids are the same span, in everything.
func (r *Receiver) span(s Span) {
	r.received++
	key := fmt.Sprintf("%x/%x", s.TraceId, s.SpanId)
	if before, ok := r.spans[key]; ok && (before.Service != s.Service || !proto.Equal(before.Span, s.Span)) {
		r.t.Errorf("span %s is received again, and differs:\n%v\n%v", key, before, s)
	}
	r.spans[key] = s
}

func (r *Receiver) takeMetrics(m *collectormetrics.ExportMetricsServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range m.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			r.metrics = append(r.metrics, scope.Metrics...)
		}
	}
}

func (r *Receiver) takeLogs(m *collectorlogs.ExportLogsServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range m.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			r.logs = append(r.logs, scope.LogRecords...)
		}
	}
}

// Spans returns each span once, by its ids.
func (r *Receiver) Spans() map[string]Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]Span, len(r.spans))
	for key, s := range r.spans {
		all[key] = s
	}
	return all
}

// Received returns how many spans came, repeated ones included.
func (r *Receiver) Received() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.received
}

// Metrics returns what was received, in order.
func (r *Receiver) Metrics() []*metrics.Metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*metrics.Metric(nil), r.metrics...)
}

// Logs returns what was received, in order.
func (r *Receiver) Logs() []*logs.LogRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*logs.LogRecord(nil), r.logs...)
}
