package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/amends-io/amends/cmd/amends/internal/generate"
	"github.com/amends-io/amends/cmd/amends/internal/startup"
	"github.com/amends-io/amends/cmd/amends/internal/web"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/natsservice"
)

// serveFlags are what one orchestrator can be told.
type serveFlags struct {
	name                string
	retention, patience time.Duration
	servers             time.Duration // how long they may be away at start
	replicas            int
	logFormat, metrics  string
	verbose             bool
	http                httpFlags
	generated           bool
}

func newServe(a *app) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Drive sagas, and answer for them",
		Long: `Drives the sagas of the linked definitions over the NATS and Redis that it is
given, and answers clients over NATS and HTTP. Any number may run: they share the
partitions out, and take over within seconds from one that dies. On SIGTERM it
gives its partitions up and ends with 0.

It waits for NATS and Redis if they are not there yet, but the streams must be:
'amends init' makes them. Traces, metrics and logs go
where the standard OTEL_ variables say; with none of them set, nowhere.`,
		Example: `  NATS_URL=nats://nats:4222 REDIS_URL=redis://redis:6379/0 amends serve
  amends serve --retention 720h --require-replicas 3 --log json`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.http.given = cmd.Flags().Changed("http")
			return a.serve(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "of this member; drawn at random if not set")
	flags.DurationVar(&f.retention, "retention", 0, "how long the history of a saga that is over is kept; for ever if not set")
	flags.DurationVar(&f.patience, "view-patience", 30*time.Second, "how long to go on without Redis before the partitions are given up")
	flags.DurationVar(&f.servers, "wait-for-servers", time.Minute, "how long NATS and Redis may take to answer at start")
	flags.IntVar(&f.replicas, "require-replicas", 0, "refuse a journal with fewer replicas")
	flags.StringVar(&f.logFormat, "log", "text", "`format` of the log on stderr: text or json")
	flags.StringVar(&f.metrics, "metrics", "", "serve Prometheus at /metrics on this `address`, as in 127.0.0.1:9464")
	flags.BoolVar(&f.generated, "generated", false, "drive what 'amends generate' made, too")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log more")
	f.http.add(flags)
	_ = cmd.RegisterFlagCompletionFunc("log", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// logger writes to w as --log says.
func (f serveFlags) logger(w io.Writer) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if f.verbose {
		options.Level = slog.LevelDebug
	}
	switch f.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("--log %q is neither text nor json", f.logFormat)
}

func (a *app) serve(ctx context.Context, f serveFlags) error {
	for _, d := range []time.Duration{f.retention, f.patience, f.servers} {
		if d < 0 {
			return usagef("a time of %v", d)
		}
	}
	log, err := f.logger(a.stderr)
	if err != nil {
		return err
	}
	// A connection that is closed for good cannot come back: the process ends,
	// and whoever watches it starts another.
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	definitions := samples()
	if f.generated {
		definitions = append(definitions, generate.Definitions()...)
	}
	watch, err := a.watch(ctx, watching{f.name, f.metrics, a.prefix, definitions}, log)
	if err != nil {
		return err
	}
	defer watch.close()
	log = watch.log
	var s stores
	defer s.close()
	if s.nc, err = a.dial("amends-serve", log, nats.ClosedHandler(func(*nats.Conn) {
		fail(errors.New("the connection to NATS was closed for good"))
	})); err != nil {
		return err
	}
	quietRedis(log)
	if err := a.await(ctx, &s, f.servers, log); err != nil {
		return err
	}
	if err := startup.Await(ctx, f.servers, log, func() error { return a.profile(ctx, s.journal, f.replicas, log) }); err != nil {
		return err
	}
	o, err := watch.orchestrator(orchestrator.Config{
		Journal: s.journal, View: s.view, Definitions: definitions, Name: f.name, Prefix: a.prefix,
		ViewPatience: f.patience, Retention: f.retention,
	}, s.rdb)
	if err != nil {
		return usage(err)
	}
	parts := web.Parts{Journal: s.journal, View: s.view, Name: o.Status().Member, Log: log}
	return a.driveAndAnswer(ctx, f, s.nc, o, parts, watch.metrics())
}

// driveAndAnswer runs o, and answers for it over NATS and HTTP, until ctx is over.
func (a *app) driveAndAnswer(ctx context.Context, f serveFlags, nc *nats.Conn, o *orchestrator.Orchestrator, parts web.Parts, metrics http.Handler) error {
	n, err := a.nats.resolve(a.getenv)
	if err != nil {
		return usage(err)
	}
	if parts.Client, err = a.client(nc); err != nil {
		return err
	}
	defer parts.Client.Close()
	v := parts.Verbs()
	defer v.Close()
	service, err := natsservice.New(nc, natsservice.Config{
		Journal: parts.Journal, View: parts.View, Orchestrator: o, Verbs: v, Prefix: a.prefix, API: n.api(), Version: version, Log: parts.Log,
	})
	if err != nil {
		return err
	}
	server, err := f.http.start(v, parts.Client, metrics, parts.Log)
	if err != nil {
		return errors.Join(err, service.Stop())
	}
	parts.Log.Info("serving", "member", parts.Name, "nats", redacted(n.server), "partitions", parts.Journal.Partitions())
	err = errors.Join(o.Run(ctx), server.Close(), service.Stop())
	parts.Log.Info("the partitions are given up", "member", parts.Name)
	return cmp.Or(err, unlessInterrupted(ctx))
}

// profile says what an acknowledgement of this journal is worth, and refuses a
// journal that is worth less than asked for.
func (a *app) profile(ctx context.Context, j *natsjournal.Journal, replicas int, log *slog.Logger) error {
	p, err := j.Profile(ctx)
	if err != nil {
		return err
	}
	log.Info("the journal's durability", "profile", p.String())
	if p.Replicas < replicas {
		return fmt.Errorf("the journal has %d replicas, and --require-replicas asks for %d", p.Replicas, replicas)
	}
	return nil
}
