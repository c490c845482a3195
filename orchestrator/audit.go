package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// An AuditQuery says which of people's requests are meant. Zero fields do not
// filter.
type AuditQuery struct {
	ID    string        `json:"id,omitempty"` // of the saga
	Verb  instance.Verb `json:"verb,omitempty"`
	By    string        `json:"by,omitempty"`
	From  time.Time     `json:"from,omitzero"` // decided then or later
	To    time.Time     `json:"to,omitzero"`   // decided before then
	After AuditCursor   `json:"after,omitzero"`
	Limit int           `json:"limit,omitempty"` // at most this many; 0 for DefaultLimit
}

// An AuditCursor is the place of one request in the order of an audit: decided
// last first, and of one time the greater link, then the greater id, first.
type AuditCursor struct {
	At   time.Time `json:"at"`
	Link uint64    `json:"link"`
	ID   string    `json:"id"`
}

// An AuditRow is a request, and whom it was about.
type AuditRow struct {
	ID         string `json:"id"`
	Definition string `json:"definition"`
	Version    int    `json:"version"`
	instance.Asked
}

// An AuditPage is a piece of an audit. Next is where the following one begins,
// nil after the last. As of a list, a page may be short and have a Next.
type AuditPage struct {
	Rows []AuditRow   `json:"rows"`
	Next *AuditCursor `json:"next,omitempty"`
}

// Cursor returns the place of r. An audit orders by milliseconds, as lists do.
func (r AuditRow) Cursor() AuditCursor { return AuditCursor{milli(r.At), r.Link, r.ID} }

// Less reports whether a comes before b in an audit.
func (a AuditCursor) Less(b AuditCursor) bool {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Link, a.Link), strings.Compare(b.ID, a.ID)) < 0
}

// Asked returns the requests of s that q asks for, newest first. It is what
// every view must agree with.
func (q AuditQuery) Asked(s *instance.State) (rows []AuditRow) {
	if q.ID != "" && q.ID != s.ID {
		return nil
	}
	for _, asked := range slices.Backward(s.Asked) {
		r := AuditRow{s.ID, s.Definition, s.Version, asked}
		at := r.Cursor()
		switch {
		case q.Verb != "" && q.Verb != r.Verb,
			q.By != "" && r.By != "" && q.By != r.By, // who is not known yet may be the one
			!q.From.IsZero() && at.At.Before(q.From),
			!q.To.IsZero() && !at.At.Before(q.To),
			q.After.ID != "" && !q.After.Less(at):
			continue
		}
		rows = append(rows, r)
	}
	SortAudit(rows) // a clock may have gone back
	return rows
}

// SortAudit puts rows into the order of an audit.
func SortAudit(rows []AuditRow) {
	slices.SortFunc(rows, func(a, b AuditRow) int {
		if a.Cursor().Less(b.Cursor()) {
			return -1
		}
		return 1
	})
}

// Bounded returns the limit that q asks for, or the default, up to MaxLimit.
func (q AuditQuery) Bounded() int { return Query{Limit: q.Limit}.Bounded() }

// Validate reports what is wrong with q, so that nobody takes a filter that
// selects nothing for an answer.
func (q AuditQuery) Validate() error {
	if q.ID != "" {
		if err := protocol.CheckID(q.ID); err != nil {
			return err
		}
	}
	if q.After.ID != "" {
		if err := protocol.CheckID(q.After.ID); err != nil {
			return fmt.Errorf("cursor: %w", err)
		}
	}
	switch q.Verb {
	case "", instance.Cancel, instance.Suspend, instance.Resume, instance.Retry, instance.Resolve:
	default:
		return fmt.Errorf("action %.32q is none of cancel, suspend, resume, retry, resolve", string(q.Verb))
	}
	switch {
	case q.By != protocol.Text(q.By, MaxWho):
		return fmt.Errorf("who %.80q has control characters, outer spaces, or more than %d bytes: nobody is called so", q.By, MaxWho)
	case q.Limit < 0 || q.Limit > MaxLimit:
		return fmt.Errorf("limit %d is not between 1 and %d; go on with the cursor", q.Limit, MaxLimit)
	case !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To):
		return errors.New("the times are empty: from is not before to")
	}
	return nil
}

// Audit returns a page of the requests that q asks for from all partitions of
// view, newest first.
func Audit(ctx context.Context, view View, partitions int, q AuditQuery) (AuditPage, error) {
	q.Limit = q.Bounded()
	pages, err := fromEach(partitions, func(p int) (AuditPage, error) { return view.Partition(p).Audit(ctx, q) })
	if err != nil {
		return AuditPage{}, err
	}
	lists, nexts := make([][]AuditRow, len(pages)), make([]*AuditCursor, len(pages))
	for i, page := range pages {
		lists[i], nexts[i] = page.Rows, page.Next
	}
	var merged AuditPage
	merged.Rows, merged.Next = merge(lists, nexts, AuditRow.Cursor, q.Limit)
	return merged, nil
}
