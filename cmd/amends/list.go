package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

type listFlags struct {
	statuses                      []string
	definition, tag, since, until string
	after                         string
	step, fingerprint             string
	stuckFor                      time.Duration
	suspended, parked, all        bool
	retrying                      bool
	limit                         int
}

func newList(a *app) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List sagas, newest first",
		Long: `Lists sagas, those that were started last first. Lists come from the view, which
follows the journal within milliseconds. What does not fit under --limit goes on
with --after, as is said on stderr, or comes at once with --all.`,
		Example: `  amends list --status stuck
  amends list --stuck-longer-than 1h               # who waits for a person for so long
  amends list --step charge --retrying             # what a participant has trouble with
  amends list --fingerprint 4f0c2a9be1d35a77       # who failed in this way; see 'amends failures'
  amends list --definition place-order --tag customer=ann --since 24h
  amends list --all -o json | jq -r 'select(.reason) | .id'`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.list(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.statuses, "status", nil, "running, compensating, completed, compensated or stuck; may be repeated")
	flags.StringVar(&f.definition, "definition", "", "`name` or name@version")
	flags.StringVar(&f.tag, "tag", "", "`key=value`")
	flags.StringVar(&f.since, "since", "", "started at this `time` or later, or so long ago: 2026-01-31T12:00:00Z, 24h")
	flags.StringVar(&f.until, "until", "", "started before this `time`, or longer ago")
	flags.BoolVar(&f.suspended, "suspended", false, "only suspended ones")
	flags.BoolVar(&f.parked, "parked", false, "only those that nobody can decide")
	flags.StringVar(&f.step, "step", "", "that stand at this `step`, or failed there")
	flags.StringVar(&f.fingerprint, "fingerprint", "", "that failed in this `way`, as the page of failures and its API name it")
	flags.DurationVar(&f.stuckFor, "stuck-longer-than", 0, "stuck for so long")
	flags.BoolVar(&f.retrying, "retrying", false, "only those that wait for the time of another attempt")
	flags.IntVar(&f.limit, "limit", orchestrator.DefaultLimit, "at most so many")
	flags.StringVar(&f.after, "after", "", "go on behind this `cursor`")
	flags.BoolVar(&f.all, "all", false, "all there are, page by page")
	completeDefinitions(cmd)
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(
		[]string{"running", "compensating", "completed", "compensated", "stuck"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f listFlags) query(now time.Time) (orchestrator.Query, error) {
	q := orchestrator.Query{
		Tag: f.tag, Suspended: f.suspended, Parked: f.parked, Limit: f.limit,
		Step: f.step, Cluster: f.fingerprint, Retrying: f.retrying,
	}
	if f.stuckFor > 0 {
		q.StuckBefore = now.Add(-f.stuckFor)
	}
	if f.limit < 1 {
		return q, fmt.Errorf("--limit %d: at least 1", f.limit)
	}
	for _, status := range f.statuses {
		q.Statuses = append(q.Statuses, instance.Status(strings.ToLower(strings.TrimSpace(status))))
	}
	var err error
	if f.definition != "" {
		if q.Definition, q.Version, err = nameAndVersion(f.definition); err != nil {
			return q, err
		}
	}
	if q.From, q.To, err = span(f.since, f.until, now); err != nil {
		return q, err
	}
	if f.after != "" {
		if q.After, err = readCursor(f.after); err != nil {
			return q, fmt.Errorf("--after: %w", err)
		}
	}
	return q, q.Validate()
}

// span reads --since and --until, zero where nothing is said.
func span(since, until string, now time.Time) (from, to time.Time, err error) {
	if from, err = moment(since, now); err != nil {
		return from, to, fmt.Errorf("--since: %w", err)
	}
	if to, err = moment(until, now); err != nil {
		return from, to, fmt.Errorf("--until: %w", err)
	}
	return from, to, nil
}

// moment reads a time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time like 2026-01-31T12:00:00Z nor a duration like 24h", protocol.Text(text, 60))
}

// A cursor is written as its time and its id, with a slash between them.
func writeCursor(c orchestrator.Cursor) string {
	return c.Started.UTC().Format("2006-01-02T15:04:05.000Z") + "/" + c.ID
}

func readCursor(text string) (orchestrator.Cursor, error) {
	at, id, ok := strings.Cut(text, "/")
	t, err := time.Parse(time.RFC3339Nano, at)
	if !ok || err != nil || protocol.CheckID(id) != nil {
		return orchestrator.Cursor{}, fmt.Errorf("%q is no cursor; a list says how it goes on", protocol.Text(text, 100))
	}
	return orchestrator.Cursor{Started: t, ID: id}, nil
}

func (a *app) list(ctx context.Context, f listFlags) error {
	q, err := f.query(time.Now())
	if err != nil {
		return usage(err)
	}
	return a.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		p := a.sagas()
		for {
			page, next, err := c.List(ctx, q)
			if err != nil {
				return err
			}
			if !f.all && len(page) < q.Limit && next != nil {
				// It did not fit into one answer: ask for what is missing.
				q.Limit -= len(page)
			} else if !f.all && next != nil {
				defer a.note("more: --after %s", writeCursor(*next))
				next = nil
			}
			if err := p.print(page); err != nil {
				return err
			}
			if next == nil {
				return p.done()
			}
			q.After = *next
		}
	})
}

// sagasPrinter prints lists of sagas in one of the formats.
type sagasPrinter struct {
	a     *app
	table table
}

func (a *app) sagas() *sagasPrinter {
	p := &sagasPrinter{a: a}
	switch a.output {
	case formatTable:
		p.table = a.table("ID", "DEFINITION", "STATUS", "STARTED", "TOOK", "REASON")
	case formatWide:
		p.table = a.table("ID", "DEFINITION", "STATUS", "STARTED", "TOOK", "LINKS", "TAGS", "REASON")
	}
	return p
}

func (p *sagasPrinter) print(page []instance.State) error {
	for _, s := range page {
		var err error
		switch p.a.output {
		case formatJSON:
			err = p.a.json(documentOf(s))
		case formatName:
			err = p.a.line(s.ID)
		default:
			p.row(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *sagasPrinter) row(s instance.State) {
	end := s.Ended
	if end.IsZero() {
		end = s.Updated
	}
	cells := []string{s.ID, fmt.Sprintf("%s@%d", s.Definition, s.Version), statusText(s), when(s.Started), took(max(end.Sub(s.Started), 0))}
	if p.a.output == formatWide {
		cells = append(cells, fmt.Sprint(s.Links), tagsText(s.Tags))
	}
	p.table.row(append(cells, reasonText(s))...)
}

func (p *sagasPrinter) done() error {
	if p.table.w == nil {
		return nil
	}
	return p.table.flush()
}
