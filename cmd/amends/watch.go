package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel"

	"github.com/amends-io/amends/cmd/amends/internal/exporters"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/orchestrator/telemetry"
	"github.com/amends-io/amends/sagas"
)

// A watch is what a process that drives sagas is observed with: what the
// OTEL_ variables ask for, and Prometheus where a flag does.
type watch struct {
	member    string // whose telemetry it is
	log       *slog.Logger
	providers *exporters.Providers
	telemetry *telemetry.Telemetry // nil if nobody looks
	server    *http.Server         // nil unless metrics are served here
}

// watching says who is to be observed.
type watching struct {
	member      string // drawn at random if empty
	metrics     string // where Prometheus may ask; "" for what the variables say
	prefix      string // of the journal's subjects
	definitions []sagas.Definition
}

// watch opens it. The caller closes it after what it observes has ended.
func (a *app) watch(ctx context.Context, who watching, log *slog.Logger) (*watch, error) {
	// Drawn here, so that logs, metrics, traces and leases have one name for it.
	who.member = cmp.Or(who.member, "o-"+uuid.NewString()[24:])
	metrics := cmp.Or(who.metrics, exporters.PrometheusAddress(a.getenv))
	providers, err := exporters.Open(ctx, exporters.Config{
		Getenv: a.getenv, Version: version, Instance: who.member, Prometheus: metrics != "",
	})
	if err != nil {
		return nil, usage(err)
	}
	w := &watch{member: who.member, log: log, providers: providers}
	if !providers.On() {
		return w, nil
	}
	handler := telemetry.LogHandler(log.Handler())
	if providers.Logs != nil {
		handler = slog.NewMultiHandler(handler, providers.Logs)
	}
	w.log = slog.New(handler)
	local := slog.New(log.Handler()) // what tells of a collector that is away must not go to it
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { local.Warn("telemetry", "error", err) }))
	cfg := telemetry.Config{Sampled: providers.Sampled, Definitions: who.definitions, Prefix: who.prefix, Log: w.log}
	if providers.Tracers != nil {
		cfg.Tracers = providers.Tracers
	}
	if providers.Meters != nil {
		cfg.Meters = providers.Meters
	}
	if cfg.Tracers != nil || cfg.Meters != nil {
		if w.telemetry, err = telemetry.New(cfg); err != nil {
			return nil, errors.Join(err, providers.Close(ctx))
		}
	}
	if metrics != "" {
		err = w.listen(metrics)
	}
	if err != nil && who.metrics == "" { // a variable is for all processes of a machine: the address may be another's
		w.log.Warn("metrics are not served here", "error", err)
		err = nil
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// listen serves Prometheus at /metrics.
func (w *watch) listen(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("serve metrics: %w; --metrics says where", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", w.metrics())
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelWarn)}
	go func() { _ = w.server.Serve(listener) }() // it ends when the server is closed
	w.log.Info("metrics", "url", "http://"+listener.Addr().String()+"/metrics")
	return nil
}

// metrics is what Prometheus asks, wherever it is mounted; nil if nobody does.
func (w *watch) metrics() http.Handler { return w.providers.Metrics }

// orchestrator returns one that is observed, if anybody looks.
func (w *watch) orchestrator(cfg orchestrator.Config, rdb redis.UniversalClient) (*orchestrator.Orchestrator, error) {
	cfg.Log, cfg.Name = w.log, cmp.Or(cfg.Name, w.member)
	if w.telemetry == nil {
		return orchestrator.New(cfg)
	}
	if w.providers.Meters != nil {
		redisview.Measure(rdb, w.telemetry.Redis)
	}
	cfg.Observer, cfg.Journal = w.telemetry, w.telemetry.Journal(cfg.Journal)
	o, err := orchestrator.New(cfg)
	if err != nil {
		return nil, err
	}
	return o, w.telemetry.Attach(o, cfg.Journal, cfg.View)
}

// everything makes participants in this process make spans too.
func (w *watch) everything() {
	if w.providers.Tracers != nil {
		otel.SetTracerProvider(w.providers.Tracers)
	}
}

// close sends what waits to be sent.
func (w *watch) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var errs []error
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}
	if w.telemetry != nil {
		errs = append(errs, w.telemetry.Close(ctx))
	}
	errs = append(errs, w.providers.Close(ctx))
	if err := errors.Join(errs...); err != nil {
		w.log.Warn("what was observed last is lost", "error", err)
	}
}
