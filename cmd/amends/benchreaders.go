package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
	"github.com/amends-io/amends/cmd/amends/internal/reconcile"
)

// checkReaders checks flags of a steady load, and of those who look on.
func (f benchFlags) checkReaders(points []bench.Point, given bool) error {
	if f.rate < 0 || f.readers < 0 || f.rate > maxRate || f.readers > maxReaders {
		return usagef("--rate %d, --readers %d: from 0 to %d sagas a second, and to %d readers", f.rate, f.readers, maxRate, maxReaders)
	}
	for _, p := range points {
		if f.rate > 0 && p.InFlight == bench.Peak {
			return usagef("--in-flight peak: with --rate the load does not depend on it; say at most how many")
		}
	}
	switch {
	case f.readers == 0:
		return nil
	case f.rate == 0:
		return usagef("--readers wants --rate: rounds that are compared have the same load")
	case len(points) != 1 || points[0].Path == bench.Bare:
		return usagef("--readers wants one run: --path happy or compensate, one number in flight, no --barrier")
	case given:
		return usagef("--readers wants the NATS server that bench starts: the CPU of yours is not known; leave out NATS_URL")
	}
	return nil
}

// Bounds of a load: an id of a saga has eight digits, and a console so many streams.
const (
	maxRate    = 100_000
	maxReaders = 1000
)

// readersTable prints what live readers cost.
func readersTable(out io.Writer, r *bench.Watched) {
	if r == nil {
		return
	}
	fmt.Fprintf(out, "\n%d live readers, who saw %s events a second; CPU, ms a saga, medians of %d pairs of rounds, and what readers add to a pair:\n\n",
		r.Readers, reconcile.Number(int64(r.Events)), r.Pairs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "part\twithout\twith\tadded\tquartiles\t")
	for _, name := range bench.Compared {
		c, ok := r.Costs[name]
		if !ok {
			continue // somebody's server
		}
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t", name, c.Without, c.With)
		if c.Added == nil {
			fmt.Fprintf(w, "-\t-\t\n")
		} else {
			fmt.Fprintf(w, "%+.1f %%\t%+.1f to %+.1f\t\n", c.Added.Median, c.Added.P25, c.Added.P75)
		}
	}
	_ = w.Flush() // into memory
}
