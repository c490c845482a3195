package generate_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/amends-io/amends/cmd/amends/internal/generate"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
)

const many = 500

// What is made up is what an orchestrator would have recorded: one that reads
// it adds nothing to it but what time brings, and its view is what a check
// folds.
func TestGeneratedSagasAreTakenAsIfTheyHadHappened(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	j, v := inmem.NewJournal(2), inmem.NewView()
	cfg := generate.Config{Journal: j, Prefix: "saga", Sagas: many, Name: "g", Seed: 5, AtOnce: 50, Now: time.Now}
	messages, err := generate.Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if messages < 8*many {
		t.Errorf("%d messages of %d sagas", messages, many)
	}
	if _, err := generate.Run(ctx, cfg); !errors.Is(err, generate.ErrNotEmpty) {
		t.Errorf("a journal that is not empty: %v", err)
	}

	o, err := orchestrator.New(orchestrator.Config{
		Journal: j, View: v, Definitions: generate.Definitions(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	await(t, j, v)
	for p := range 2 {
		checked, err := orchestrator.Check(t.Context(), p, j, v, func(d orchestrator.Difference) { t.Errorf("%+v", d) }, nil)
		if err != nil || checked.Differences != 0 {
			t.Errorf("partition %d: %+v, %v", p, checked, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	mixed(t, v)
}

// await waits until the view has followed the journal.
func await(t *testing.T, j orchestrator.Journal, v orchestrator.View) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for p := range 2 {
		for {
			tail, errTail := j.Partition(p).Tail(t.Context())
			at, err := v.Partition(p).Position(t.Context())
			if err := errors.Join(errTail, err); err != nil {
				t.Fatal(err)
			}
			if at.To >= tail.Last {
				break
			}
			<-tick.C
		}
	}
}

// mixed expects sagas of every kind.
func mixed(t *testing.T, v orchestrator.View) {
	t.Helper()
	counts, err := orchestrator.CountAll(t.Context(), v, 2)
	if err != nil {
		t.Fatal(err)
	}
	byStatus, total := orchestrator.ByStatus(counts), 0
	for _, status := range []instance.Status{instance.Running, instance.Compensating, instance.Completed, instance.Compensated, instance.Stuck} {
		if byStatus[status] == 0 {
			t.Errorf("none is %s", status)
		}
		total += byStatus[status]
	}
	if total != many || byStatus[instance.Completed] < many*8/10 {
		t.Errorf("%v, want %d together, most of them completed", byStatus, many)
	}
	found, err := orchestrator.FindClusters(t.Context(), v, 2, orchestrator.ClusterQuery{})
	if err != nil || len(found.Clusters) < 10 || found.Failures != byStatus[instance.Stuck]+byStatus[instance.Compensated]+byStatus[instance.Compensating] {
		t.Errorf("%d clusters of %d failures, %v; %v", len(found.Clusters), found.Failures, byStatus, err)
	}
}
