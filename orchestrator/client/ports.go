package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// Sagas returns the client as verbs write by it.
func (c *Client) Sagas() verbs.Sagas { return writer{c} }

var (
	_ verbs.Sagas = writer{}
	_ verbs.Fleet = (*Client)(nil)
)

// A writer writes for verbs, and tells errors as they do.
type writer struct{ c *Client }

// Start implements verbs.Sagas.
func (w writer) Start(ctx context.Context, r verbs.StartRequest) (verbs.Started, error) {
	var options []StartOption
	if r.ID != "" {
		options = append(options, ID(r.ID))
	}
	for key, value := range r.Tags {
		options = append(options, Tag(key, value))
	}
	s, err := w.c.StartRaw(ctx, r.Definition, r.Version, r.Input, options...)
	if err != nil {
		return verbs.Started{}, told(err, nil)
	}
	return verbs.Started{ID: s.ID(), Run: s.Run(), Existed: s.Existed()}, nil
}

// Control implements verbs.Sagas.
func (w writer) Control(ctx context.Context, id string, r verbs.ControlRequest) (verbs.Decision, error) {
	s, err := w.c.Saga(ctx, id)
	if err != nil {
		return verbs.Decision{}, told(err, nil)
	}
	by := By{Who: r.Who, Why: r.Reason, Input: r.Request}
	ref := StepRef{Step: r.Step, Direction: protocol.Direction(r.Direction), Number: r.Attempt}
	var d Decision
	switch verb := instance.Verb(r.Action); verb {
	case instance.Cancel:
		d, err = s.Cancel(ctx, by)
	case instance.Suspend:
		d, err = s.Suspend(ctx, by)
	case instance.Resume:
		d, err = s.Resume(ctx, by)
	case instance.Retry:
		d, err = s.Retry(ctx, by, ref)
	case instance.Resolve:
		d, err = s.Resolve(ctx, by, Resolution{StepRef: ref, As: protocol.Outcome(r.As), Output: r.Output, Unsettled: r.Unsettled})
	default:
		return verbs.Decision{}, verbs.Invalid(fmt.Errorf("%.32q is nothing one can ask for", r.Action))
	}
	return shown(d, err)
}

// Signal implements verbs.Sagas.
func (w writer) Signal(ctx context.Context, id string, r verbs.SignalRequest) (verbs.Decision, error) {
	s, err := w.c.Saga(ctx, id)
	if err != nil {
		return verbs.Decision{}, told(err, nil)
	}
	return shown(s.Signal(ctx, r.Name, r.Body, r.Request))
}

func shown(d Decision, err error) (verbs.Decision, error) {
	out := verbs.Decision{
		Request: d.Input, Asked: d.Asked, Repeated: d.Repeated, Decided: d.Link, Time: d.Time,
		Obeyed: err == nil && d.Obeyed(), Refused: d.Refused, TooLate: d.TooLate,
	}
	for _, ev := range d.Events {
		data, failed := json.Marshal(ev)
		if failed != nil {
			return out, failed
		}
		out.Events = append(out.Events, verbs.Event{Type: orchestrator.EventName(ev), Data: data})
	}
	return out, told(err, &out)
}

// told gives err the code that verbs have for it.
func told(err error, d *verbs.Decision) error {
	if err == nil {
		return nil
	}
	code := orchestrator.CodeUnavailable
	switch {
	case errors.Is(err, ErrConflict):
		code = orchestrator.CodeConflict
	case errors.Is(err, ErrOver):
		code = orchestrator.CodeOver
	case errors.Is(err, ErrRejected):
		code = orchestrator.CodeRefused
	case errors.Is(err, ErrNotFound):
		code = orchestrator.CodeNotFound
	case errors.Is(err, orchestrator.ErrTooMuch):
		code = orchestrator.CodeTooLarge
	case errors.Is(err, ErrInDoubt):
		code = orchestrator.CodeInDoubt
	case d != nil && d.Asked != 0 && d.Decided == 0 && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)):
		code = orchestrator.CodeUndecided
	}
	return &verbs.Failure{Code: code, Decision: d, Err: err}
}

// Bulks implements verbs.Fleet. It hears every member that answers in time.
func (c *Client) Bulks(ctx context.Context, r verbs.BulkRef) ([]verbs.Bulk, error) {
	var list []verbs.Bulk
	endpoint := verbs.EndpointBulks
	if r.Stop {
		endpoint = verbs.EndpointStopBulk
	}
	_, err := gather(ctx, c, endpoint, r, func(a verbs.BulksAnswer) (string, []string) {
		list = append(list, a.Bulks...)
		return a.Member, a.Members
	})
	if err != nil {
		return nil, fmt.Errorf("client: ask for bulks: %w", err)
	}
	return list, nil
}
