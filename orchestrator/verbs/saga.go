package verbs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Get replays a saga. Whoever names a message that it has seen is answered with
// it, from any replica; anybody else with what the leader has now.
func (v *Verbs) Get(ctx context.Context, r orchestrator.GetRequest) (orchestrator.Replayed, error) {
	part, err := v.home(r.ID)
	if err != nil {
		return orchestrator.Replayed{}, err
	}
	if r.AtLeast == 0 || r.At > 0 {
		replayed, _, err := v.at(ctx, part, r.ID, r.At)
		return replayed, err
	}
	count := v.cfg.Journal.Partitions()
	history, err := part.History(ctx, r.ID, 0)
	if n := len(history); err == nil && n > 0 && history[n-1].Sequence >= r.AtLeast {
		return orchestrator.Replay(history, count, nil)
	}
	last, err := part.Last(ctx, r.ID)
	if err != nil {
		return orchestrator.Replayed{}, err
	}
	atLeast := last.Sequence
	if r.AtLeast > atLeast {
		// Loading waits for a replica to have it, so it must be the saga's.
		m, err := part.Get(ctx, r.AtLeast)
		if err == nil && m.Address.ID == r.ID {
			atLeast = r.AtLeast
		} else if err != nil && !errors.Is(err, orchestrator.ErrNotFound) {
			return orchestrator.Replayed{}, err
		}
	}
	return orchestrator.Load(ctx, part, r.ID, atLeast, count, nil)
}

// at replays a saga up to the message with sequence at, or all of it if at is
// 0. It returns the history that it was given, too.
func (v *Verbs) at(ctx context.Context, part orchestrator.Partition, id string, at uint64) (orchestrator.Replayed, []orchestrator.Message, error) {
	history, err := v.history(ctx, part, id)
	if err != nil {
		return orchestrator.Replayed{}, nil, err
	}
	if at > 0 && at < history[0].Sequence {
		return orchestrator.Replayed{}, nil, notFoundf("saga %s: its history begins with message %d", id, history[0].Sequence)
	}
	n := len(history)
	for at > 0 && history[n-1].Sequence > at {
		n--
	}
	replayed, err := orchestrator.Replay(history[:n], v.cfg.Journal.Partitions(), nil)
	return replayed, history[:n], err
}

// Read returns a saga's messages from a sequence on. They are not the caller's.
func (v *Verbs) Read(ctx context.Context, id string, from uint64) ([]orchestrator.Message, error) {
	part, err := v.home(id)
	if err != nil {
		return nil, err
	}
	all, err := v.history(ctx, part, id)
	i, _ := slices.BinarySearchFunc(all, from, func(m orchestrator.Message, s uint64) int { return cmp.Compare(m.Sequence, s) })
	return all[i:], err
}

// CheckPage returns the limit of a page of a history, or why there is none.
func CheckPage(limit int) (int, error) {
	switch {
	case limit < 0 || limit > orchestrator.MaxHistory:
		return 0, invalidf("limit %d is not between 1 and %d; go on with the next sequence", limit, orchestrator.MaxHistory)
	case limit == 0:
		return orchestrator.DefaultHistory, nil
	}
	return limit, nil
}

// replicaLag is how long to wait before a replica that lags is asked again.
const replicaLag = 5 * time.Millisecond

// read returns a saga's messages from a sequence on, and the last of its chain.
// The answer of a replica that lags is not taken: it would look like a
// history's end.
func read(ctx context.Context, part orchestrator.Partition, id string, from uint64) (list []orchestrator.Message, last orchestrator.Message, err error) {
	if last, err = part.Last(ctx, id); err != nil && !errors.Is(err, orchestrator.ErrNotFound) {
		return nil, last, err
	}
	for {
		messages, err := part.History(ctx, id, from)
		switch n := len(messages); {
		case err != nil:
			return nil, last, err
		case last.Sequence >= from && last.Sequence != 0 && (n == 0 || messages[n-1].Sequence < last.Sequence):
			if _, err := part.Get(ctx, last.Sequence); err != nil && !errors.Is(err, orchestrator.ErrNotFound) {
				return nil, last, err // the leader is away, or ctx is over
			} else if err == nil {
				pause.For(ctx, replicaLag)
				continue
			}
			return nil, last, fmt.Errorf("history of %s: %w", id, orchestrator.ErrNotFound) // it left meanwhile
		case n == 0 && last.Sequence == 0:
			return nil, last, fmt.Errorf("history of %s: %w", id, orchestrator.ErrNotFound)
		}
		return messages, last, nil
	}
}

// WithoutPayloads drops what participants and clients sent. The state is the
// caller's, but what it points to may not be.
func WithoutPayloads(s *instance.State) {
	s.Input = nil
	s.Steps = append([]instance.Step(nil), s.Steps...)
	for i := range s.Steps {
		s.Steps[i].Do.Output, s.Steps[i].Undo.Output = nil, nil
	}
	s.Signals = append([]instance.Signal(nil), s.Signals...)
	for i := range s.Signals {
		s.Signals[i].Body = nil
	}
}

// After returns what one replica has of a saga's messages after a sequence: it
// may lack the newest. Nothing is no error.
func (v *Verbs) After(ctx context.Context, id string, sequence uint64) ([]orchestrator.Message, error) {
	part, err := v.home(id)
	if err != nil {
		return nil, err
	}
	return part.History(ctx, id, sequence+1)
}

// Message returns one message of a saga's history.
func (v *Verbs) Message(ctx context.Context, id string, sequence uint64) (orchestrator.Message, error) {
	part, err := v.home(id)
	if err != nil {
		return orchestrator.Message{}, err
	}
	m, err := part.Get(ctx, sequence)
	if err == nil && m.Address.ID != id {
		err = notFoundf("message %d is none of saga %s", sequence, id)
	}
	return m, err
}
