package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/amends-io/amends/orchestrator/instance"
)

// List returns a page of the rows that q asks for from all partitions of view,
// newest start first. Every partition has the same order, and an id is in one
// of them, so one cursor continues all.
func List(ctx context.Context, view View, partitions int, q Query) (Page, error) {
	q.Limit = q.Bounded()
	pages, err := fromEach(partitions, func(p int) (Page, error) { return view.Partition(p).List(ctx, q) })
	if err != nil {
		return Page{}, err
	}
	lists, nexts := make([][]instance.State, len(pages)), make([]*Cursor, len(pages))
	for i, page := range pages {
		lists[i], nexts[i] = page.Sagas, page.Next
	}
	var merged Page
	merged.Sagas, merged.Next = merge(lists, nexts, CursorOf, q.Limit)
	return merged, nil
}

// merge puts lists of one order together: at most limit items, each at its
// place as cursorOf has it, and where the merged list goes on. Next of a list
// is nil if it is whole.
func merge[T any, C interface{ Less(C) bool }](lists [][]T, nexts []*C, cursorOf func(T) C, limit int) ([]T, *C) {
	var next *C
	for _, n := range nexts {
		// No list is known further than to where it was looked.
		if n != nil && (next == nil || (*n).Less(*next)) {
			next = n
		}
	}
	items := append([]T{}, slices.Concat(lists...)...)
	slices.SortFunc(items, func(a, b T) int {
		if cursorOf(a).Less(cursorOf(b)) {
			return -1
		}
		return 1
	})
	known := len(items)
	for next != nil && known > 0 && (*next).Less(cursorOf(items[known-1])) {
		known--
	}
	if n := min(known, limit); n < known || next != nil && n == limit {
		last := cursorOf(items[n-1])
		next, known = &last, n
	}
	return items[:known], next
}

// CountAll returns how many rows of each class all partitions of view have together.
func CountAll(ctx context.Context, view View, partitions int) ([]Count, error) {
	lists, err := fromEach(partitions, func(p int) ([]Count, error) { return view.Partition(p).Count(ctx) })
	if err != nil {
		return nil, err
	}
	sums := map[Class]int{}
	for _, c := range slices.Concat(lists...) {
		sums[c.Class] += c.Sagas
	}
	return CountsOf(sums), nil
}

// FindClusters returns the clusters that q asks for from all partitions of view.
func FindClusters(ctx context.Context, view View, partitions int, q ClusterQuery) (Clusters, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	parts, err := fromEach(partitions, func(p int) (Clusters, error) { return view.Partition(p).Clusters(ctx, q) })
	if err != nil {
		return Clusters{}, err
	}
	var all Clusters
	for _, part := range parts {
		all.Failures += part.Failures
		all.Unsorted += part.Unsorted
		all.Clusters = append(all.Clusters, part.Clusters...)
	}
	all.Clusters = JoinClusters(all.Clusters)
	for _, c := range all.Clusters[min(limit, len(all.Clusters)):] {
		all.Rest += c.Count
	}
	all.Clusters = all.Clusters[:min(limit, len(all.Clusters))]
	return all, nil
}

// fromEach asks every partition at the same time.
func fromEach[A any](partitions int, ask func(p int) (A, error)) ([]A, error) {
	answers := make([]A, partitions)
	errs := make([]error, partitions)
	var group sync.WaitGroup
	for p := range partitions {
		group.Go(func() { answers[p], errs[p] = ask(p) })
	}
	group.Wait()
	return answers, once(errs)
}

// once is errors.Join without what an earlier one has said: what ails a
// store, all partitions say in the same words.
func once(errs []error) error {
	said := map[string]bool{}
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool {
		again := err == nil || said[err.Error()]
		if err != nil {
			said[err.Error()] = true
		}
		return again
	})...)
}

// A Class is what rows are counted by.
type Class struct {
	Definition string          `json:"definition"`
	Version    int             `json:"version"`
	Status     instance.Status `json:"status"`
}

// A Count is how many rows of a class there are.
type Count struct {
	Class
	Sagas int `json:"sagas"`
}

// CountsOf returns counts as a list, in the order of their classes.
func CountsOf(counts map[Class]int) []Count {
	list := make([]Count, 0, len(counts))
	for class, n := range counts {
		if n > 0 {
			list = append(list, Count{class, n})
		}
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Definition, b.Definition), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Status, b.Status))
	})
	return list
}

// ByStatus adds counts up.
func ByStatus(counts []Count) map[instance.Status]int {
	sums := map[instance.Status]int{}
	for _, c := range counts {
		sums[c.Status] += c.Sagas
	}
	return sums
}
