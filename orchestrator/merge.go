package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// List returns the rows that q asks for from all partitions of view, newest
// start first. The cursor of the last row continues the list: every partition
// has the same order, and an id is in one of them.
func List(ctx context.Context, view View, partitions int, q Query) ([]instance.State, error) {
	lists := make([][]instance.State, partitions)
	errs := make([]error, partitions)
	q.Limit = q.Bounded()
	var group sync.WaitGroup
	for p := range partitions {
		group.Go(func() { lists[p], errs[p] = view.Partition(p).List(ctx, q) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	merged := slices.Concat(lists...)
	slices.SortFunc(merged, func(a, b instance.State) int {
		if CursorOf(a).Less(CursorOf(b)) {
			return -1
		}
		return 1
	})
	return merged[:min(len(merged), q.Limit)], nil
}

// Validate reports what is wrong with q, so that nobody takes a filter that
// selects nothing, or a limit that is cut, for an answer.
func (q Query) Validate() error {
	for _, s := range q.Statuses {
		switch s {
		case instance.Absent, instance.Running, instance.Compensating, instance.Completed, instance.Compensated, instance.Stuck:
		default:
			return fmt.Errorf("status %.32q is none of running, compensating, completed, compensated, stuck", string(s))
		}
	}
	if q.Definition != "" {
		if err := protocol.CheckName("definition", q.Definition); err != nil {
			return err
		}
	}
	if q.After.ID != "" {
		if err := protocol.CheckID(q.After.ID); err != nil {
			return fmt.Errorf("cursor: %w", err)
		}
	}
	if key, value, ok := strings.Cut(q.Tag, "="); q.Tag != "" && (!ok || protocol.CheckName("tag", key) != nil || len(value) > MaxTagBytes) {
		return fmt.Errorf("tag %.80q is not of the form key=value", q.Tag)
	}
	switch {
	case q.Version < 0:
		return fmt.Errorf("version %d is negative", q.Version)
	case q.Limit < 0 || q.Limit > MaxLimit:
		return fmt.Errorf("limit %d is not between 1 and %d; go on with the cursor", q.Limit, MaxLimit)
	case !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To):
		return errors.New("the times are empty: from is not before to")
	}
	return nil
}
