// Command benchpeers measures what sagas cost in Amends and in a peer, by turns
// on one machine and in one run, and says by how much they differ. Figures that
// were taken an hour apart say little about that; pairs of turns do.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
)

const long = `Measures Amends and a peer by turns, on the same machine and in one run: each
turn starts the whole system, warms it up, and puts the load on. The order is
swapped every other round. What is told is the ratio of the two turns of a
round: its median, least and most. Before that, each system is tried with
several numbers of sagas in flight, and the peer with the settings of the Go
runtime that Amends' parts have and without them: it is measured as it is best.

The work is that of 'amends bench': three steps by participants that answer at
once, a compensation for each, about 80 bytes of JSON, and a client that waits
for the end. A Redis with an AOF that is synced every second is started for each.

docs/benchmarks.md has the method, figures, and what is not equal.`

// maxRounds and maxInFlight bound what somebody may ask for.
const (
	maxRounds   = 1000
	maxInFlight = 16384
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	peer           string
	rounds, sagas  int
	duration       time.Duration
	path, inFlight []string
	dir, output    string
	sync           bool
}

func newCommand() *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use: "benchpeers", Short: "Measure Amends and a peer by turns", Long: long,
		Example: `  make bench-peers
  go run ./cmd/amends/internal/benchpeers --rounds 10 --duration 10s
  go run ./cmd/amends/internal/benchpeers --path happy --in-flight 16 -o json
  go run ./cmd/amends/internal/benchpeers --sync-always   # more durable than the peer's store`,
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.peer, "peer", "dtm", "`name` of the peer: dtm")
	flags.IntVar(&o.rounds, "rounds", 5, "`number` of turns of each system for each load")
	flags.DurationVar(&o.duration, "duration", 4*time.Second, "how long a turn takes, after a quarter as much of warm-up")
	flags.IntVar(&o.sagas, "sagas", 0, "`number` of sagas of a turn; as many as --duration takes if not set")
	flags.StringSliceVar(&o.path, "path", []string{bench.Happy, bench.Compensate}, "`paths` of sagas")
	flags.StringSliceVar(&o.inFlight, "in-flight", []string{"1", "16", "peak"}, "`numbers` in flight; peak is what gives each system most")
	flags.BoolVar(&o.sync, "sync-always", false, "Amends' NATS server writes to disk what it acknowledges, as 'amends bench --sync-always'; the peer's Redis stays as it is")
	flags.StringVar(&o.dir, "dir", "", "`directory` for files of servers and programs; a fresh one if not set")
	flags.StringVarP(&o.output, "output", "o", "table", "table or json")
	return cmd
}

func run(cmd *cobra.Command, o options) (err error) {
	ctx, fail := context.WithCancelCause(cmd.Context())
	defer fail(nil)
	points, err := o.points()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "amends-bench-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := comparison{rounds: o.rounds, progress: func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) }}
	if c.amends, c.peer, err = build(ctx, dir, o.sync, fail, c.progress); err != nil {
		return err
	}
	report, err := c.compare(ctx, points)
	switch {
	case err != nil:
		return cmp.Or(context.Cause(ctx), err)
	case o.output == "json":
		return report.json(cmd.OutOrStdout())
	}
	return report.table(cmd.OutOrStdout())
}

// points are the loads to compare.
func (o options) points() (points []load, err error) {
	switch {
	case o.peer != "dtm":
		return nil, fmt.Errorf("--peer %q: there is dtm alone", o.peer)
	case o.rounds < 1 || o.rounds > maxRounds || o.sagas < 0 || o.duration <= 0:
		return nil, fmt.Errorf("--rounds %d, --sagas %d, --duration %v: all are positive, and rounds at most %d", o.rounds, o.sagas, o.duration, maxRounds)
	case o.output != "table" && o.output != "json":
		return nil, fmt.Errorf("--output %q is neither table nor json", o.output)
	}
	for _, path := range o.path {
		if !slices.Contains([]string{bench.Happy, bench.Compensate}, path) {
			return nil, fmt.Errorf("--path %q is neither happy nor compensate", path)
		}
		for _, text := range o.inFlight {
			n, err := strconv.Atoi(text)
			switch {
			case text == "peak":
				n = bench.Peak
			case err != nil || n < 1 || n > maxInFlight:
				return nil, fmt.Errorf("--in-flight %q is neither a number from 1 to %d nor peak", text, maxInFlight)
			}
			l := load{Path: path, InFlight: n, Sagas: o.sagas}
			if o.sagas == 0 {
				l.Seconds = o.duration.Seconds()
			}
			points = append(points, l)
		}
	}
	return points, nil
}
