package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A Lister answers questions about sagas.
type Lister interface {
	List(ctx context.Context, q orchestrator.Query) ([]instance.State, *orchestrator.Cursor, error)
	Clusters(ctx context.Context, q orchestrator.ClusterQuery) (orchestrator.Clusters, error)
	Counts(ctx context.Context) ([]orchestrator.Count, error)
}

// A Timing is how long one question took.
type Timing struct {
	Question string        `json:"question"`
	Place    string        `json:"place"` // of the page: first, middle, last
	Rows     int           `json:"rows"`
	Calls    int           `json:"calls"` // until the page was full, or the list over
	Median   time.Duration `json:"median"`
	Max      time.Duration `json:"max"` // of one call
}

// errNothing says that what is measured is not there.
var errNothing = errors.New("no saga is there to measure with, or none that failed: make some with 'amends generate'")

// Measure asks for every filter and some of their combinations, each so many
// times, at the beginning, in the middle, and at the end of the list.
func Measure(ctx context.Context, l Lister, rounds int, tell func(Timing) error) error {
	oldest, newest, err := span(ctx, l)
	if err != nil {
		return err
	}
	middle := oldest.Add(newest.Sub(oldest) / 2)
	filters, err := filters(ctx, l, middle)
	if err != nil {
		return err
	}
	for _, f := range filters {
		for _, place := range []struct {
			name string
			at   time.Time
		}{{"first", time.Time{}}, {"middle", middle}, {"last", oldest.Add(newest.Sub(oldest) / 200)}} {
			q := f.query
			if !place.at.IsZero() {
				q.After = orchestrator.Cursor{Started: place.at, ID: "z"}
			}
			t, err := timeList(ctx, l, q, rounds)
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			t.Question, t.Place = f.name, place.name
			if err := tell(t); err != nil {
				return err
			}
		}
	}
	return measureSums(ctx, l, newest, rounds, tell)
}

// span returns when the first and the last of all sagas began.
func span(ctx context.Context, l Lister) (oldest, newest time.Time, err error) {
	page, _, err := l.List(ctx, orchestrator.Query{Limit: 1})
	if err != nil {
		return oldest, newest, err
	}
	if len(page) == 0 {
		return oldest, newest, errNothing
	}
	newest = page[0].Started
	// By halves: nothing lists the oldest first.
	low, high := newest.AddDate(-1, 0, 0), newest
	for high.Sub(low) > 100*time.Millisecond {
		half := low.Add(high.Sub(low) / 2)
		page, _, err := l.List(ctx, orchestrator.Query{To: half, Limit: 1})
		if err != nil {
			return oldest, newest, err
		}
		if len(page) > 0 {
			high = half
		} else {
			low = half
		}
	}
	return high, newest, nil
}

type filter struct {
	name  string
	query orchestrator.Query
}

func filters(ctx context.Context, l Lister, middle time.Time) ([]filter, error) {
	found, err := l.Clusters(ctx, orchestrator.ClusterQuery{})
	if err != nil {
		return nil, err
	}
	if len(found.Clusters) == 0 {
		return nil, errNothing
	}
	largest, smallest := found.Clusters[0].ID, found.Clusters[len(found.Clusters)-1].ID
	status := func(s ...instance.Status) []instance.Status { return s }
	return []filter{
		{"no filter", orchestrator.Query{}},
		{"no filter, 1,000 rows", orchestrator.Query{Limit: orchestrator.MaxLimit}},
		{"status completed", orchestrator.Query{Statuses: status(instance.Completed)}},
		{"status stuck", orchestrator.Query{Statuses: status(instance.Stuck)}},
		{"status running, compensating, stuck", orchestrator.Query{Statuses: status(instance.Running, instance.Compensating, instance.Stuck)}},
		{"definition", orchestrator.Query{Definition: "generated-refund"}},
		{"definition and version", orchestrator.Query{Definition: "generated-order", Version: 2}},
		{"version alone", orchestrator.Query{Version: 2}},
		{"step", orchestrator.Query{Step: stepShip}},
		{"step where few are", orchestrator.Query{Step: stepReserve}},
		{"step where none is", orchestrator.Query{Step: "none"}},
		{"narrow tag", orchestrator.Query{Tag: "customer=c42"}},
		{"wide tag", orchestrator.Query{Tag: "region=eu"}},
		{"time", orchestrator.Query{From: middle.Add(-time.Minute), To: middle.Add(time.Minute)}},
		{"largest cluster", orchestrator.Query{Cluster: largest}},
		{"smallest cluster", orchestrator.Query{Cluster: smallest}},
		{"stuck since before the middle", orchestrator.Query{StuckBefore: middle}},
		{"stuck since before all", orchestrator.Query{StuckBefore: middle.AddDate(-1, 0, 0)}},
		{"retrying", orchestrator.Query{Retrying: true}},
		{"suspended", orchestrator.Query{Suspended: true}},
		{"parked", orchestrator.Query{Parked: true}},
		{"wide tag, stuck", orchestrator.Query{Tag: "region=eu", Statuses: status(instance.Stuck)}},
		{"wide tag, completed, definition", orchestrator.Query{Tag: "region=apac", Statuses: status(instance.Completed), Definition: "generated-booking"}},
		{"wide tag, step, cluster", orchestrator.Query{Tag: "region=us", Step: stepCharge, Cluster: largest}},
		{"wide tag, completed, at a step: none can be", orchestrator.Query{Tag: "region=us", Statuses: status(instance.Completed), Step: stepShip}},
	}, nil
}

// timeList follows the cursor until a page is full, as a reader would.
func timeList(ctx context.Context, l Lister, q orchestrator.Query, rounds int) (t Timing, err error) {
	var took []time.Duration
	limit := q.Bounded()
	for range rounds {
		t.Rows, t.Calls = 0, 0
		for next := q; ; {
			began := time.Now()
			page, cursor, err := l.List(ctx, next)
			if err != nil {
				return t, err
			}
			took = append(took, time.Since(began))
			t.Rows += len(page)
			t.Calls++
			if cursor == nil || t.Rows >= limit {
				break
			}
			next.After, next.Limit = *cursor, limit-t.Rows
		}
	}
	t.Median, t.Max = middleAndMost(took)
	return t, nil
}

func middleAndMost(took []time.Duration) (median, most time.Duration) {
	slices.Sort(took)
	return took[len(took)/2], took[len(took)-1]
}

// measureSums asks for clusters and counts.
func measureSums(ctx context.Context, l Lister, newest time.Time, rounds int, tell func(Timing) error) error {
	day := orchestrator.ClusterQuery{From: newest.Add(-24 * time.Hour), To: newest.Add(time.Hour), Buckets: 24}
	for _, sum := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"clusters", func() (int, error) {
			found, err := l.Clusters(ctx, orchestrator.ClusterQuery{})
			return len(found.Clusters), err
		}},
		{"clusters of a day, with 24 buckets", func() (int, error) {
			found, err := l.Clusters(ctx, day)
			return len(found.Clusters), err
		}},
		{"counts", func() (int, error) {
			counts, err := l.Counts(ctx)
			return len(counts), err
		}},
	} {
		t := Timing{Question: sum.name, Calls: 1}
		var took []time.Duration
		for range rounds {
			began := time.Now()
			n, err := sum.ask()
			if err != nil {
				return fmt.Errorf("%s: %w", sum.name, err)
			}
			took, t.Rows = append(took, time.Since(began)), n
		}
		t.Median, t.Max = middleAndMost(took)
		if err := tell(t); err != nil {
			return err
		}
	}
	return nil
}
