package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel"

	"github.com/amends-io/amends/cmd/amends/internal/exporters"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/telemetry"
	"github.com/amends-io/amends/participants/protocol"
)

func newTraces(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "traces", Short: "Traces of sagas, for OpenTelemetry",
		Example: "  amends traces export --since 2h",
		Args:    args(0, 0, "a command of traces"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTracesExport(a))
	return cmd
}

type exportFlags struct{ since, until string }

func newTracesExport(a *app) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use: "export [<id>...]", Short: "Export the spans of sagas once more",
		Long: `Makes the spans of sagas from their histories and sends them to where the
standard OTEL_ variables say, after an outage of the collector for example. They
have the same ids and times as those that orchestrators make, so a backend that
knows a span by its ids has it once, however often it is exported.

Without ids it takes every saga that something happened to since --since; give
it a margin.`,
		Example: `  OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 amends traces export --since 2h
  amends traces export order-17 order-18`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, ids []string) error { return a.exportTraces(cmd.Context(), f, ids) },
	}
	cmd.Flags().StringVar(&f.since, "since", "", "sagas of which something happened at this `time` or later, or so long ago: 2026-01-31T12:00:00Z, 24h")
	cmd.Flags().StringVar(&f.until, "until", "", "and which started before this `time`")
	return cmd
}

func (a *app) exportTraces(ctx context.Context, f exportFlags, ids []string) error {
	q, since, err := f.query(time.Now())
	if err != nil {
		return usage(err)
	}
	if (len(ids) > 0) == (f.since != "") {
		return usagef("traces export wants ids, or --since")
	}
	for _, id := range ids {
		if err := wantID(id); err != nil {
			return err
		}
	}
	var sent tally
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // sent tells
	providers, err := exporters.Open(ctx, exporters.Config{Getenv: a.getenv, Version: version, Instance: "export", Spans: sent.add})
	if err != nil {
		return usage(err)
	}
	if providers.Tracers == nil {
		return usagef("no variable says where to: set OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	t, err := telemetry.New(telemetry.Config{Tracers: providers.Tracers, Sampled: providers.Sampled, Prefix: a.prefix})
	if err != nil {
		return errors.Join(err, providers.Close(ctx))
	}
	e := exporting{t: t, subjects: protocol.Subjects{Prefix: a.prefix}, sent: &sent}
	err = a.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		for _, id := range ids {
			if err := e.saga(ctx, c, id); err != nil {
				return err
			}
		}
		if len(ids) > 0 {
			return nil
		}
		return e.all(ctx, c, q, since)
	})
	if err = errors.Join(err, t.Close(ctx), providers.Tracers.ForceFlush(ctx), providers.Close(ctx), sent.failed()); err != nil {
		return err
	}
	a.note("%s, %s", plural(e.sagas, "saga"), plural(sent.count, "span"))
	return nil
}

func (f exportFlags) query(now time.Time) (q orchestrator.Query, since time.Time, err error) {
	q.Limit = orchestrator.MaxLimit
	since, q.To, err = span(f.since, f.until, now)
	return q, since, err
}

// An exporting is one run of the command.
type exporting struct {
	t        *telemetry.Telemetry
	subjects protocol.Subjects
	sent     *tally
	sagas    int
}

// all exports what was under way since then. A saga that started long before
// may have gone on, so the whole list is looked through.
func (e *exporting) all(ctx context.Context, c *client.Client, q orchestrator.Query, since time.Time) error {
	for s, err := range c.All(ctx, q) {
		if err != nil {
			return err
		}
		if s.Updated.Before(since) {
			continue
		}
		err := e.saga(ctx, c, s.ID)
		if fault := (*client.ServiceError)(nil); errors.As(err, &fault) && fault.Code == orchestrator.CodeNotFound {
			continue // its history left meanwhile
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *exporting) saga(ctx context.Context, c *client.Client, id string) error {
	if err := e.sent.failed(); err != nil {
		return err // what follows would fail, too
	}
	var history []orchestrator.Message
	for r, err := range c.History(ctx, id, 0, false) {
		if err != nil {
			return err
		}
		m := orchestrator.Message{Sequence: r.Sequence, Time: r.Time, Subject: r.Subject, Header: r.Header}
		if m.Address, err = e.subjects.Parse(r.Subject); err == nil {
			history = append(history, m)
		}
	}
	if _, err := e.t.Export(history); err != nil {
		return fmt.Errorf("saga %s: %w", id, err)
	}
	e.sagas++
	return nil
}

// A tally adds up what was exported. Exporters tell it from goroutines of theirs.
type tally struct {
	mu    sync.Mutex
	count int
	err   error
}

func (t *tally) add(count int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.count += count
	} else if t.err == nil {
		t.err = fmt.Errorf("export spans: %w", err)
	}
}

func (t *tally) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
