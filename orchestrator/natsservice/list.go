package natsservice

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// list merges the lists of all partitions. Where not all rows fit into an
// answer, the cursor comes earlier than the limit.
func (s *Service) list(ctx context.Context, q orchestrator.Query) (orchestrator.ListAnswer, error) {
	var a orchestrator.ListAnswer
	if err := q.Validate(); err != nil {
		return a, invalid(err)
	}
	rows, err := orchestrator.List(ctx, s.cfg.View, s.cfg.Journal.Partitions(), q)
	if err != nil {
		return a, fmt.Errorf("the view cannot be read now: %w", err)
	}
	for i := range rows {
		withoutPayloads(&rows[i])
	}
	n, err := fit(s.most(), rows)
	if err != nil {
		return a, err
	}
	a.Sagas = rows[:n]
	if n > 0 && (n < len(rows) || n == q.Bounded()) {
		next := orchestrator.CursorOf(rows[n-1])
		a.Next = &next
	}
	return a, nil
}

// definitions answers with a page of those that sagas have begun with.
func (s *Service) definitions(ctx context.Context, r orchestrator.NamesRequest) (orchestrator.DefinitionsAnswer, error) {
	var a orchestrator.DefinitionsAnswer
	list, err := s.cfg.Journal.Registry().Definitions(ctx)
	if err != nil {
		return a, err
	}
	registered := make([]orchestrator.Registered, 0, len(list))
	found := r.After == ""
	for _, d := range list {
		if found {
			registered = append(registered, orchestrator.Registered{Fingerprint: d.Fingerprint(), Definition: d})
		}
		found = found || d.String() == r.After
	}
	if !found {
		return a, invalid(fmt.Errorf("there is no definition %.80q to go on after", protocol.Text(r.After, 80)))
	}
	n, err := fit(s.most(), registered)
	if err != nil {
		return a, err
	}
	if a.Definitions = registered[:n]; n < len(registered) {
		a.Next = registered[n-1].Definition.String()
	}
	return a, nil
}

// partitions says what journal and view say of each partition.
func (s *Service) partitions(ctx context.Context, _ struct{}) (orchestrator.PartitionsAnswer, error) {
	var a orchestrator.PartitionsAnswer
	for p := range s.cfg.Journal.Partitions() {
		tail, err := s.cfg.Journal.Partition(p).Tail(ctx)
		if err != nil {
			return a, err
		}
		c := orchestrator.PartitionCounts{Partition: p, First: tail.First, Last: tail.Last}
		position, errPosition := s.cfg.View.Partition(p).Position(ctx)
		sagas, errCount := s.cfg.View.Partition(p).Count(ctx)
		// Without the view the journal's side is worth knowing too.
		if err := errors.Join(errPosition, errCount); err != nil {
			c.Problem = protocol.Text(strings.ReplaceAll(err.Error(), "\n", "; "), protocol.MaxReason)
		}
		c.Position, c.Sagas = position.To, sagas
		a.Partitions = append(a.Partitions, c)
	}
	return a, nil
}
