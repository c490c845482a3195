package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
	"github.com/amends-io/amends/cmd/amends/internal/reconcile"
	"github.com/amends-io/amends/orchestrator/natsjournal"
)

const benchLong = `Measures what sagas of three steps cost: how many a second, how long one takes,
and the CPU of each part. NATS, Redis, the orchestrator, each of the three
participants and the client are processes of their own. Participants answer at
once and keep nothing, unless --barrier adds runs in which they do.

Paths: happy, where all is done; compensate, where the third step is refused and
two are undone; and bare, which is no saga: the same messages through the same
consumers, without state, conditions or Redis. Each run has a journal of its
own and a warm-up. 'peak' is the best of several numbers in flight, which are
tried before. With --rate sagas are started at a steady pace, not when others end.
With --readers a console serves people who watch live, in every other of
32 rounds, each of which takes --duration.

NATS is the embedded server, and Redis a redis-server with an AOF that is synced
every second. With NATS_URL or REDIS_URL it is yours instead, and its CPU is not
told. docs/benchmarks.md has the method, and figures.`

type benchFlags struct {
	sagas          int
	inFlight, path []string
	duration       time.Duration
	barrier        bool
	dir, profile   string
	replicas, kept int
	rate, readers  int
	sync           bool
}

const (
	benchPeak = "peak"
	benchAll  = "all"
)

func newBench(a *app) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure what sagas cost", Long: benchLong,
		Example: `  amends bench                                   # all of it: two to three minutes
  amends bench --path happy --in-flight 16       # one figure
  amends bench --sagas 1000 --path all -o json   # a quick look, as one object
  amends bench --barrier                         # and with participants that keep what they did
  amends bench --path happy --sync-always        # nothing acknowledged is lost with the power
  amends bench --path happy --replicas 3         # three NATS servers
  amends bench --rate 2000 --readers 50 --duration 2s  # what people who watch cost`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), cmd, f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.sagas, "sagas", 0, "`number` of sagas of each run; as many as --duration takes if not set")
	flags.DurationVar(&f.duration, "duration", 10*time.Second, "how long each run takes, its warm-up and trials left out")
	flags.StringSliceVar(&f.inFlight, "in-flight", nil, "`numbers` in flight, or peak; if not set happy at 1,16,peak, compensate at 1,peak, bare at peak; 1024 with --rate")
	flags.StringSliceVar(&f.path, "path", []string{benchAll}, "`paths` of sagas: happy, compensate, bare, or all, which is happy with --rate")
	flags.BoolVar(&f.barrier, "barrier", false, "add runs whose participants have a barrier in Redis")
	flags.StringVar(&f.dir, "dir", "", "`directory` for the servers' files; a fresh one, below the system's for temporary files, if not set")
	flags.IntVar(&f.replicas, "replicas", 1, "`number` of NATS servers to start, and of the journal's replicas: 1, 3 or 5")
	flags.IntVar(&f.rate, "rate", 0, "`number` of sagas to start a second, as long as no more than --in-flight are under way")
	flags.IntVar(&f.readers, "readers", 0, "`number` of live readers of a console, whose cost is measured; wants --rate")
	flags.IntVar(&f.kept, "kept", 0, "`number` of sagas that end before each run, in its journal, and are kept: does a saga cost more then?")
	flags.BoolVar(&f.sync, "sync-always", false, "the NATS servers write to disk what they acknowledge, and the journal takes atomic batches")
	flags.StringVar(&f.profile, "profile", "", "`directory` for a CPU profile of each part, for 'go tool pprof'; profiling costs a few per cent")
	_ = cmd.RegisterFlagCompletionFunc("path", cobra.FixedCompletions([]string{bench.Happy, bench.Compensate, bench.Bare, benchAll}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) bench(ctx context.Context, cmd *cobra.Command, f benchFlags) (err error) {
	points, err := f.points()
	if err != nil {
		return err
	}
	quietRedis(slog.New(slog.DiscardHandler)) // a server that is gone is told otherwise
	if f.kept < 0 {
		return usagef("--kept %d: sagas are counted from 0", f.kept)
	}
	if f.replicas != 1 && f.replicas != 3 && f.replicas != 5 {
		return usagef("--replicas %d: 1, 3 or 5", f.replicas)
	}
	given := cmp.Or(a.nats.server, a.nats.context, a.getenv("NATS_URL")) != ""
	if err := f.checkReaders(points, given); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(f.dir, "amends-bench-")
	if err != nil {
		return usage(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	report, err := bench.Measure(ctx, bench.Config{
		Points: points, Sagas: f.sagas, Seconds: f.duration.Seconds(), Dir: dir, Profile: f.profile, Replicas: f.replicas, Sync: f.sync, Rate: f.rate, Readers: f.readers, Kept: f.kept, Redis: a.redis, NATS: given,
		Connect: a.benchConnect, Part: a.benchPart(cmd), Progress: func(text string) { fmt.Fprintln(a.stderr, text) },
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return codedError{exitInterrupted, errors.New("interrupted")}
	case err != nil:
		return err
	case a.output == formatJSON:
		return a.json(report)
	}
	return a.benchTable(report)
}

// points are the runs to make.
func (f benchFlags) points() (points []bench.Point, err error) {
	if f.sagas < 0 || f.duration <= 0 {
		return nil, usagef("--sagas %d, --duration %v: sagas and time are positive", f.sagas, f.duration)
	}
	paths := f.path
	switch all := slices.Equal(paths, []string{benchAll}); {
	case all && f.rate > 0:
		paths = []string{bench.Happy}
	case all:
		paths = []string{bench.Happy, bench.Compensate, bench.Bare}
	}
	barriers := []bool{false}
	if f.barrier {
		barriers = append(barriers, true)
	}
	for _, barrier := range barriers {
		for _, path := range paths {
			list, err := f.inFlightOf(path)
			if err != nil {
				return nil, err
			}
			for _, n := range list {
				if !barrier || path != bench.Bare {
					points = append(points, bench.Point{Path: path, InFlight: n, Barrier: barrier})
				}
			}
		}
	}
	return points, nil
}

// inFlightOf are the numbers in flight for a path.
func (f benchFlags) inFlightOf(path string) (list []int, err error) {
	defaults := map[string][]int{
		bench.Happy: {1, 16, bench.Peak}, bench.Compensate: {1, bench.Peak}, bench.Bare: {bench.Peak},
	}
	if defaults[path] == nil {
		return nil, usagef("--path %q is none of happy, compensate, bare, all", path)
	}
	switch {
	case len(f.inFlight) == 0 && f.rate > 0:
		return []int{steadyInFlight}, nil
	case len(f.inFlight) == 0:
		return defaults[path], nil
	}
	for _, text := range f.inFlight {
		n, err := strconv.Atoi(text)
		switch {
		case text == benchPeak:
			n = bench.Peak
		case err != nil || n < 1 || n > maxInFlight:
			return nil, usagef("--in-flight %q is neither a number from 1 to %d nor peak", text, maxInFlight)
		}
		list = append(list, n)
	}
	return list, nil
}

const (
	maxInFlight    = 16384
	steadyInFlight = 1024 // at most, of a steady load
)

// benchConnect connects to the server that was started, or to somebody's.
func (a *app) benchConnect(url string) (*nats.Conn, error) {
	if url != "" {
		return nats.Connect(url, natsjournal.ConnectOptions("amends-bench", nil)...)
	}
	n, err := a.nats.resolve(a.getenv)
	if err != nil {
		return nil, usage(err)
	}
	if n.api() != "" {
		return nil, usagef("bench wants JetStream of the server that it is connected to: leave out --js-domain and --js-api-prefix")
	}
	return a.connect()
}

// benchTable prints what was measured for people.
func (a *app) benchTable(r bench.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Sagas of three steps, on %d CPUs, %s, NATS %s, Redis %s; every part is a process of its own.\n\n", r.CPUs, r.Go, clean(r.NATS), clean(r.Redis))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "path\tin flight\tsagas\tsagas/s\tp50 ms\tp99 ms\tCPU ms/saga\tmessages\tbytes\tCPUs of others\t")
	for _, run := range r.Runs {
		others := "-" // not known on this system
		if run.Others != nil {
			others = fmt.Sprintf("%.2f", *run.Others)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%.2f\t%.2f\t%.3f\t%.1f\t%s\t%s\t\n", benchPath(run), run.InFlight, reconcile.Number(int64(run.Sagas)),
			reconcile.Number(int64(run.Rate)), run.P50, run.P99, run.CPU, run.Messages, reconcile.Number(int64(run.Bytes)), others)
	}
	_ = w.Flush() // into memory
	parts := bench.Parts
	if r.Readers != nil {
		parts = slices.Concat(parts, bench.ReaderParts)
	}
	fmt.Fprint(&b, "\nCPU, ms a saga:\n\n")
	fmt.Fprintf(w, "path\tin flight\t%s\t\n", strings.Join(parts, "\t"))
	for _, run := range r.Runs {
		fmt.Fprintf(w, "%s\t%d\t", benchPath(run), run.InFlight)
		for _, part := range parts {
			if cpu, ok := run.CPUByPart[part]; ok {
				fmt.Fprintf(w, "%.3f", cpu)
			} else {
				fmt.Fprint(w, "-") // somebody's server
			}
			fmt.Fprint(w, "\t")
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
	readersTable(&b, r.Readers)
	if r.HappyOfBare > 0 {
		fmt.Fprintf(&b, "\nAt peak the happy path makes %.0f %% of the bare pipeline's throughput.\n", 100*r.HappyOfBare)
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

func benchPath(r bench.Run) string {
	text := r.Path
	if r.Barrier {
		text += " with barrier"
	}
	if r.Peak {
		text += ", peak"
	}
	if r.Target > 0 {
		text += fmt.Sprintf(", %d/s", r.Target)
	}
	if r.Readers > 0 {
		text += fmt.Sprintf(", %d readers", r.Readers)
	}
	return text
}
