package natsservice

import (
	"context"
	"fmt"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// list merges the lists of all partitions. Where not all rows fit into an
// answer, the cursor comes earlier than the limit.
func (s *Service) list(ctx context.Context, q orchestrator.Query) (orchestrator.ListAnswer, error) {
	page, err := s.verbs.List(ctx, q)
	if err != nil {
		return page, err
	}
	n, err := fit(s.most(), page.Sagas)
	if err != nil {
		return page, err
	}
	if n < len(page.Sagas) {
		next := orchestrator.CursorOf(page.Sagas[n-1])
		page.Sagas, page.Next = page.Sagas[:n], &next
	}
	return page, nil
}

// clusters answers with the ways in which sagas fail.
func (s *Service) clusters(ctx context.Context, q orchestrator.ClusterQuery) (orchestrator.Clusters, error) {
	if err := q.Validate(); err != nil {
		return orchestrator.Clusters{}, invalid(err)
	}
	found, err := orchestrator.FindClusters(ctx, s.cfg.View, s.cfg.Journal.Partitions(), q)
	if err != nil {
		return found, fmt.Errorf("the view cannot be read now: %w", err)
	}
	n, err := fit(s.most(), found.Clusters)
	if err != nil {
		return found, err
	}
	for _, c := range found.Clusters[n:] {
		found.Rest += c.Count
	}
	found.Clusters = found.Clusters[:n]
	return found, nil
}

// counts answers with how many sagas there are of each class.
func (s *Service) counts(ctx context.Context, _ struct{}) (orchestrator.CountsAnswer, error) {
	counts, err := orchestrator.CountAll(ctx, s.cfg.View, s.cfg.Journal.Partitions())
	if err != nil {
		return orchestrator.CountsAnswer{}, fmt.Errorf("the view cannot be read now: %w", err)
	}
	return orchestrator.CountsAnswer{Counts: counts}, nil
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
	return s.verbs.Partitions(ctx)
}
