package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/participants/protocol"
)

// byFlags say who asks, why, and under which id.
type byFlags struct{ by, why, input string }

func (f *byFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.by, "by", "", "who asks (AMENDS_BY, USER)")
	flags.StringVar(&f.why, "why", "", "why; it is kept with the history")
	flags.StringVar(&f.input, "input-id", "", "`id` of the request: with the same one it is the same request; drawn if not set")
}

func (a *app) by(f byFlags) (client.By, error) {
	by := client.By{Who: a.who(f.by), Why: f.why, Input: f.input}
	if by.Who == "" {
		return by, usagef("it is kept who asks, and neither USER nor AMENDS_BY says it: --by does")
	}
	if f.input != "" {
		if err := protocol.CheckID(f.input); err != nil {
			return by, usage(err)
		}
	}
	return by, nil
}

type askFunc func(ctx context.Context, s client.Saga, by client.By) (client.Decision, error)

// ask sends a request about a saga, and prints the decision about it.
func (a *app) ask(ctx context.Context, id string, f byFlags, done string, ask askFunc) error {
	if err := wantID(id); err != nil {
		return err
	}
	by, err := a.by(f)
	if err != nil {
		return err
	}
	return a.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		saga, err := c.Saga(ctx, id)
		if err != nil {
			return err
		}
		d, err := ask(ctx, saga, by)
		if err != nil {
			return err
		}
		return a.decided(id, d, done)
	})
}

// decided prints a decision. One that does not obey is an error with exit code
// 4, whose reason stands on stdout.
func (a *app) decided(id string, d client.Decision, done string) error {
	var err error
	text := id + ": " + done
	switch {
	case d.Refused != "":
		text = id + ": refused: " + d.Refused
	case d.TooLate:
		text = id + ": too late: the pivot was requested; it takes effect only if that is refused"
	}
	switch a.output {
	case formatJSON:
		events, failed := orchestrator.EncodeEvents(d.Events)
		if failed != nil {
			return failed
		}
		err = a.json(map[string]any{
			"id": id, "input": d.Input, "asked": d.Asked, "repeated": d.Repeated, "decision": d.Link, "time": d.Time,
			"obeyed": d.Obeyed(), "refused": d.Refused, "too_late": d.TooLate, "events": json.RawMessage(events),
		})
	case formatName:
		err = a.line(d.Input)
	default:
		err = a.line(text)
	}
	if err == nil && !d.Obeyed() {
		return quiet(exitConflict)
	}
	return err
}

// newControl makes the command of a request that has nothing but a reason.
func newControl(use, short, long, done string, ask askFunc) func(*app) *cobra.Command {
	return func(a *app) *cobra.Command {
		var f byFlags
		cmd := &cobra.Command{
			Use: use + " <id>", Short: short, Long: long,
			Example: "  amends " + use + ` order-17 --why "the customer called"`,
			Args:    args(1, 1, "an id"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.ask(cmd.Context(), args[0], f, done, ask)
			},
		}
		f.add(cmd.Flags())
		return cmd
	}
}

const answered = `

It waits for the decision about it: exit code 0 if it happens, 4 if not.`

func newCancel(a *app) *cobra.Command {
	return newControl("cancel", "Have a saga undone",
		`Asks for everything that the saga has done to be undone. Once its pivot was
requested that is too late, unless the pivot is refused.`+answered,
		"it turns back", func(ctx context.Context, s client.Saga, by client.By) (client.Decision, error) {
			return s.Cancel(ctx, by)
		})(a)
}

func newSuspend(a *app) *cobra.Command {
	return newControl("suspend", "Send no more commands of a saga",
		`Sends no more commands of the saga until it is resumed. Replies to those that are
under way are recorded.`+answered,
		"suspended", func(ctx context.Context, s client.Saga, by client.By) (client.Decision, error) {
			return s.Suspend(ctx, by)
		})(a)
}

func newResume(a *app) *cobra.Command {
	return newControl("resume", "Go on with a suspended saga",
		"Sends commands of the saga again."+answered,
		"resumed", func(ctx context.Context, s client.Saga, by client.By) (client.Decision, error) {
			return s.Resume(ctx, by)
		})(a)
}

func newSignal(a *app) *cobra.Command {
	var input string
	cmd := &cobra.Command{
		Use: "signal <id> <name> [<body>]", Short: "Send a saga a signal",
		Long: `Sends a saga a signal, which it keeps until something waits for it. The body is
JSON: the text itself, the name of a file, or - for stdin; nothing without it.`,
		Example: `  amends signal order-17 paid '{"amount":7}' --input-id payment-4711`,
		Args:    args(2, 3, "an id, the signal's name, and its body"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := protocol.CheckName("signal", args[1]); err != nil {
				return usage(err)
			}
			var body []byte
			if len(args) > 2 {
				var err error
				if body, err = a.payload(args[2]); err != nil {
					return err
				}
			}
			f := byFlags{by: "-", input: input} // nobody is kept with a signal
			return a.ask(cmd.Context(), args[0], f, "signal received", func(ctx context.Context, s client.Saga, by client.By) (client.Decision, error) {
				return s.Signal(ctx, args[1], body, by.Input)
			})
		},
	}
	cmd.Flags().StringVar(&input, "input-id", "", "`id` of the signal: with the same one it is the same signal; drawn if not set")
	return cmd
}

// stepFlags name the step that a person decides about.
type stepFlags struct {
	step, direction string
	attempt         int
}

func (f *stepFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.step, "step", "", "`name` of the step")
	flags.StringVar(&f.direction, "direction", "do", "do or undo")
	flags.IntVar(&f.attempt, "attempt", 0, "the attempt that is meant; the latest if not set")
	_ = cmd.RegisterFlagCompletionFunc("direction", cobra.FixedCompletions([]string{"do", "undo"}, cobra.ShellCompDirectiveNoFileComp))
}

func (f stepFlags) ref() (client.StepRef, error) {
	ref := client.StepRef{Step: f.step, Direction: protocol.Direction(f.direction), Number: f.attempt}
	if f.step == "" {
		return ref, usagef("which step? --step says it, and 'amends get' lists them")
	}
	if err := protocol.CheckName("step", f.step); err != nil {
		return ref, usage(err)
	}
	if !ref.Direction.Valid() {
		return ref, usage(errors.New("--direction is do or undo"))
	}
	return ref, nil
}

func newRetry(a *app) *cobra.Command {
	var f byFlags
	var step stepFlags
	cmd := &cobra.Command{
		Use: "retry <id> --step <step>", Short: "Try a step of a stuck saga again, now",
		Long: `Makes the next attempt at a step at once: one that waits for a person, or for the
time of its next attempt.` + answered,
		Example: `  amends retry order-17 --step charge --why "payment is back"
  amends retry order-17 --step reserve --direction undo`,
		Args: args(1, 1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := step.ref()
			if err != nil {
				return err
			}
			return a.ask(cmd.Context(), args[0], f, "tried again", func(ctx context.Context, s client.Saga, by client.By) (client.Decision, error) {
				return s.Retry(ctx, by, ref)
			})
		},
	}
	f.add(cmd.Flags())
	step.add(cmd)
	return cmd
}
