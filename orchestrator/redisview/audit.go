package redisview

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/amends-io/amends/orchestrator"
)

// askedPlace is where the index has a request among those of all rows: when it
// was decided, by which link, about which saga.
func askedPlace(at orchestrator.AuditCursor) string {
	return place(at.At.UnixMilli(), linkDigits(at.Link)+at.ID)
}

func linkDigits(link uint64) string {
	digits := strconv.FormatUint(link, 16)
	return "0000000000000000"[:16-len(digits)] + digits
}

// askedAt reads what askedPlace wrote.
func askedAt(text string) (at orchestrator.AuditCursor, err error) {
	if len(text) > timeDigits+16 {
		at.Link, err = strconv.ParseUint(text[timeDigits:timeDigits+16], 16, 64)
		if err == nil {
			at.At, err = timeAt(text)
			at.ID = text[timeDigits+16:]
			return at, err
		}
	}
	return at, fmt.Errorf("index entry %.64q is damaged, forget the view", text)
}

// Audit walks over the requests in the index, and reads the rows that have
// them: a row may have changed since the index was read.
func (p *partition) Audit(ctx context.Context, q orchestrator.AuditQuery) (orchestrator.AuditPage, error) {
	var page orchestrator.AuditPage
	var err error
	if q.ID != "" {
		page, err = p.auditOne(ctx, q)
	} else {
		page, err = p.audit(ctx, q)
	}
	if err != nil {
		return orchestrator.AuditPage{}, fmt.Errorf("audit of the view: %w", err)
	}
	return page, nil
}

// auditOne needs no index: a row has all requests of its saga that are kept.
func (p *partition) auditOne(ctx context.Context, q orchestrator.AuditQuery) (page orchestrator.AuditPage, err error) {
	states, err := p.States(ctx, []string{q.ID})
	if err != nil {
		return page, err
	}
	for _, s := range states {
		page.Rows = q.Asked(&s)
	}
	cutAudit(&page, q.Bounded())
	return page, nil
}

// cutAudit keeps the first limit rows of page.
func cutAudit(page *orchestrator.AuditPage, limit int) {
	if len(page.Rows) > limit {
		next := page.Rows[limit-1].Cursor()
		page.Rows, page.Next = page.Rows[:limit], &next
	}
}

func (p *partition) audit(ctx context.Context, q orchestrator.AuditQuery) (page orchestrator.AuditPage, err error) {
	limit, budget := q.Bounded(), listBudget
	between := placesBetween(q.From, q.To)
	if q.After.ID != "" {
		between.below = min(between.below, askedPlace(q.After))
	}
	// One more than asked for tells whether there are more.
	for n := min(limit+1, walkAtOnce); ; n = min(2*n, walkAtOnce) {
		w, err := p.walk(ctx, set{ranges: []string{askedRows}}, between, n)
		if err != nil {
			return page, err
		}
		rows, read, err := p.askedAmong(ctx, q, w.found)
		if err != nil {
			return page, err
		}
		if page.Rows = append(page.Rows, rows...); len(page.Rows) > limit {
			cutAudit(&page, limit)
			return page, nil
		}
		if w.end == "" {
			return page, nil
		}
		if budget -= w.entries + rowCost*read; budget <= 0 {
			next, err := askedAt(w.end)
			page.Next = &next
			return page, err
		}
		between.below = w.end
	}
}

// askedAmong returns the requests at those places that q asks for, and how many
// rows were read.
func (p *partition) askedAmong(ctx context.Context, q orchestrator.AuditQuery, found []string) (rows []orchestrator.AuditRow, read int, err error) {
	wanted := make(map[string]bool, len(found))
	var ids []string
	for _, text := range found {
		at, err := askedAt(text)
		if err != nil {
			return nil, 0, err
		}
		wanted[text] = true
		ids = append(ids, at.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	states, err := p.States(ctx, ids)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range states {
		for _, r := range q.Asked(&s) {
			if wanted[askedPlace(r.Cursor())] {
				rows = append(rows, r)
			}
		}
	}
	orchestrator.SortAudit(rows)
	return rows, len(ids), nil
}
