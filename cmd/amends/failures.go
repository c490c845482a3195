package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
)

type failuresFlags struct {
	definition, step, since, until string
	limit                          int
}

func newFailures(a *app) *cobra.Command {
	var f failuresFlags
	cmd := &cobra.Command{
		Use: "failures", Short: "Show in what ways sagas fail, the most frequent first",
		Long: `Groups the sagas that are stuck, or that turned back, by definition, step and
reason; what differs from one to the next, such as numbers, ids and quoted text,
counts as the same. TREND is the time that was asked for, from left to right.

'amends list --fingerprint <fingerprint>' lists the sagas of one line.`,
		Example: `  amends failures                              # of the last 24 hours
  amends failures --definition place-order --since 1h
  amends failures --since 720h -o json | jq -r '[.count, .error] | @tsv'`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.failures(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.definition, "definition", "", "`name` or name@version")
	flags.StringVar(&f.step, "step", "", "that failed at this `step`")
	flags.StringVar(&f.since, "since", "24h", "failed at this `time` or later, or so long ago: 2026-01-31T12:00:00Z, 1h")
	flags.StringVar(&f.until, "until", "", "failed before this `time`, or longer ago; now if not set")
	flags.IntVar(&f.limit, "limit", orchestrator.DefaultLimit, "at most so many")
	completeDefinitions(cmd)
	return cmd
}

// completeDefinitions completes --definition with those that are linked in.
func completeDefinitions(cmd *cobra.Command) {
	var names []string
	for _, d := range samples() {
		names = append(names, d.Name, d.String())
	}
	_ = cmd.RegisterFlagCompletionFunc("definition", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// trendWidth is how many parts of the time a trend shows.
const trendWidth = 24

func (f failuresFlags) query(now time.Time) (q orchestrator.ClusterQuery, err error) {
	q = orchestrator.ClusterQuery{Step: f.step, Buckets: trendWidth, Limit: f.limit}
	if f.limit < 1 {
		return q, fmt.Errorf("--limit %d: at least 1", f.limit)
	}
	if f.definition != "" {
		if q.Definition, q.Version, err = nameAndVersion(f.definition); err != nil {
			return q, err
		}
	}
	if q.From, q.To, err = span(f.since, f.until, now); err != nil {
		return q, err
	}
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		return q, fmt.Errorf("--since is empty: say a time, such as 24h")
	}
	return q, q.Validate()
}

func (a *app) failures(ctx context.Context, f failuresFlags) error {
	q, err := f.query(time.Now())
	if err != nil {
		return usage(err)
	}
	return a.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		found, err := c.Clusters(ctx, q)
		if err != nil {
			return err
		}
		if err := a.printClusters(found); err != nil {
			return err
		}
		if found.Rest > 0 {
			a.note("%d failures of other kinds are not shown: --limit, --definition or --step", found.Rest)
		}
		if found.Unsorted > 0 {
			a.note("up to %d failures are of so many different kinds that they are not told apart: --definition", found.Unsorted)
		}
		return nil
	})
}

func (a *app) printClusters(found orchestrator.Clusters) error {
	t := table{}
	switch a.output {
	case formatTable:
		t = a.table("COUNT", "TREND", "LAST", "DEFINITION", "STEP", "ERROR", "FINGERPRINT")
	case formatWide:
		t = a.table("COUNT", "TREND", "FIRST", "LAST", "DEFINITION", "VERSIONS", "STEP", "ERROR", "FINGERPRINT", "SAGAS")
	}
	for _, c := range found.Clusters {
		var err error
		switch a.output {
		case formatJSON:
			err = a.json(c)
		case formatName:
			err = a.line(c.ID)
		case formatWide:
			t.row(strconv.Itoa(c.Count), trend(c.Buckets), when(c.First), when(c.Last), c.Definition,
				strings.Trim(fmt.Sprint(c.Versions), "[]"), stepText(c), c.Error, c.ID, strings.Join(c.Sagas, " "))
		default:
			t.row(strconv.Itoa(c.Count), trend(c.Buckets), when(c.Last), c.Definition, stepText(c), c.Error, c.ID)
		}
		if err != nil {
			return err
		}
	}
	if t.w == nil {
		return nil
	}
	return t.flush()
}

func stepText(c orchestrator.Cluster) string {
	if c.Step == "" {
		return "-"
	}
	return string(c.Direction) + " " + c.Step
}

// trend draws counts as a line of blocks.
func trend(buckets []int) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	most := 1
	for _, n := range buckets {
		most = max(most, n)
	}
	var b strings.Builder
	for _, n := range buckets {
		if n == 0 {
			b.WriteByte('.')
			continue
		}
		b.WriteRune(blocks[(n*len(blocks)-1)/most])
	}
	return b.String()
}
