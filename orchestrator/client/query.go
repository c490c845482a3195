package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// ask sends a request to the orchestrators' service, and reads the answer of
// whichever member gives one.
func (c *Client) ask(ctx context.Context, endpoint string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	m, err := c.nc.RequestWithContext(ctx, c.subjects.Service(endpoint), body)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return ErrNoOrchestrator
	case err != nil:
		return c.hint(err)
	}
	return readAnswer(m, answer)
}

func readAnswer(m *nats.Msg, answer any) error {
	if code := m.Header.Get(micro.ErrorCodeHeader); code != "" {
		return &ServiceError{protocol.Text(code, 64), protocol.Text(m.Header.Get(micro.ErrorHeader), protocol.MaxReason)}
	}
	if err := json.Unmarshal(m.Data, answer); err != nil {
		return fmt.Errorf("answer of the orchestrator: %w", err)
	}
	return nil
}

// Get returns a saga as the journal knows it now, without payloads.
func (c *Client) Get(ctx context.Context, id string) (instance.State, error) {
	if err := protocol.CheckID(id); err != nil {
		return instance.State{}, fmt.Errorf("client: %w", err)
	}
	var a orchestrator.GetAnswer
	if err := c.ask(ctx, orchestrator.EndpointGet, orchestrator.GetRequest{ID: id}, &a); err != nil {
		return instance.State{}, fmt.Errorf("client: get saga %s: %w", id, err)
	}
	return a.Saga, nil
}

// List returns one page of the sagas that q asks for, newest start first, and
// the cursor of the next page: nil after the last. A page may be shorter than
// was asked for, or empty, and have a next one. Lists come from the view, which
// may be some milliseconds behind the journal.
func (c *Client) List(ctx context.Context, q orchestrator.Query) ([]instance.State, *orchestrator.Cursor, error) {
	var a orchestrator.ListAnswer
	if err := c.ask(ctx, orchestrator.EndpointList, q, &a); err != nil {
		return nil, nil, fmt.Errorf("client: list sagas: %w", err)
	}
	return a.Sagas, a.Next, nil
}

// Clusters returns the ways in which the sagas that q asks for fail.
func (c *Client) Clusters(ctx context.Context, q orchestrator.ClusterQuery) (orchestrator.Clusters, error) {
	var a orchestrator.Clusters
	if err := c.ask(ctx, orchestrator.EndpointClusters, q, &a); err != nil {
		return a, fmt.Errorf("client: find clusters of failures: %w", err)
	}
	return a, nil
}

// Audit returns one page of what people asked for, newest first, and what was
// decided. Like a list, a page may be short, or empty, and have a next one.
func (c *Client) Audit(ctx context.Context, q orchestrator.AuditQuery) (verbs.Audit, error) {
	var a verbs.Audit
	if err := c.ask(ctx, verbs.EndpointAudit, q, &a); err != nil {
		return a, fmt.Errorf("client: audit: %w", err)
	}
	return a, nil
}

// Counts returns how many sagas there are of each definition, version and status.
func (c *Client) Counts(ctx context.Context) ([]orchestrator.Count, error) {
	var a orchestrator.CountsAnswer
	if err := c.ask(ctx, orchestrator.EndpointCounts, struct{}{}, &a); err != nil {
		return nil, fmt.Errorf("client: count sagas: %w", err)
	}
	return a.Counts, nil
}

// All returns every saga that q asks for, page by page of q.Limit. Sagas that
// start meanwhile are not among them.
func (c *Client) All(ctx context.Context, q orchestrator.Query) iter.Seq2[instance.State, error] {
	return func(yield func(instance.State, error) bool) {
		for {
			page, next, err := c.List(ctx, q)
			if err != nil {
				yield(instance.State{}, err)
				return
			}
			for _, s := range page {
				if !yield(s, nil) {
					return
				}
			}
			if next == nil {
				return
			}
			q.After = *next
		}
	}
}

// History returns the messages about one saga from sequence from on, in order,
// with their bodies if payloads are wanted.
func (c *Client) History(ctx context.Context, id string, from uint64, payloads bool) iter.Seq2[orchestrator.Recorded, error] {
	return func(yield func(orchestrator.Recorded, error) bool) {
		fail := func(err error) { yield(orchestrator.Recorded{}, fmt.Errorf("client: history of saga %s: %w", id, err)) }
		if err := protocol.CheckID(id); err != nil {
			yield(orchestrator.Recorded{}, fmt.Errorf("client: %w", err))
			return
		}
		r := orchestrator.HistoryRequest{ID: id, From: from, Payloads: payloads}
		for {
			var a orchestrator.HistoryAnswer
			if err := c.ask(ctx, orchestrator.EndpointHistory, r, &a); err != nil {
				fail(err)
				return
			}
			for _, m := range a.Messages {
				if !yield(m, nil) {
					return
				}
			}
			switch {
			case a.Next == 0:
				return
			case a.Next <= r.From:
				fail(errors.New("the pages do not go on"))
				return
			}
			r.From = a.Next
		}
	}
}

// Definitions returns what sagas have begun with, by name and version.
func (c *Client) Definitions(ctx context.Context) ([]orchestrator.Registered, error) {
	var all []orchestrator.Registered
	var r orchestrator.NamesRequest
	for {
		var a orchestrator.DefinitionsAnswer
		if err := c.ask(ctx, orchestrator.EndpointDefinitions, r, &a); err != nil {
			return nil, fmt.Errorf("client: list definitions: %w", err)
		}
		all = append(all, a.Definitions...)
		if a.Next == "" || a.Next == r.After {
			return all, nil
		}
		r.After = a.Next
	}
}

// PartitionCounts says how far journal and view are in each partition.
func (c *Client) PartitionCounts(ctx context.Context) ([]orchestrator.PartitionCounts, error) {
	var a orchestrator.PartitionsAnswer
	if err := c.ask(ctx, orchestrator.EndpointPartitions, struct{}{}, &a); err != nil {
		return nil, fmt.Errorf("client: count partitions: %w", err)
	}
	return a.Partitions, nil
}

// ParticipantCounts says how far each participant is with its commands.
func (c *Client) ParticipantCounts(ctx context.Context) ([]orchestrator.ParticipantCounts, error) {
	var a orchestrator.ParticipantsAnswer
	if err := c.ask(ctx, orchestrator.EndpointParticipants, struct{}{}, &a); err != nil {
		return nil, fmt.Errorf("client: count commands: %w", err)
	}
	return a.Participants, nil
}

// Status asks every member what it does. Missing are members that others know
// of, and that did not answer.
func (c *Client) Status(ctx context.Context) (members []orchestrator.StatusAnswer, missing []string, err error) {
	missing, err = gather(ctx, c, orchestrator.EndpointStatus, struct{}{}, func(a orchestrator.StatusAnswer) (string, []string) {
		members = append(members, a)
		return a.Member, a.Members
	})
	if err != nil {
		return nil, nil, fmt.Errorf("client: ask for status: %w", err)
	}
	return members, missing, nil
}

// Rejected asks every member for the newest inputs that it rejected, at most
// limit each, or all that it remembers if limit is 0.
func (c *Client) Rejected(ctx context.Context, limit int) (members []orchestrator.RejectedAnswer, missing []string, err error) {
	missing, err = gather(ctx, c, orchestrator.EndpointRejected, orchestrator.RejectedRequest{Limit: limit}, func(a orchestrator.RejectedAnswer) (string, []string) {
		members = append(members, a)
		return a.Member, a.Members
	})
	if err != nil {
		return nil, nil, fmt.Errorf("client: ask for rejected inputs: %w", err)
	}
	return members, missing, nil
}

// quiet is how long nobody more has to answer until all have that will, where
// members are missing.
const quiet = 500 * time.Millisecond

// gather asks every member, and hands its answer to take, which returns who it
// is and whom it knows of. It ends when all of those have answered.
func gather[A any](ctx context.Context, c *Client, endpoint string, request any, take func(A) (string, []string)) (missing []string, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	inbox := c.nc.NewInbox()
	answers := make(chan *nats.Msg, 1024)
	sub, err := c.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed
	if err := c.nc.PublishRequest(c.subjects.Service(endpoint), inbox, body); err != nil {
		return nil, err
	}
	silence := time.NewTimer(c.timeout)
	defer silence.Stop()
	roll := newRoll()
	for !roll.complete() {
		select {
		case m := <-answers:
			if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
				return nil, ErrNoOrchestrator
			}
			var a A
			if err := readAnswer(m, &a); err != nil {
				return nil, err
			}
			roll.note(take(a))
			silence.Reset(quiet)
		case <-silence.C:
			if len(roll.answered) == 0 {
				return nil, ErrNoOrchestrator
			}
			return roll.missing(), nil
		case <-ctx.Done():
			return nil, c.hint(ctx.Err())
		}
	}
	return nil, nil
}
