package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/cmd/amends/internal/generate"
	"github.com/amends-io/amends/orchestrator/client"
)

// newBenchLists is a part of 'make bench-million'.
func newBenchLists(a *app) *cobra.Command {
	rounds := 20
	cmd := &cobra.Command{
		Use: "bench-lists", Hidden: true, Short: "Measure lists of what 'amends generate' made",
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.benchLists(cmd.Context(), rounds) },
	}
	cmd.Flags().IntVar(&rounds, "rounds", rounds, "how often each is asked for")
	return cmd
}

func (a *app) benchLists(ctx context.Context, rounds int) error {
	if rounds < 1 {
		return usagef("--rounds %d: at least 1", rounds)
	}
	return a.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		t := table{}
		if a.output != formatJSON {
			t = a.table("QUESTION", "PLACE", "ROWS", "CALLS", "MEDIAN MS", "MAX MS")
		}
		if err := generate.Measure(ctx, c, rounds, func(m generate.Timing) error {
			if t.w == nil {
				return a.json(m)
			}
			t.row(m.Question, m.Place, strconv.Itoa(m.Rows), strconv.Itoa(m.Calls), milliseconds(m.Median), milliseconds(m.Max))
			return nil
		}); err != nil {
			return err
		}
		if t.w == nil {
			return nil
		}
		return t.flush()
	})
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000)
}
