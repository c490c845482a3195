package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
)

// waitFlags say how long to wait, and for what.
type waitFlags struct {
	limit        time.Duration
	throughStuck bool
}

func (f *waitFlags) add(flags *pflag.FlagSet) {
	flags.DurationVar(&f.limit, "for", 0, "give up after so long (exit code 7); never if not set")
	flags.BoolVar(&f.throughStuck, "through-stuck", false, "go on waiting while it is stuck")
}

func (f waitFlags) until(ctx context.Context, s client.Saga) (client.End, error) {
	if f.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.limit)
		defer cancel()
	}
	var options []client.WaitOption
	if f.throughStuck {
		options = append(options, client.ThroughStuck())
	}
	return s.Wait(ctx, options...)
}

func newWait(a *app) *cobra.Command {
	var f waitFlags
	cmd := &cobra.Command{
		Use: "wait <id>...", Short: "Wait until sagas are over or stuck",
		Long: `Waits until every one of the sagas is over or stuck, and says how each ended. The
exit code is 0 if all completed, 5 if one was compensated, 6 if one is stuck.`,
		Example: "  amends wait order-17 --for 30s\n  amends list --status running -o name | xargs amends wait",
		Args:    args(1, -1, "an id"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.wait(cmd.Context(), f, ids)
		},
	}
	f.add(cmd.Flags())
	return cmd
}

func (a *app) wait(ctx context.Context, f waitFlags, ids []string) error {
	for _, id := range ids {
		if err := wantID(id); err != nil {
			return err
		}
	}
	if f.limit > 0 { // for all of them together
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.limit)
		defer cancel()
	}
	return a.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		var worst error
		for _, id := range ids {
			saga, err := c.Saga(ctx, id)
			if err != nil {
				return err
			}
			end, err := f.until(ctx, saga)
			if err != nil {
				return err
			}
			if err := a.ended(end); worse(err, worst) {
				worst = err
			}
		}
		return worst
	})
}

// worse reports whether the exit code of err counts more than that of other.
func worse(err, other error) bool {
	return err != nil && (other == nil || exitCode(context.Background(), err) > exitCode(context.Background(), other))
}

// ended prints how a saga ended. Its error is the exit code.
func (a *app) ended(end client.End) error {
	var err error
	switch a.output {
	case formatJSON:
		err = a.json(map[string]any{
			"id": end.ID, "run": end.Run, "status": end.Status, "reason": end.Reason, "last": end.Last, "saga": documentOf(end.State),
		})
	case formatName:
		err = a.line(end.ID)
	default:
		text := fmt.Sprintf("%s %s after %s", end.ID, end.Status, took(end.State.Ended.Sub(end.State.Started)))
		if end.Status == instance.Stuck {
			text = fmt.Sprintf("%s is stuck", end.ID)
		}
		if end.Reason != "" {
			text += ": " + end.Reason
		}
		err = a.line(text)
	}
	switch {
	case err != nil:
		return err
	case end.Status == instance.Compensated:
		return quiet(exitCompensated)
	case end.Status == instance.Stuck:
		a.note("'amends get %s' says what it waits for, and 'amends retry' or 'amends resolve' how it goes on", end.ID)
		return quiet(exitStuck)
	}
	return nil
}
