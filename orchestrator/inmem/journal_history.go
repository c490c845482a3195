package inmem

import (
	"context"
	"fmt"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// History implements orchestrator.Historian.
func (p partition) History(ctx context.Context, id string, from uint64) ([]orchestrator.Message, error) {
	if err := p.reach(ctx, id); err != nil {
		return nil, fmt.Errorf("history of %.80q: %w", id, err)
	}
	lag := p.journal.takeLag()
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	var found []orchestrator.Message
	for _, sequence := range p.bySaga[id] {
		if sequence >= from && sequence+uint64(lag) <= uint64(len(p.messages)) {
			found = append(found, *p.messages[sequence-1])
		}
	}
	return found, nil
}

// Last implements orchestrator.Historian.
func (p partition) Last(ctx context.Context, id string) (orchestrator.Message, error) {
	if err := p.reach(ctx, id); err != nil {
		return orchestrator.Message{}, fmt.Errorf("last link of %.80q: %w", id, err)
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if m := p.last(p.store.subjects.Chain(p.number, id)); m != nil {
		return *m, nil
	}
	return orchestrator.Message{}, fmt.Errorf("last link of %s: %w", id, orchestrator.ErrNotFound)
}

// Get implements orchestrator.Historian.
func (p partition) Get(ctx context.Context, sequence uint64) (orchestrator.Message, error) {
	if err := p.journal.reach(ctx); err != nil {
		return orchestrator.Message{}, fmt.Errorf("message %d: %w", sequence, err)
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if sequence == 0 || sequence > uint64(len(p.messages)) || p.messages[sequence-1] == nil {
		return orchestrator.Message{}, fmt.Errorf("message %d: %w", sequence, orchestrator.ErrNotFound)
	}
	return *p.messages[sequence-1], nil
}

// Tail implements orchestrator.Historian.
func (p partition) Tail(ctx context.Context) (orchestrator.Tail, error) {
	if err := p.journal.reach(ctx); err != nil {
		return orchestrator.Tail{}, fmt.Errorf("tail of partition %d: %w", p.number, err)
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	last := uint64(len(p.messages))
	tail := orchestrator.Tail{Created: p.created, First: last + 1, Last: last}
	if first := p.from(1, 1); len(first) > 0 {
		tail.First = first[0].Sequence
	}
	return tail, nil
}

// Purges implements orchestrator.Historian.
func (p partition) Purges(ctx context.Context) ([]orchestrator.Message, error) {
	if err := p.journal.reach(ctx); err != nil {
		return nil, fmt.Errorf("purges of partition %d: %w", p.number, err)
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	var found []orchestrator.Message
	for _, sequence := range p.bySaga[protocol.NoOne] {
		if m := p.messages[sequence-1]; m.Address.Kind == protocol.KindPurged {
			found = append(found[:min(len(found), 1)], *m)
		}
	}
	return found, nil
}

// Purge implements orchestrator.Purger.
func (p partition) Purge(ctx context.Context, id string, before uint64) error {
	if err := p.reach(ctx, id); err != nil {
		return fmt.Errorf("purge %.80q: %w", id, err)
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	for _, m := range p.about(id) {
		if m.Sequence < before {
			p.remove(m)
		}
	}
	return nil
}

// Trim implements orchestrator.Purger.
func (p partition) Trim(ctx context.Context, keepCanaries, keepPurges uint64) error {
	if err := p.journal.reach(ctx); err != nil {
		return fmt.Errorf("trim partition %d: %w", p.number, err)
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	p.trim(p.store.subjects.Canary(p.number), keepCanaries)
	p.trim(p.store.subjects.Purged(p.number), keepPurges)
	return nil
}

// trim removes the oldest messages of subject but keep.
func (s *stream) trim(subject string, keep uint64) {
	for _, m := range s.about(protocol.NoOne) {
		if m.Subject == subject && uint64(s.perSubject[subject]) > keep {
			s.remove(m)
		}
	}
}

// about returns the messages about one saga, in a list of its own.
func (s *stream) about(id string) []*orchestrator.Message {
	found := make([]*orchestrator.Message, 0, len(s.bySaga[id]))
	for _, sequence := range s.bySaga[id] {
		found = append(found, s.messages[sequence-1])
	}
	return found
}

func (p partition) reach(ctx context.Context, id string) error {
	if err := protocol.CheckID(id); err != nil {
		return err
	}
	return p.journal.reach(ctx)
}
