package verbs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Counts is how many sagas there are, as the view knows it.
type Counts struct {
	Statuses    map[string]int     `json:"statuses"`
	Definitions []DefinitionCounts `json:"definitions"`
	Problems    []string           `json:"problems,omitempty"`
}

// DefinitionCounts is how many sagas of a definition there are.
type DefinitionCounts struct {
	Definition string         `json:"definition"`
	Version    int            `json:"version"`
	Statuses   map[string]int `json:"statuses"`
}

// Counts adds up the partitions. Why the view says nothing of one is said too.
func (v *Verbs) Counts(ctx context.Context) (Counts, error) {
	c := Counts{Statuses: map[string]int{}, Definitions: []DefinitionCounts{}}
	var errs []error
	sums := map[orchestrator.Class]int{}
	for p := range v.cfg.Journal.Partitions() {
		counts, err := v.cfg.View.Partition(p).Count(ctx)
		if err != nil {
			errs = append(errs, err)
			c.Problems = append(c.Problems, fmt.Sprintf("partition %d: %s", p, protocol.Text(err.Error(), 300)))
		}
		for _, count := range counts {
			sums[count.Class] += count.Sagas
		}
	}
	if len(errs) == v.cfg.Journal.Partitions() {
		return c, fmt.Errorf("the view cannot be read now: %w", errors.Join(errs...))
	}
	for _, count := range orchestrator.CountsOf(sums) {
		n := len(c.Definitions)
		if n == 0 || c.Definitions[n-1].Definition != count.Definition || c.Definitions[n-1].Version != count.Version {
			c.Definitions = append(c.Definitions, DefinitionCounts{count.Definition, max(count.Version, 0), map[string]int{}})
			n++
		}
		c.Definitions[n-1].Statuses[count.Status.String()] += count.Sagas
		c.Statuses[count.Status.String()] += count.Sagas
	}
	return c, nil
}

// Failures are the ways in which sagas fail, the most frequent first.
type Failures struct {
	Clusters []Cluster `json:"clusters"`
	Failures int       `json:"failures"`
	Rest     int       `json:"rest"`
	Unsorted int       `json:"unsorted"`
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"`
}

// A Cluster is sagas that failed alike.
type Cluster struct {
	Fingerprint string    `json:"fingerprint"` // what a Filter asks for
	Definition  string    `json:"definition"`
	Versions    []int     `json:"versions"`
	Step        string    `json:"step,omitempty"`
	Direction   string    `json:"direction,omitempty"`
	Error       string    `json:"error"`
	Count       int       `json:"count"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Buckets     []int     `json:"buckets,omitempty"`
	Samples     []string  `json:"samples"`
}

// Failures returns clusters of failures.
func (v *Verbs) Failures(ctx context.Context, q orchestrator.ClusterQuery) (Failures, error) {
	if err := q.Validate(); err != nil {
		return Failures{}, Invalid(err)
	}
	found, err := orchestrator.FindClusters(ctx, v.cfg.View, v.cfg.Journal.Partitions(), q)
	if err != nil {
		return Failures{}, fmt.Errorf("the view cannot be read now: %w", err)
	}
	out := Failures{Clusters: []Cluster{}, Failures: found.Failures, Rest: found.Rest, Unsorted: found.Unsorted, From: q.From, To: q.To}
	for _, c := range found.Clusters {
		out.Clusters = append(out.Clusters, Cluster{
			c.ID, c.Definition, slices.Clone(c.Versions), c.Step, string(c.Direction), protocol.Text(c.Error, maxText),
			c.Count, c.First, c.Last, c.Buckets, append([]string{}, c.Sagas...),
		})
	}
	return out, nil
}
