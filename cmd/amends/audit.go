package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

type auditFlags struct {
	saga, by, action, since, until, after string
	limit                                 int
	all                                   bool
}

func newAudit(a *app) *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use: "audit", Short: "Show what people asked of sagas, newest first",
		Long: `Shows who asked for what, of which saga, when and why, and what was decided:
cancel, suspend, resume, retry and resolve, one by one or by a bulk action, whose
id is the request's then (-o wide).

It shows what the journal has: with --retention, a saga's requests leave with its
history. Of one saga the newest 256 are found; 'amends history' has all. A request
to a saga that had ended before, which nobody decides, is in its history alone.
Who it was is what whoever asked said; permissions of NATS say who can ask.`,
		Example: `  amends audit                                 # the newest
  amends audit --since 24h --by ann
  amends audit --action cancel --since 2026-01-31 --until 2026-02-01
  amends audit --saga order-17 -o wide
  amends audit --all --since 720h -o json | jq -r '[.time, .who, .action, .id, .reason] | @csv'`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.audit(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.saga, "saga", "", "asked of this saga, by its `id`")
	flags.StringVar(&f.by, "by", "", "asked by this `person`, as --by of the request said")
	flags.StringVar(&f.action, "action", "", "cancel, suspend, resume, retry or resolve")
	flags.StringVar(&f.since, "since", "", "decided at this `time` or later, or so long ago: 2026-01-31T12:00:00Z, 24h")
	flags.StringVar(&f.until, "until", "", "decided before this `time`, or longer ago")
	flags.IntVar(&f.limit, "limit", orchestrator.DefaultLimit, "at most so many")
	flags.StringVar(&f.after, "after", "", "go on behind this `cursor`")
	flags.BoolVar(&f.all, "all", false, "all there are, page by page")
	_ = cmd.RegisterFlagCompletionFunc("action", cobra.FixedCompletions(
		[]string{"cancel", "suspend", "resume", "retry", "resolve"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f auditFlags) query(now time.Time) (orchestrator.AuditQuery, error) {
	q := orchestrator.AuditQuery{ID: f.saga, By: f.by, Verb: instance.Verb(f.action), Limit: f.limit}
	if f.limit < 1 {
		return q, fmt.Errorf("--limit %d: at least 1", f.limit)
	}
	var err error
	if q.From, q.To, err = span(f.since, f.until, now); err != nil {
		return q, err
	}
	if f.after != "" {
		if q.After, err = readAuditCursor(f.after); err != nil {
			return q, fmt.Errorf("--after: %w", err)
		}
	}
	return q, q.Validate()
}

// A cursor of an audit is written as its time, its link and its id.
func writeAuditCursor(c orchestrator.AuditCursor) string {
	return fmt.Sprintf("%s/%d/%s", c.At.UTC().Format("2006-01-02T15:04:05.000Z"), c.Link, c.ID)
}

func readAuditCursor(text string) (orchestrator.AuditCursor, error) {
	parts := append(strings.SplitN(text, "/", 3), "", "")
	at, errTime := time.Parse(time.RFC3339Nano, parts[0])
	link, errLink := strconv.ParseUint(parts[1], 10, 64)
	if errTime != nil || errLink != nil || protocol.CheckID(parts[2]) != nil {
		return orchestrator.AuditCursor{}, fmt.Errorf("%q is no cursor; an audit says how it goes on", protocol.Text(text, 120))
	}
	return orchestrator.AuditCursor{At: at, Link: link, ID: parts[2]}, nil
}

func (a *app) audit(ctx context.Context, f auditFlags) error {
	q, err := f.query(time.Now())
	if err != nil {
		return usage(err)
	}
	return a.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		t := a.auditTable()
		for {
			page, err := c.Audit(ctx, q)
			if err != nil {
				return err
			}
			for _, r := range page.Requests {
				if err := a.printAudited(t, r); err != nil {
					return err
				}
			}
			switch {
			case page.Next == nil:
			case f.all:
				q.After = *page.Next
				continue
			case len(page.Requests) < q.Limit:
				// It did not fit into one answer, or little was found so far.
				q.After, q.Limit = *page.Next, q.Limit-len(page.Requests)
				continue
			default:
				defer a.note("more: --after %s", writeAuditCursor(*page.Next))
			}
			if t.w == nil {
				return nil
			}
			return t.flush()
		}
	})
}

func (a *app) auditTable() table {
	switch a.output {
	case formatTable:
		return a.table("WHEN", "WHO", "ACTION", "SAGA", "OUTCOME", "WHY")
	case formatWide:
		return a.table("WHEN", "WHO", "ACTION", "SAGA", "DEFINITION", "SEQUENCE", "DECIDED", "REQUEST", "OUTCOME", "WHY")
	}
	return table{}
}

func (a *app) printAudited(t table, r verbs.Audited) error {
	switch a.output {
	case formatJSON:
		return a.json(r)
	case formatName:
		return a.line(r.ID)
	case formatWide:
		t.row(when(r.Time), r.Who, askedFor(r), r.ID, fmt.Sprintf("%s@%d", r.Definition, r.Version),
			fmt.Sprint(r.Sequence), fmt.Sprint(r.Decided), r.Request, outcomeOf(r), r.Reason)
	default:
		t.row(when(r.Time), r.Who, askedFor(r), r.ID, outcomeOf(r), r.Reason)
	}
	return nil
}

// askedFor is a request in a few words.
func askedFor(r verbs.Audited) string {
	words := []string{r.Action}
	if r.Step != "" {
		words = append(words, r.Direction, r.Step)
	}
	if r.As != "" {
		words = append(words, "as", r.As)
	}
	if r.Unsettled {
		words = append(words, "unsettled")
	}
	return strings.Join(words, " ")
}

func outcomeOf(r verbs.Audited) string {
	switch {
	case r.Obeyed:
		return "obeyed"
	case r.TooLate:
		return "too late"
	}
	return "refused: " + r.Refused
}
