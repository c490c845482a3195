package orchestratortest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

var (
	someSteps  = []string{"reserve", "charge", "ship"}
	someErrors = []string{"card 17 was refused", "card 18 was refused", "", "no answer in 30s", "|", "<n>|%"}
)

// fail gives s, at random, steps that are under way, that failed, or that it
// is stuck at.
func fail(r *rand.Rand, s *instance.State) {
	moment := func() time.Time { return epoch.Add(time.Duration(r.IntN(1_000_000)) * time.Microsecond) }
	for _, name := range someSteps[:r.IntN(len(someSteps)+1)] {
		s.Steps = append(s.Steps, instance.Step{Name: name, Do: instance.Progress{
			Phase:  pick(r, []instance.Phase{instance.Open, instance.Closed, instance.Closed, instance.Waiting}),
			Number: 1 + r.IntN(2),
		}})
	}
	switch s.Status {
	case instance.Compensating, instance.Compensated:
		s.Back, s.BackFor, s.BackSince = true, pick(r, someErrors), moment()
		s.BackAt = pick(r, append(someSteps, ""))
	case instance.Stuck:
		s.StuckSince = moment()
		if s.Parked == "" {
			s.Steps = append(s.Steps, instance.Step{Name: "stop", Undo: instance.Progress{Phase: instance.Halted, Reason: pick(r, someErrors)}})
		}
	case instance.Absent, instance.Running, instance.Completed:
		s.Parked = ""
	}
}

// viewFailures is about clusters.
var viewFailures = []viewCase{
	{"clusters agree with the model for every filter", func(t *testing.T, v FragileView) {
		r := seeded(t)
		o := own(t, v, "a")
		stored := populate(o, r, 400)
		for range 15 {
			var q orchestrator.ClusterQuery
			if r.IntN(3) == 0 {
				q.Definition = pick(r, append(someDefinitions, "none"))
			}
			if r.IntN(3) == 0 {
				q.Version = 1 + r.IntN(3)
			}
			if r.IntN(3) == 0 {
				q.Step = pick(r, append(someSteps, "stop", "none"))
			}
			if r.IntN(2) == 0 {
				q.From = epoch.Add(time.Duration(r.IntN(500_000)) * time.Microsecond)
				q.To = q.From.Add(time.Duration(1+r.IntN(700_000)) * time.Microsecond)
				q.Buckets = r.IntN(10)
			}
			o.clustersAgree(stored, q)
		}
	}},
	{"a cluster that no saga belongs to any more is gone", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		x := stuckAt(running("x", 1), "charge", "no answer")
		over := with(x, func(s *instance.State) { s.Status, s.Steps, s.StuckSince = instance.Completed, nil, time.Time{} })
		o.write(orchestrator.Row{State: x})
		o.clustersAgree(map[string]instance.State{"x": x}, orchestrator.ClusterQuery{})
		o.write(orchestrator.Row{State: over, Was: &x})
		o.clustersAgree(map[string]instance.State{"x": over}, orchestrator.ClusterQuery{})
	}},
	{"where more failures differ than can be told apart, the frequent are, and the rest is counted", func(t *testing.T, v FragileView) {
		const different, frequent = orchestrator.MaxClusters + 100, 40
		o := own(t, v, "a")
		rows := make([]orchestrator.Row, 0, different+frequent)
		for i := range different {
			// Words without a digit are all kept apart.
			word := fmt.Sprintf("%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676)
			rows = append(rows, orchestrator.Row{State: stuckAt(running(fmt.Sprint("x", i), i), "charge", word+" happened")})
		}
		for i := range frequent {
			rows = append(rows, orchestrator.Row{State: stuckAt(running(fmt.Sprint("y", i), i), "ship", "often")})
		}
		o.write(rows...)
		got := o.clusters(orchestrator.ClusterQuery{})
		sum := got.Unsorted
		for _, c := range got.Clusters {
			sum += c.Count
		}
		if got.Failures != different+frequent || sum != got.Failures {
			t.Errorf("%d failures, %d in clusters or unsorted, want %d", got.Failures, sum, different+frequent)
		}
		if c := got.Clusters[0]; c.Count != frequent || c.Step != "ship" || c.Error != "often" {
			t.Errorf("the first cluster is %+v", c)
		}
	}},
}

// stuckAt returns s, stuck at a step since a second after it began.
func stuckAt(s instance.State, step, reason string) instance.State {
	s.Status, s.StuckSince = instance.Stuck, s.Started.Add(time.Second)
	s.Steps = []instance.Step{{Name: step, Do: instance.Progress{Phase: instance.Halted, Number: 1, Reason: reason}}}
	return s
}

func (o *viewOwner) clusters(q orchestrator.ClusterQuery) orchestrator.Clusters {
	o.t.Helper()
	found, err := o.view.Clusters(o.t.Context(), q)
	if err != nil {
		o.t.Fatalf("clusters %+v: %v", q, err)
	}
	return found
}

func (o *viewOwner) clustersAgree(stored map[string]instance.State, q orchestrator.ClusterQuery) {
	o.t.Helper()
	want, got := orchestrator.ClustersOf(maps.Values(stored), q), o.clusters(q)
	for _, c := range got.Clusters {
		if len(c.Sagas) != min(c.Count, orchestrator.ClusterSamples) {
			o.t.Errorf("%+v: %d samples of %d", q, len(c.Sagas), c.Count)
		}
		for _, id := range c.Sagas {
			if s := stored[id]; orchestrator.ClusterOf(&s) != c.ID {
				o.t.Errorf("%+v: %s is no sample of %+v", q, id, c)
			}
		}
	}
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreFields(orchestrator.Cluster{}, "Sagas")); diff != "" {
		o.t.Fatalf("%+v:\n%s", q, diff)
	}
}
