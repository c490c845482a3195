package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/participants/protocol"
)

type resolveFlags struct {
	byFlags
	stepFlags
	as, output    string
	noSettle, yes bool
}

func newResolve(a *app) *cobra.Command {
	var f resolveFlags
	cmd := &cobra.Command{
		Use: "resolve <id> --step <step> --as done|undone", Short: "Say what became of a step that waits for a person",
		Long: `Says what became of a step, after somebody has looked at the participant itself.
The participant is asked to settle on it, so that a command which is still
queued there takes no effect afterwards; until it has answered the saga stays
stuck, and if it knows better the history says so.

With --no-settle it is not asked, for one that will never answer again: then a
queued command may still take effect, and nobody will undo it.` + answered,
		Example: `  amends resolve order-17 --step charge --as undone --why "no charge in the bank's books"
  amends resolve order-17 --step ship --as done --output '{"parcel":"P-7"}' --yes`,
		Args: args(1, 1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.resolve(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	f.byFlags.add(flags)
	f.stepFlags.add(cmd)
	flags.StringVar(&f.as, "as", "", "done or undone")
	flags.StringVar(&f.output, "output", "", "the output of a step that is done: `JSON`, a file, or -")
	// That hides the shared flag of this name, and with it its -o.
	flags.StringVarP(&a.output, "format", "o", formatTable, "`format` of what is printed: table, json, wide or name")
	flags.BoolVar(&f.noSettle, "no-settle", false, "without asking the participant")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask whether to go on")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{"done", "undone"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) resolve(ctx context.Context, id string, f resolveFlags) error {
	ref, err := f.ref()
	if err != nil {
		return err
	}
	if err := wantID(id); err != nil {
		return err
	}
	r := client.Resolution{StepRef: ref, As: protocol.Outcome(f.as), Unsettled: f.noSettle}
	if r.As != protocol.Done && r.As != protocol.Undone {
		return usagef("--as is done or undone")
	}
	if f.output == "-" && !f.yes {
		return usagef("stdin cannot give both the output and an answer: add --yes")
	}
	if f.output != "" {
		if r.Output, err = a.payload(f.output); err != nil {
			return err
		}
	}
	question := fmt.Sprintf("Resolve %s %s of %s as %s?", ref.Direction, ref.Step, id, r.As)
	done := "the participant is asked to settle on it"
	if f.noSettle {
		question += " Its participant is not asked, and a command still queued there may take effect."
		done = "resolved"
	}
	if err := a.confirmed(question, f.yes); err != nil {
		return err
	}
	return a.ask(ctx, id, f.byFlags, done, func(ctx context.Context, s client.Saga, by client.By) (client.Decision, error) {
		return s.Resolve(ctx, by, r)
	})
}
