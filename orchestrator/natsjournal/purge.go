package natsjournal

import (
	"context"
	"fmt"

	"github.com/amends-io/amends/participants/protocol"
)

// A purge deletes messages of a subject: those below a sequence, or all but
// the newest. A zero bounds nothing.
type purge struct {
	Filter string `json:"filter"`
	Before uint64 `json:"seq,omitempty"`
	Keep   uint64 `json:"keep,omitempty"`
}

// Purge implements orchestrator.Purger.
func (s *stream) Purge(ctx context.Context, id string, before uint64) error {
	if err := protocol.CheckID(id); err != nil {
		return fmt.Errorf("purge: %w", err) // a wildcard would purge every saga
	}
	if before == 0 {
		return nil // the server would take it for no bound
	}
	if err := s.purge(ctx, purge{Filter: s.journal.subjects.Saga(s.partition, id), Before: before}); err != nil {
		return fmt.Errorf("purge %s: %w", id, err)
	}
	return nil
}

// Trim implements orchestrator.Purger.
func (s *stream) Trim(ctx context.Context, keepCanaries, keepPurges uint64) error {
	if err := s.purge(ctx, purge{Filter: s.journal.subjects.Canary(s.partition), Keep: keepCanaries}); err != nil {
		return fmt.Errorf("trim canaries: %w", err)
	}
	if err := s.purge(ctx, purge{Filter: s.journal.subjects.Purged(s.partition), Keep: keepPurges}); err != nil {
		return fmt.Errorf("trim purge records: %w", err)
	}
	return nil
}

func (s *stream) purge(ctx context.Context, p purge) error {
	return s.journal.call(ctx, "STREAM.PURGE."+s.name, p, nil)
}
