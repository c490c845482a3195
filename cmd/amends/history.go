package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

type historyFlags struct {
	from     uint64
	payloads bool
}

func newHistory(a *app) *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use: "history <id>", Short: "Show everything that happened to one saga",
		Long: `Shows the messages about a saga as the journal has them: its start, the decisions
with their events, and the replies, signals and requests that they have read.`,
		Example: `  amends history order-17
  amends history order-17 --payloads -o json | jq 'select(.kind=="reply") | .body'`,
		Args: args(1, 1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := wantID(args[0]); err != nil {
				return err
			}
			return a.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return a.history(ctx, c, args[0], f)
			})
		},
	}
	cmd.Flags().Uint64Var(&f.from, "from", 0, "the first `sequence`")
	cmd.Flags().BoolVar(&f.payloads, "payloads", false, "with what clients and participants sent")
	return cmd
}

func (a *app) history(ctx context.Context, c *client.Client, id string, f historyFlags) error {
	columns := []string{"SEQUENCE", "TIME", "KIND", "WHO", "WHAT"}
	if f.payloads {
		columns = append(columns, "PAYLOAD")
	}
	var t table
	if a.output == formatTable || a.output == formatWide {
		t = a.table(columns...)
	}
	for m, err := range c.History(ctx, id, f.from, f.payloads) {
		switch {
		case errors.Is(err, client.ErrNotFound):
			return fmt.Errorf("saga %s: %w", id, client.ErrNotFound) // as 'amends get' says it
		case err != nil:
			return err
		}
		switch a.output {
		case formatJSON:
			err = a.json(recordOf(m))
		case formatName:
			err = a.line(strconv.FormatUint(m.Sequence, 10))
		default:
			t.message(m, f.payloads)
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

// message adds a message, and below it what else the decision says: one event
// a line.
func (t table) message(m orchestrator.Recorded, payloads bool) {
	what := whatOf(m)
	row := func(sequence, at, kind, who, what, payload string) {
		cells := []string{sequence, at, kind, who, what}
		if payloads {
			cells = append(cells, payload)
		}
		t.row(cells...)
	}
	payload := bodyText(m.Body)
	if m.Omitted {
		payload = strconv.Itoa(m.Bytes) + " bytes, too many for an answer"
	}
	row(strconv.FormatUint(m.Sequence, 10), m.Time.Local().Format("2006-01-02 15:04:05.000"), kindText(m), whoOf(m), what[0], payload)
	for _, more := range what[1:] {
		row(" ", " ", " ", " ", more, " ")
	}
}

func kindText(m orchestrator.Recorded) string {
	switch {
	case m.Kind == protocol.KindLink.String() && m.Name != protocol.NoOne:
		return "command"
	case m.Kind == protocol.KindLink.String():
		return "decision"
	}
	return m.Kind
}

// whoOf is whom a command is for, or whom an input is from.
func whoOf(m orchestrator.Recorded) string {
	switch m.Kind {
	case protocol.KindControl.String():
		return m.Header.Get(protocol.HeaderBy)
	case protocol.KindLink.String(), protocol.KindReply.String():
		if m.Name != protocol.NoOne {
			return m.Name
		}
	}
	return ""
}

// whatOf says in lines what a message says; there is one at least.
func whatOf(m orchestrator.Recorded) []string {
	h := m.Header
	step := func() string {
		return fmt.Sprintf("%s %s/%s", h.Get(protocol.HeaderDirection), h.Get(protocol.HeaderStep), h.Get(protocol.HeaderAttempt))
	}
	because := func(text, why string) []string {
		if why != "" {
			text += ": " + why
		}
		return []string{text}
	}
	switch m.Kind {
	case protocol.KindStart.String():
		return []string{fmt.Sprintf("%s@%s", h.Get(protocol.HeaderDefinition), h.Get(protocol.HeaderVersion))}
	case protocol.KindReply.String():
		return because(step()+" "+h.Get(protocol.HeaderOutcome)+tookText(h.Get(protocol.HeaderTook)), h.Get(protocol.HeaderReason))
	case protocol.KindSignal.String():
		return []string{h.Get(protocol.HeaderName)}
	case protocol.KindControl.String():
		text := h.Get(protocol.HeaderVerb)
		if h.Get(protocol.HeaderStep) != "" {
			text += fmt.Sprintf(" %s %s", h.Get(protocol.HeaderDirection), h.Get(protocol.HeaderStep))
		}
		if as := h.Get(protocol.HeaderAs); as != "" {
			text += " as " + as
		}
		return because(text, h.Get(protocol.HeaderWhy))
	}
	if m.Kind != protocol.KindLink.String() {
		return []string{"nothing that anybody reads: " + m.Subject}
	}
	events, err := orchestrator.DecodeEvents(h.Get(protocol.HeaderEvents))
	if err != nil {
		return []string{"cannot be read: " + err.Error()}
	}
	list := make([]string, len(events))
	for i, ev := range events {
		list[i] = eventText(ev)
	}
	return list
}

func tookText(micros string) string {
	us, err := strconv.ParseInt(micros, 10, 53) // as protocol.ReadReply
	if err != nil || us <= 0 {
		return ""
	}
	return " in " + took(time.Duration(us)*time.Microsecond)
}

// A record is a message of the journal as JSON shows it.
type record struct {
	orchestrator.Recorded
	Events json.RawMessage `json:"events,omitempty"`
	Body   any             `json:"body,omitempty"`
}

func recordOf(m orchestrator.Recorded) record {
	r := record{Recorded: m, Body: verbs.Readable(m.Body)}
	if text := []byte(m.Header.Get(protocol.HeaderEvents)); len(text) > 0 && json.Valid(text) {
		r.Events = text
	}
	return r
}
