package console_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/console"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// A hurried journal notes who would wait for it for ever.
type hurried struct {
	orchestrator.Journal
	asked, patient *atomic.Int32
}

func (j hurried) Partition(p int) orchestrator.Partition {
	return hurriedPartition{j.Journal.Partition(p), j}
}

type hurriedPartition struct {
	orchestrator.Partition
	of hurried
}

func (p hurriedPartition) Last(ctx context.Context, id string) (orchestrator.Message, error) {
	p.of.asked.Add(1)
	if _, bounded := ctx.Deadline(); !bounded {
		p.of.patient.Add(1)
	}
	return p.Partition.Last(ctx, id)
}

func TestNoAnswerIsWaitedForForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ended(w.start("o-1", 1))
	j := hurried{w.journal, new(atomic.Int32), new(atomic.Int32)}
	c, err := console.New(console.Config{Verbs: verbs.New(verbs.Config{Journal: j, View: w.view, Log: quiet()}), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w.http.Config.Handler = c
	for _, path := range []string{
		"/sagas/o-1", "/sagas/o-1/history", "/sagas/o-1/steps", "/sagas/o-1/diff", "/sagas/o-1/plan", "/sagas/o-1/export",
		"/definitions/place-order/1/durations",
	} {
		before := j.asked.Load()
		if status, text := w.get(path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
		if j.asked.Load() == before || j.patient.Swap(0) > 0 {
			t.Errorf("%s: the journal was asked %d times, without a bound", path, j.asked.Load()-before)
		}
	}
}
