package orchestrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/amends-io/amends/participants/protocol"
)

// VerifyPosition fails with a LostError if the journal lost messages that the
// view of partition p has seen.
func VerifyPosition(ctx context.Context, p int, j Journal, v View) error {
	at, err := v.Partition(p).Position(ctx)
	if err != nil {
		return fmt.Errorf("position of partition %d: %w", p, err)
	}
	_, err = verifyStamp(ctx, p, j.Partition(p), at.Stamp)
	return err
}

// verifyStamp reports whether the journal still has the message that stamp
// names. It fails with a LostError if the journal certainly lost it; it reports
// false if the message has left, so that nothing is known.
func verifyStamp(ctx context.Context, p int, part Historian, stamp Stamp) (trusted bool, err error) {
	if stamp.Sequence == 0 {
		return true, nil // whoever stored a link has read its start
	}
	tail, err := part.Tail(ctx)
	if err != nil {
		return false, fmt.Errorf("end of partition %d: %w", p, err)
	}
	lost := func(format string, args ...any) error {
		return &LostError{p, fmt.Sprintf(format, args...)}
	}
	switch {
	case !stamp.Created.IsZero() && !stamp.Created.Equal(tail.Created):
		return false, lost("its stream was made at %v, not at %v: it was deleted and made again", tail.Created, stamp.Created)
	case tail.Last < stamp.Sequence:
		return false, lost("it ends at %d, and %d was read before", tail.Last, stamp.Sequence)
	case tail.Last < stamp.Link:
		return false, lost("it ends at %d, and link %d was stored before", tail.Last, stamp.Link)
	}
	if err := verifyLink(ctx, p, part, stamp); err != nil {
		return false, err
	}
	m, err := part.Get(ctx, stamp.Sequence)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("message %d of partition %d: %w", stamp.Sequence, p, err)
	case !m.Time.Equal(stamp.Time):
		return false, lost("message %d was stored at %v, and one of %v was read before", stamp.Sequence, m.Time, stamp.Time)
	}
	return true, nil
}

// verifyLink fails with a LostError if another message has the place of the
// link that stamp names. If there is none, its history has left.
func verifyLink(ctx context.Context, p int, part Historian, stamp Stamp) error {
	if stamp.Link == 0 {
		return nil
	}
	m, err := part.Get(ctx, stamp.Link)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("link %d of partition %d: %w", stamp.Link, p, err)
	case m.Header.Get(protocol.HeaderDecision) != stamp.Decision:
		return &LostError{p, fmt.Sprintf("message %d is not the link %s that was stored before", stamp.Link, stamp.Decision)}
	}
	return nil
}
