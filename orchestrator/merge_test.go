package orchestrator_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Parts is a view whose partitions answer what a test says.
type parts struct {
	*inmem.View
	pages    []orchestrator.Page
	clusters []orchestrator.Clusters
}

func (v parts) Partition(p int) orchestrator.PartitionView {
	return partOf{v.View.Partition(p), v, p}
}

type partOf struct {
	orchestrator.PartitionView
	parts parts
	p     int
}

func (v partOf) List(context.Context, orchestrator.Query) (orchestrator.Page, error) {
	return v.parts.pages[v.p], nil
}

func (v partOf) Clusters(context.Context, orchestrator.ClusterQuery) (orchestrator.Clusters, error) {
	return v.parts.clusters[v.p], nil
}

// A partition that has looked only so far may have more in between: what others
// have behind that place waits for the next page.
func TestAListEndsWhereOnePartitionStoppedLooking(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 7, 14, 3, 33, second, 0, time.UTC) }
	saga := func(id string, second int) instance.State { return instance.State{ID: id, Started: at(second)} }
	v := parts{inmem.NewView(), []orchestrator.Page{
		{Sagas: []instance.State{saga("a", 50)}, Next: &orchestrator.Cursor{Started: at(40), ID: "m"}},
		{Sagas: []instance.State{saga("b", 45), saga("c", 30)}},
	}, nil}
	page, err := orchestrator.List(t.Context(), v, 2, orchestrator.Query{})
	var ids []string
	for _, s := range page.Sagas {
		ids = append(ids, s.ID)
	}
	if err != nil || !slices.Equal(ids, []string{"a", "b"}) || page.Next == nil || *page.Next != (orchestrator.Cursor{Started: at(40), ID: "m"}) {
		t.Errorf("%v, next %v, %v", ids, page.Next, err)
	}
}

// A store that is away is said once, not once a partition.
func TestWhatPartitionsSayInTheSameWordsIsSaidOnce(t *testing.T) {
	away := errors.New("connection refused")
	for want, errs := range map[string][]error{
		"connection refused":                    {away, away, nil, errors.New("connection refused")},
		"connection refused\nno such partition": {nil, away, errors.New("no such partition"), away},
	} {
		v := failing{inmem.NewView(), errs}
		_, err := orchestrator.List(t.Context(), v, len(errs), orchestrator.Query{})
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// failing is a view whose partitions cannot be listed.
type failing struct {
	orchestrator.View
	errs []error
}

func (v failing) Partition(p int) orchestrator.PartitionView {
	return failingPart{v.View.Partition(p), v.errs[p]}
}

type failingPart struct {
	orchestrator.PartitionView
	err error
}

func (v failingPart) List(context.Context, orchestrator.Query) (orchestrator.Page, error) {
	return orchestrator.Page{}, v.err
}

func TestClustersOfPartitionsAddUp(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 7, 14, 3, 33, second, 0, time.UTC) }
	v := parts{inmem.NewView(), nil, []orchestrator.Clusters{
		{Failures: 9, Unsorted: 2, Clusters: []orchestrator.Cluster{
			{ID: "x", Count: 3, First: at(10), Last: at(20), Versions: []int{2}, Buckets: []int{1, 2}, Sagas: []string{"a"}},
			{ID: "y", Count: 4, First: at(1), Last: at(2)},
		}},
		{Failures: 6, Unsorted: 1, Clusters: []orchestrator.Cluster{
			{ID: "x", Count: 5, First: at(5), Last: at(15), Versions: []int{1, 2}, Buckets: []int{4, 1}, Sagas: []string{"b", "c"}},
		}},
	}}
	all, err := orchestrator.FindClusters(t.Context(), v, 2, orchestrator.ClusterQuery{Limit: 1})
	if err != nil || all.Failures != 15 || all.Unsorted != 3 || all.Rest != 4 || len(all.Clusters) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	x := all.Clusters[0]
	if x.Count != 8 || x.First != at(5) || x.Last != at(20) || !slices.Equal(x.Versions, []int{1, 2}) ||
		!slices.Equal(x.Buckets, []int{5, 3}) || !slices.Equal(x.Sagas, []string{"a", "b", "c"}) {
		t.Errorf("%+v", x)
	}
}

// A failure at an edge belongs to what begins there.
func TestAFailureIsInTheBucketThatBeginsWithIt(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 7, 14, 3, 33, second, 0, time.UTC) }
	var rows []instance.State
	for _, second := range []int{0, 9, 10, 19} {
		rows = append(rows, instance.State{
			ID: "s", Definition: "d", Version: 1, Run: 1, Status: instance.Stuck, StuckSince: at(second), Reason: "why",
		})
	}
	all := orchestrator.ClustersOf(slices.Values(rows), orchestrator.ClusterQuery{From: at(0), To: at(20), Buckets: 2})
	if len(all.Clusters) != 1 || !slices.Equal(all.Clusters[0].Buckets, []int{2, 2}) {
		t.Errorf("%+v", all)
	}
}

func TestAClusterThatNobodyNamedIsNoFilter(t *testing.T) {
	for id, right := range map[string]bool{"": true, "4f0c2a9be1d35a77": true, "4F0C2A9BE1D35A77": false, "4f0c": false, "x|y": false} {
		if err := (orchestrator.Query{Cluster: id}).Validate(); (err == nil) != right {
			t.Errorf("%q: %v", id, err)
		}
	}
}
