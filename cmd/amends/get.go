package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

func newGet(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "get <id>", Short: "Show one saga",
		Long: `Shows one saga as the journal knows it now: its status, and what became of each
step. With -o wide also the payloads, with -o json everything.`,
		Example: "  amends get order-17\n  amends get order-17 -o json | jq .steps",
		Args:    args(1, 1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := wantID(args[0]); err != nil {
				return err
			}
			return a.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				saga, err := c.Saga(ctx, args[0])
				if err != nil {
					return err
				}
				state, err := saga.State(ctx)
				if err != nil {
					return err
				}
				return a.show(state)
			})
		},
	}
}

func (a *app) show(s instance.State) error {
	switch a.output {
	case formatJSON:
		return a.json(documentOf(s))
	case formatName:
		return a.line(s.ID)
	}
	t := a.table("SAGA", s.ID)
	t.row("definition", fmt.Sprintf("%s@%d", s.Definition, s.Version))
	t.row("status", statusText(s))
	if reason := reasonText(s); reason != "" {
		t.row("reason", reason)
	}
	t.row("started", when(s.Started))
	if s.Ended.IsZero() {
		t.row("updated", when(s.Updated))
	} else {
		t.row("ended", when(s.Ended)+", after "+took(s.Ended.Sub(s.Started)))
	}
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		t.row("tag "+key, s.Tags[key])
	}
	t.row("run, links", fmt.Sprintf("%d, %d", s.Run, s.Links))
	if a.output == formatWide {
		t.row("input", bodyText(s.Input))
	}
	for _, signal := range s.Signals {
		t.row("signal "+signal.Name, bodyText(signal.Body))
	}
	if err := t.flush(); err != nil || len(s.Steps) == 0 {
		return err
	}
	fmt.Fprintln(a.stdout)
	return a.showSteps(s)
}

func (a *app) showSteps(s instance.State) error {
	columns := []string{"STEP", "DIRECTION", "PARTICIPANT", "ATTEMPT", "STATE", "REASON"}
	if a.output == formatWide {
		columns = append(columns, "OUTPUT")
	}
	t := a.table(columns...)
	for _, step := range s.Steps {
		for _, d := range []protocol.Direction{protocol.Do, protocol.Undo} {
			p := step.Toward(d)
			if p.Phase == instance.Idle {
				continue
			}
			cells := []string{step.Name, string(d), p.Participant, strconv.Itoa(p.Number), progressText(*p), p.Reason}
			if a.output == formatWide {
				cells = append(cells, bodyText(p.Output))
			}
			t.row(cells...)
		}
	}
	return t.flush()
}

// progressText says what one direction of a step waits for, or how it ended.
func progressText(p instance.Progress) string {
	var text string
	switch p.Phase {
	case instance.Open:
		text = "in flight until " + clock(p.Due)
		if p.Settling != "" {
			text = "settling as " + string(p.Settling)
		}
	case instance.Waiting:
		text = "next attempt at " + clock(p.Due)
	case instance.Halted:
		text = "waits for a person, was " + string(p.Outcome)
	case instance.Closed, instance.Idle:
		text = string(p.Outcome)
	}
	if p.ByHand {
		text += ", by hand"
	}
	return text
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "it is answered"
	}
	return t.Local().Format("15:04:05")
}

// bodyText is a body for a table.
func bodyText(body []byte) string {
	v := verbs.Readable(body)
	if raw, ok := v.(json.RawMessage); ok {
		return string(raw)
	}
	if text, ok := v.(string); ok {
		return text
	}
	if v == nil {
		return ""
	}
	return strconv.Itoa(len(body)) + " bytes"
}

// joined is a list for one cell.
func joined(list []string) string { return strings.Join(list, ", ") }
