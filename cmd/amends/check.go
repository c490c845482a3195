package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator"
)

func newCheck(a *app) *cobra.Command {
	var partition int
	cmd := &cobra.Command{
		Use: "check", Short: "Compare Redis with what the journal says",
		Long: `Reads the whole journal, folds every saga, and compares the result with its row
in Redis, field by field; timers, lists and the position too. It may run beside live
orchestrators: what differs is looked at again first. It changes nothing.

Ends with 0 if Redis is what the journal says, with 1 if it is not; then
'amends rebuild' makes it anew.`,
		Example: `  amends check                 # all partitions
  amends check -o json | jq    # one line a difference, and one a partition`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.checkView(cmd.Context(), partition) },
	}
	cmd.Flags().IntVar(&partition, "partition", -1, "this one only")
	return cmd
}

func (a *app) checkView(ctx context.Context, only int) error {
	s, err := a.stores(ctx, only)
	if err != nil {
		return err
	}
	defer s.close()
	t := (*table)(nil)
	report := func(d orchestrator.Difference) {
		if a.output == formatJSON {
			_ = a.json(d) // a broken pipe shows with the next line
			return
		}
		if t == nil {
			made := a.table("PARTITION", "SAGA", "FIELD", "REDIS", "JOURNAL")
			t = &made
		}
		t.row(fmt.Sprint(d.Partition), d.ID, d.Field, d.View, d.Journal)
	}
	var all []orchestrator.Checked
	differences := 0
	for _, p := range s.partitions {
		checked, err := orchestrator.Check(ctx, p, s.journal, s.view, report, a.progress(fmt.Sprintf("partition %d", p)))
		if err != nil {
			return fmt.Errorf("check partition %d: %w", p, err)
		}
		all = append(all, checked)
		differences += checked.Differences
	}
	if t != nil {
		if err := t.flush(); err != nil {
			return err
		}
	}
	return a.checked(all, differences)
}

// checked says what was looked at.
func (a *app) checked(all []orchestrator.Checked, differences int) error {
	for _, c := range all {
		var err error
		if a.output == formatJSON {
			err = a.json(c)
		} else {
			err = a.line(fmt.Sprintf("partition %d: %d messages, %d sagas, %d differences", c.Partition, c.Messages, c.Sagas, c.Differences))
		}
		if err != nil {
			return err
		}
	}
	if differences > 0 {
		a.note("Redis differs from the journal; 'amends rebuild' makes it anew.")
		return quiet(exitError)
	}
	return nil
}

// progress returns a function that shows, on a terminal, how far something is.
func (a *app) progress(what string) func(at, end uint64) {
	if !a.terminal {
		return nil
	}
	var last time.Time
	return func(at, end uint64) {
		if now := time.Now(); at >= end || now.Sub(last) > 100*time.Millisecond {
			last = now
			fmt.Fprintf(a.stderr, "\r%s: %d of %d ", what, at, end)
			if at >= end {
				fmt.Fprint(a.stderr, "\r\x1b[K")
			}
		}
	}
}
