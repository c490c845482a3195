package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/participants/protocol"
)

type startFlags struct {
	id   string
	tags []string
	wait bool
	waitFlags
}

func newStart(a *app) *cobra.Command {
	var f startFlags
	cmd := &cobra.Command{
		Use: "start <definition>[@<version>] [<input>]", Short: "Start a saga",
		Long: `Starts a saga. The input is JSON: the text itself, the name of a file, or - for
stdin; {} without it. The start is stored by the journal, so no orchestrator
needs to run yet.

The id is the key of the business transaction. Started again with the same id,
input and tags it is the same saga, and nothing happens twice; the id of another
saga is a conflict (exit code 4). Without --id one is drawn.`,
		Example: `  amends start place-order '{"customer":"ann"}' --id order-17
  amends start place-order@2 order.json --tag customer=ann --wait
  jq .order request.json | amends start place-order - -o name`,
		Args: args(1, 2, "a definition, and its input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.start(cmd.Context(), f, args)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			var names []string
			for _, d := range samples() {
				names = append(names, d.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.id, "id", "", "the saga's id, its business key")
	flags.StringArrayVar(&f.tags, "tag", nil, "`key=value` to find it by; may be repeated")
	flags.BoolVarP(&f.wait, "wait", "w", false, "wait until it is over or stuck; the exit code says how")
	f.waitFlags.add(flags)
	return cmd
}

func (a *app) start(ctx context.Context, f startFlags, args []string) error {
	name, version, err := nameAndVersion(args[0])
	if err != nil {
		return usage(err)
	}
	options, err := f.options()
	if err != nil {
		return usage(err)
	}
	input := []byte("{}")
	if len(args) > 1 {
		if input, err = a.payload(args[1]); err != nil {
			return err
		}
	}
	return a.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		saga, err := startNamed(ctx, c, name, version, input, options)
		if err != nil {
			return err
		}
		if !f.wait {
			return a.started(saga)
		}
		end, err := f.until(ctx, saga)
		if err != nil {
			return err
		}
		return a.ended(end)
	})
}

// startNamed starts a saga whose definition may be linked in or not. Without a
// version the newest is meant.
func startNamed(ctx context.Context, c *client.Client, name string, version int, input []byte, options []client.StartOption) (client.Saga, error) {
	if d, ok := sample(name, version); ok {
		if err := d.Accept(input); err != nil {
			return client.Saga{}, usagef("the input is refused: %w", err)
		}
		return c.StartOf(ctx, d, input, options...)
	}
	if version == 0 {
		known, err := c.Definitions(ctx)
		if err != nil {
			return client.Saga{}, fmt.Errorf("the newest version of %s: %w; or say which, as %s@1", name, err, name)
		}
		for _, r := range known {
			if r.Definition.Name == name {
				version = max(version, r.Definition.Version)
			}
		}
		if version == 0 {
			return client.Saga{}, codedError{exitNotFound, fmt.Errorf("there is no definition %s; 'amends definitions' lists them", name)}
		}
	}
	return c.StartRaw(ctx, name, version, input, options...)
}

// nameAndVersion reads name or name@version.
func nameAndVersion(text string) (name string, version int, err error) {
	name, number, given := strings.Cut(text, "@")
	if err := protocol.CheckName("definition", name); err != nil {
		return "", 0, err
	}
	if given {
		if version, err = strconv.Atoi(number); err != nil || version < 1 {
			return "", 0, fmt.Errorf("%q is no version; versions count from 1", protocol.Text(number, 40))
		}
	}
	return name, version, nil
}

func (f startFlags) options() ([]client.StartOption, error) {
	var options []client.StartOption
	if f.id != "" {
		if err := protocol.CheckID(f.id); err != nil {
			return nil, err
		}
		options = append(options, client.ID(f.id))
	}
	for _, tag := range f.tags {
		key, value, ok := strings.Cut(tag, "=")
		if !ok || protocol.CheckName("tag", key) != nil {
			return nil, fmt.Errorf("--tag %q is not of the form key=value", protocol.Text(tag, 80))
		}
		options = append(options, client.Tag(key, value))
	}
	return options, nil
}

func (a *app) started(s client.Saga) error {
	switch a.output {
	case formatJSON:
		return a.json(map[string]any{"id": s.ID(), "run": s.Run(), "existed": s.Existed()})
	case formatName:
		return a.line(s.ID())
	}
	if s.Existed() {
		return a.line(s.ID() + " was started before")
	}
	return a.line(s.ID() + " started")
}
