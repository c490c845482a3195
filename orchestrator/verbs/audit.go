package verbs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// An Audit is what people asked for, newest first. Next is where it goes on,
// nil after the last; a page may be short, or empty, and have a Next.
type Audit struct {
	Requests []Audited                 `json:"requests"`
	Next     *orchestrator.AuditCursor `json:"next,omitempty"`
}

// Audited is one request, as the journal has it, and what was decided about it.
type Audited struct {
	ID         string `json:"id"` // of the saga
	Definition string `json:"definition"`
	Version    int    `json:"version"`

	Sequence  uint64    `json:"sequence"`
	Time      time.Time `json:"time"`    // the store's stamp
	Request   string    `json:"request"` // its id: a bulk's, where one asked
	Action    string    `json:"action"`
	Who       string    `json:"who"`
	Reason    string    `json:"reason,omitempty"`
	Step      string    `json:"step,omitempty"`
	Direction string    `json:"direction,omitempty"`
	Attempt   int       `json:"attempt,omitempty"`
	As        string    `json:"as,omitempty"`
	Unsettled bool      `json:"unsettled,omitempty"`

	Decided   uint64    `json:"decided"` // sequence of the decision
	DecidedAt time.Time `json:"decided_at"`
	Obeyed    bool      `json:"obeyed"`
	Refused   string    `json:"refused,omitempty"`  // why not
	TooLate   bool      `json:"too_late,omitempty"` // a cancel, which takes effect only if the pivot is refused
}

// Cursor returns the place of a in an audit.
func (a Audited) Cursor() orchestrator.AuditCursor {
	return orchestrator.AuditCursor{At: a.DecidedAt.Truncate(time.Millisecond).UTC(), Link: a.Decided, ID: a.ID}
}

// auditReaders is how many requests are read from the journal at a time.
const auditReaders = 16

// Audit returns a page of the requests that were decided. The view says which,
// and the journal what they were: what has left it is in no audit.
func (v *Verbs) Audit(ctx context.Context, q orchestrator.AuditQuery) (Audit, error) {
	if err := q.Validate(); err != nil {
		return Audit{}, Invalid(err)
	}
	page, err := orchestrator.Audit(ctx, v.cfg.View, v.cfg.Journal.Partitions(), q)
	if err != nil {
		return Audit{}, fmt.Errorf("the view cannot be read now: %w", err)
	}
	read := make([]*Audited, len(page.Rows))
	errs := make([]error, len(page.Rows))
	var group sync.WaitGroup
	room := make(chan struct{}, auditReaders)
	for i, row := range page.Rows {
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			read[i], errs[i] = v.audited(ctx, row)
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return Audit{}, err
	}
	out := Audit{Requests: []Audited{}, Next: page.Next}
	for _, a := range read {
		// Where the view does not know who asked, the journal does.
		if a != nil && (q.By == "" || q.By == a.Who) {
			out.Requests = append(out.Requests, *a)
		}
	}
	return out, nil
}

// audited reads a request and its decision, or returns nil if they have left.
func (v *Verbs) audited(ctx context.Context, row orchestrator.AuditRow) (*Audited, error) {
	asked, err := v.Message(ctx, row.ID, row.Input)
	var link orchestrator.Message
	if err == nil {
		link, err = v.Message(ctx, row.ID, row.Link)
	}
	var f *Failure
	switch {
	case errors.Is(err, orchestrator.ErrNotFound), errors.As(err, &f) && f.Code == orchestrator.CodeNotFound:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("request %d of saga %s: %w", row.Input, row.ID, err)
	}
	e := NewEntry(asked, false)
	a := &Audited{
		ID: row.ID, Definition: row.Definition, Version: max(row.Version, 0),
		Sequence: e.Sequence, Time: e.Time, Request: e.Input, Action: e.Verb, Who: protocol.Text(e.By, orchestrator.MaxWho), Reason: e.Why,
		Step: e.Step, Direction: e.Direction, Attempt: e.Attempt, As: e.As, Unsettled: asked.Header.Get(orchestrator.HeaderUnsettled) == "true",
		Decided: row.Link, DecidedAt: row.At,
	}
	for _, event := range NewEntry(link, false).Events {
		var said struct {
			Input   uint64 `json:"input"`
			Reason  string `json:"reason"`
			TooLate bool   `json:"too_late"`
		}
		if err := json.Unmarshal(event.Data, &said); err != nil || said.Input != row.Input {
			continue
		}
		a.TooLate = said.TooLate
		if event.Type == "ControlRefused" {
			a.Refused = protocol.Text(said.Reason, maxText)
		}
	}
	a.Obeyed = !row.Refused && !a.TooLate
	return a, nil
}
