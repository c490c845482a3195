package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/participants/protocol"
)

// An env is what a command knows of the world.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	terminal       bool // a person can be asked: stdin and stderr are a terminal
}

// An app is what all commands share: the world, and the flags before the verb.
type app struct {
	env
	nats    natsFlags
	redis   string
	prefix  string
	output  string
	timeout time.Duration
}

// run runs the command line args, and returns the exit code.
func run(ctx context.Context, e env, args []string) int {
	root := newRoot(e)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	if text := err.Error(); text != "" {
		// Which of our packages says it helps nobody at a terminal.
		fmt.Fprintln(e.stderr, "amends: "+lines(strings.TrimPrefix(text, "client: ")))
	}
	if code == exitUsage {
		fmt.Fprintf(e.stderr, "See '%s --help'.\n", cmd.CommandPath())
	}
	return code
}

const rootLong = `Amends drives sagas: business transactions of several steps, each carried out
by another service, that are undone again where they cannot be finished.

Exit codes: 0 ok; 1 error, or check found differences; 2 usage; 3 not found;
4 conflict, refused or too late; 5 compensated and 6 stuck (with --wait, and
wait); 7 time-out; 130 interrupted.`

// newRoot returns the whole command line. It keeps no state between two roots,
// so that tests run it in their own process.
func newRoot(e env) *cobra.Command {
	a := &app{env: e}
	root := &cobra.Command{
		Use: "amends", Short: "A saga orchestrator over NATS JetStream", Long: rootLong,
		Example: `  amends serve                                  # drive sagas; NATS_URL and REDIS_URL say where
  amends start place-order order.json --wait    # start one, and wait for its end
  amends list --status stuck                    # who needs a person
  amends history 7f3c                           # everything that happened to one`,
		SilenceUsage: true, SilenceErrors: true, Version: versionText(),
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd) },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	a.flags(root)
	for _, command := range commands() {
		root.AddCommand(command(a))
	}
	return root
}

// flags are those that every verb has.
func (a *app) flags(root *cobra.Command) {
	f := root.PersistentFlags()
	a.nats.add(f)
	f.StringVar(&a.redis, "redis", "", "Redis `URL` of the view: redis://, rediss://, redis+cluster://, redis+sentinel:// (REDIS_URL)")
	f.StringVar(&a.prefix, "prefix", protocol.DefaultPrefix, "first token of the journal's subjects (AMENDS_PREFIX)")
	f.StringVarP(&a.output, "output", "o", formatTable, "`format` of what is printed: table, json, wide or name")
	f.DurationVar(&a.timeout, "timeout", 0, "how long to wait for an answer; 5s if not set (NATS_TIMEOUT)")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// check completes the shared flags from the environment, before any verb runs.
func (a *app) check(cmd *cobra.Command) error {
	if value := a.getenv("AMENDS_PREFIX"); value != "" && !cmd.Flags().Changed("prefix") {
		a.prefix = value
	}
	if err := protocol.CheckName("prefix", a.prefix); err != nil {
		return usage(err)
	}
	if a.redis == "" {
		a.redis = a.getenv("REDIS_URL")
	}
	if err := a.checkTimeout(); err != nil {
		return usage(err)
	}
	return a.checkOutput()
}

func (a *app) checkTimeout() error {
	text := a.getenv("NATS_TIMEOUT")
	if a.timeout == 0 && text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("NATS_TIMEOUT: %w", err)
		}
		a.timeout = d
	}
	if a.timeout < 0 {
		return fmt.Errorf("a time-out of %v", a.timeout)
	}
	if a.timeout == 0 {
		a.timeout = 5 * time.Second
	}
	return nil
}

func unknownCommand(cmd *cobra.Command, name string) error {
	text := fmt.Sprintf("there is no command %q", protocol.Text(name, 64))
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("%s", text)
}

const helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

// usageTemplate has the examples first: most readers look for nothing else.
const usageTemplate = `{{if .HasExample}}Examples:
{{.Example}}

{{end}}Usage:
  {{if .Runnable}}{{.UseLine}}{{else}}{{.CommandPath}} <command>{{end}}
{{if .HasAvailableSubCommands}}
Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableInheritedFlags}}
Flags of all commands:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableSubCommands}}
'{{.CommandPath}} <command> --help' says more.
{{end}}`
