package orchestrator

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Cluster is the sagas that failed in the same way: of one definition, at
// one step and direction, for one reason as NormalError writes it. A saga that
// is stuck has failed, and one that turned back, whether it is over or not.
type Cluster struct {
	ID         string             `json:"id"` // what Query.Cluster asks for
	Definition string             `json:"definition"`
	Versions   []int              `json:"versions"`
	Step       string             `json:"step,omitempty"` // "" if it was at none
	Direction  protocol.Direction `json:"direction,omitempty"`
	Error      string             `json:"error"`
	Count      int                `json:"count"`
	First      time.Time          `json:"first"` // of the failures
	Last       time.Time          `json:"last"`
	Buckets    []int              `json:"buckets,omitempty"` // how many in each equal part of the time that was asked for
	Sagas      []string           `json:"sagas"`             // some of those that failed last
}

// A ClusterQuery asks for clusters. Zero fields do not filter. Times are of
// the failures: when it got stuck, or turned back.
type ClusterQuery struct {
	Definition string    `json:"definition,omitempty"`
	Version    int       `json:"version,omitempty"`
	Step       string    `json:"step,omitempty"` // where it failed
	From       time.Time `json:"from,omitzero"`  // inclusive
	To         time.Time `json:"to,omitzero"`    // exclusive
	Buckets    int       `json:"buckets,omitempty"`
	Limit      int       `json:"limit,omitempty"` // at most this many; 0 for DefaultLimit
}

// Clusters are the ways in which sagas fail, the most frequent first.
type Clusters struct {
	Clusters []Cluster `json:"clusters"`
	Failures int       `json:"failures"`           // in all
	Rest     int       `json:"rest,omitempty"`     // of them, in clusters beyond the limit
	Unsorted int       `json:"unsorted,omitempty"` // of them, in none: there are too many different ones to tell apart
}

// Bounds of clusters.
const (
	MaxClusters    = 500 // that a partition tells apart; where there are more, those of many sagas
	MaxBuckets     = 60
	ClusterSamples = 5
)

// ClusterOf returns the ID of the cluster that s belongs to, or "" if it did
// not fail.
func ClusterOf(s *instance.State) string {
	f, ok := s.Failure()
	if !ok {
		return ""
	}
	return ClusterID(s.Definition, f)
}

// ClusterID returns the ID of the cluster of instances of that definition
// which fail like f.
func ClusterID(definition string, f instance.Failure) string {
	h := sha256.New()
	for _, text := range [...]string{definition, f.Step, string(f.Direction), NormalError(f.Reason)} {
		_, _ = io.WriteString(h, text) // a hash takes everything
		_, _ = h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// isClusterID reports whether id may come from ClusterID.
func isClusterID(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == 8 && hex.EncodeToString(b) == id
}

// Validate reports what is wrong with q.
func (q ClusterQuery) Validate() error {
	switch {
	case q.Version < 0:
		return fmt.Errorf("version %d is negative", q.Version)
	case q.Limit < 0 || q.Limit > MaxClusters:
		return fmt.Errorf("limit %d is not between 1 and %d", q.Limit, MaxClusters)
	case q.Buckets < 0 || q.Buckets > MaxBuckets:
		return fmt.Errorf("%d buckets are not between 1 and %d", q.Buckets, MaxBuckets)
	case q.Buckets > 0 && (q.From.IsZero() || q.To.IsZero()):
		return errors.New("buckets need the times between which they are: from and to")
	case !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To):
		return errors.New("the times are empty: from is not before to")
	}
	return checkNames(q.Definition, q.Step)
}

// Matches reports whether q asks for the failure f of s.
func (q ClusterQuery) Matches(s *instance.State, f instance.Failure) bool {
	at := milli(f.Since)
	return (q.Definition == "" || q.Definition == s.Definition) &&
		(q.Version == 0 || q.Version == s.Version) &&
		(q.Step == "" || q.Step == f.Step) &&
		(q.From.IsZero() || !at.Before(q.From)) &&
		(q.To.IsZero() || at.Before(q.To))
}

// Edges returns the times between which the buckets are: one more than those.
func (q ClusterQuery) Edges() []time.Time {
	if q.Buckets == 0 {
		return nil
	}
	edges := make([]time.Time, q.Buckets+1)
	for i := range edges {
		edges[i] = milli(q.From.Add(q.To.Sub(q.From) / time.Duration(q.Buckets) * time.Duration(i)))
	}
	edges[0], edges[q.Buckets] = q.From, q.To
	return edges
}

// ClustersOf returns the clusters of rows. It is what every view must agree
// with, as long as it tells all of them apart.
func ClustersOf(rows iter.Seq[instance.State], q ClusterQuery) Clusters {
	type failure struct {
		instance.Failure
		state instance.State
	}
	var all Clusters
	found := map[string][]failure{}
	for s := range rows {
		if f, ok := s.Failure(); ok && q.Matches(&s, f) {
			f.Since = milli(f.Since)
			id := ClusterID(s.Definition, f)
			found[id] = append(found[id], failure{f, s})
			all.Failures++
		}
	}
	edges := q.Edges()
	for id, list := range found {
		slices.SortFunc(list, func(a, b failure) int {
			return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(b.state.ID, a.state.ID))
		})
		newest := list[0]
		c := Cluster{
			ID: id, Definition: newest.state.Definition, Step: newest.Step, Direction: newest.Direction,
			Error: NormalError(newest.Reason), Count: len(list), First: list[len(list)-1].Since, Last: newest.Since,
		}
		if len(edges) > 0 {
			c.Buckets = make([]int, q.Buckets)
		}
		for i, f := range list {
			c.Versions = append(c.Versions, f.state.Version)
			if i < ClusterSamples {
				c.Sagas = append(c.Sagas, f.state.ID)
			}
			if len(edges) > 0 {
				after, _ := slices.BinarySearchFunc(edges, f.Since, func(edge, at time.Time) int { return cmp.Or(edge.Compare(at), -1) })
				c.Buckets[after-1]++
			}
		}
		slices.Sort(c.Versions)
		c.Versions = slices.Compact(c.Versions)
		all.Clusters = append(all.Clusters, c)
	}
	all.Clusters = JoinClusters(all.Clusters)
	return all
}

// JoinClusters returns parts of clusters as whole ones, those with the most
// sagas first.
func JoinClusters(parts []Cluster) []Cluster {
	byID := make(map[string]Cluster, len(parts))
	for _, c := range parts {
		if other, ok := byID[c.ID]; ok {
			c = joined(c, other)
		}
		byID[c.ID] = c
	}
	whole := make([]Cluster, 0, len(byID))
	for _, c := range byID {
		whole = append(whole, c)
	}
	slices.SortFunc(whole, func(a, b Cluster) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID))
	})
	return whole
}

func joined(a, b Cluster) Cluster {
	if a.Last.Before(b.Last) {
		a, b = b, a
	}
	a.Count += b.Count
	if b.First.Before(a.First) {
		a.First = b.First
	}
	a.Versions = slices.Concat(a.Versions, b.Versions)
	slices.Sort(a.Versions)
	a.Versions = slices.Compact(a.Versions)
	a.Buckets = slices.Clone(a.Buckets)
	for i := range min(len(a.Buckets), len(b.Buckets)) {
		a.Buckets[i] += b.Buckets[i]
	}
	a.Sagas = slices.Concat(a.Sagas, b.Sagas)
	a.Sagas = a.Sagas[:min(len(a.Sagas), ClusterSamples)]
	return a
}
