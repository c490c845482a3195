package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
)

func newDefinitions(a *app) *cobra.Command {
	var linked, picture bool
	cmd := &cobra.Command{
		Use: "definitions [<name>[@<version>]]", Short: "List the definitions that sagas have begun with",
		Long: `Lists the definitions that orchestrators have registered, or with --linked those
that are linked into this program. With --picture each is drawn as a Mermaid
flowchart.`,
		Example: "  amends definitions\n  amends definitions place-order@2 --picture\n  amends definitions --linked -o json",
		Args:    args(0, 1, "at most a name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, version := "", 0
			if len(args) > 0 {
				var err error
				if name, version, err = nameAndVersion(args[0]); err != nil {
					return usage(err)
				}
			}
			if linked {
				var list []orchestrator.Registered
				for _, d := range samples() {
					list = append(list, orchestrator.Registered{Fingerprint: d.Fingerprint(), Definition: d})
				}
				return a.definitions(list, name, version, picture)
			}
			return a.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, err := c.Definitions(ctx)
				if err != nil {
					return err
				}
				return a.definitions(list, name, version, picture)
			})
		},
	}
	cmd.Flags().BoolVar(&linked, "linked", false, "those that are linked into this program")
	cmd.Flags().BoolVar(&picture, "picture", false, "draw them")
	return cmd
}

func (a *app) definitions(list []orchestrator.Registered, name string, version int, picture bool) error {
	var t table
	if !picture && (a.output == formatTable || a.output == formatWide) {
		t = a.table("NAME", "VERSION", "STEPS", "PARTICIPANTS", "FINGERPRINT")
	}
	found := false
	for _, r := range list {
		d := r.Definition
		if name != "" && d.Name != name || version != 0 && d.Version != version {
			continue
		}
		found = true
		var err error
		switch {
		case picture:
			_, err = fmt.Fprintf(a.stdout, "%%%% %s\n%s", d, lines(d.Mermaid()))
		case a.output == formatJSON:
			err = a.json(r)
		case a.output == formatName:
			err = a.line(d.String())
		default:
			t.row(d.Name, strconv.Itoa(d.Version), strconv.Itoa(len(d.Steps)), joined(d.Participants()), r.Fingerprint)
		}
		if err != nil {
			return err
		}
	}
	if t.w != nil {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if name != "" && !found {
		return codedError{exitNotFound, fmt.Errorf("there is no definition %s", name)}
	}
	return nil
}
