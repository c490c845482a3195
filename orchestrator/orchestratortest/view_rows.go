package orchestratortest

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// viewRows is about what is kept.
var viewRows = []viewCase{
	{"a row is read back as it was written", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		s := with(running("x", 1), func(s *instance.State) {
			s.Tags = map[string]string{"region": "eu", "": "", "=": "="}
			s.Suspended, s.Parked, s.Back, s.PastPivot, s.Cancelled = true, "no definition", true, true, true
			s.Reason, s.Repeated, s.Ended = "because", 9, epoch.Add(time.Hour)
			s.Input, s.Signals = []byte{0, 255}, []instance.Signal{{Name: "paid", Input: 7, Body: []byte("x")}}
			s.Steps = []instance.Step{{Name: "charge", Do: instance.Progress{
				Phase: instance.Waiting, Number: 2, Participant: "payment", Due: epoch.Add(time.Nanosecond),
				Outcome: protocol.Failed, Doubt: true, Reason: "busy", Command: 5, Output: []byte("out"),
			}}}
			s.Started = s.Started.Add(123456 * time.Nanosecond)
		})
		o.write(orchestrator.Row{State: s})
		if diff := cmp.Diff(map[string]instance.State{"x": s}, o.states("x", "not there", "")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]instance.State{s}, o.list(orchestrator.Query{})); diff != "" {
			t.Error(diff)
		}
		if got := o.states(); len(got) != 0 {
			t.Errorf("no ids: %v", got)
		}
	}},
	{"a timer is never early, moves, and leaves with the write that has none", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		due := epoch.Add(time.Nanosecond)
		x, y := running("x", 1), running("y", 2)
		o.write(orchestrator.Row{State: x, Due: due}, orchestrator.Row{State: y, Due: epoch})
		want := map[string]time.Time{"x": epoch.Add(time.Millisecond), "y": epoch}
		if diff := cmp.Diff(want, o.timers()); diff != "" {
			t.Error(diff)
		}
		o.write(orchestrator.Row{State: x, Was: &x, Due: epoch.Add(-time.Hour)}, orchestrator.Row{State: y, Was: &y})
		if diff := cmp.Diff(map[string]time.Time{"x": epoch.Add(-time.Hour)}, o.timers()); diff != "" {
			t.Error(diff)
		}
		o.write(orchestrator.Row{State: x})
		if timers := o.timers(); len(timers) != 0 {
			t.Errorf("left: %v", timers)
		}
	}},
	{"index entries leave when a row changes, whether or not it is said what it was", func(t *testing.T, v FragileView) {
		old := with(running("x", 1), func(s *instance.State) { s.Suspended, s.Parked = true, "why" })
		changed := with(old, func(s *instance.State) {
			s.Status, s.Suspended, s.Parked, s.Definition, s.Version = instance.Completed, false, "", "refund", 2
			s.Tags, s.Started = map[string]string{"region": "eu"}, s.Started.Add(time.Hour)
		})
		o := own(t, v, "a")
		for _, was := range []*instance.State{nil, &old} {
			o.write(orchestrator.Row{State: old, Due: epoch})
			onlyFound(t, o, old, changed)
			o.write(orchestrator.Row{State: changed, Was: was})
			onlyFound(t, o, changed, old)
			o.put(deletion(o, orchestrator.Row{State: changed, Was: &changed}))
		}
	}},
	{"index entries follow a change of a single property", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		s := running("x", 1)
		o.write(orchestrator.Row{State: s})
		for _, change := range []func(*instance.State){
			func(s *instance.State) { s.Status = instance.Stuck },
			func(s *instance.State) { s.Definition = "refund" },
			func(s *instance.State) { s.Version++ },
			func(s *instance.State) { s.Tags = map[string]string{"n": "2"} },
			func(s *instance.State) { s.Tags = nil },
			func(s *instance.State) { s.Suspended = true },
			func(s *instance.State) { s.Suspended = false },
			func(s *instance.State) { s.Parked = "why" },
			func(s *instance.State) { s.Parked = "" },
			func(s *instance.State) { s.Status, s.StuckSince = instance.Stuck, epoch.Add(time.Second) },
			func(s *instance.State) {
				s.Steps = []instance.Step{{Name: "charge", Do: instance.Progress{Phase: instance.Halted, Reason: "no answer"}}}
			},
			func(s *instance.State) {
				s.Steps = append(s.Steps, instance.Step{Name: "ship", Do: instance.Progress{Phase: instance.Waiting}})
			},
			func(s *instance.State) {
				s.Steps = []instance.Step{s.Steps[0], {Name: "ship", Do: instance.Progress{Phase: instance.Closed}}}
			},
			func(s *instance.State) { s.StuckSince = s.StuckSince.Add(time.Second) },
			func(s *instance.State) {
				s.Steps = []instance.Step{{Name: "charge", Do: instance.Progress{Phase: instance.Halted, Reason: "no money"}}}
			},
			func(s *instance.State) {
				s.Status, s.StuckSince, s.Steps = instance.Compensating, time.Time{}, nil
				s.Back, s.BackAt, s.BackFor, s.BackSince = true, "charge", "no money", epoch.Add(time.Minute)
			},
			func(s *instance.State) { s.BackAt = "ship" },
			func(s *instance.State) { s.BackSince = s.BackSince.Add(time.Second) },
			func(s *instance.State) { s.Definition = "order" },
			func(s *instance.State) { s.Started = s.Started.Add(time.Millisecond) },
		} {
			was := s
			s = with(s, change)
			o.write(orchestrator.Row{State: s, Was: &was})
			onlyFound(t, o, s, was)
		}
	}},
	{"a row that is known to be new needs no look at what there was", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		x := running("x", 1)
		o.write(orchestrator.Row{State: x, Was: &instance.State{}, Due: epoch})
		if got := o.content(); len(got.Rows) != 1 || len(got.Timers) != 1 || got.Count[instance.Running] != 1 {
			t.Errorf("%+v", got)
		}
	}},
	{"a deleted row is gone with its timer and index entries", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		x, y := running("x", 1), running("y", 2)
		for _, was := range []*instance.State{nil, &x} {
			o.write(orchestrator.Row{State: x, Due: epoch}, orchestrator.Row{State: y, Due: epoch})
			w := deletion(o, orchestrator.Row{State: instance.State{ID: "x"}, Was: was}, orchestrator.Row{State: instance.State{ID: "none"}})
			o.put(w)
			got := o.content()
			want := viewContent{w.Position, []instance.State{y}, map[string]time.Time{"y": epoch}, map[instance.Status]int{instance.Running: 1}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if got := o.states("x"); len(got) != 0 {
				t.Errorf("the row is there: %v", got)
			}
			if got := o.ids(orchestrator.Query{Tag: "n=1"}); len(got) != 0 {
				t.Errorf("the tag is there: %v", got)
			}
		}
	}},
	{"an id that is deleted and used again in one write has the new row", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		old := running("x", 1)
		again := with(old, func(s *instance.State) { s.Run, s.Status = 77, instance.Compensating })
		for _, was := range []*instance.State{nil, &old, {}} {
			o.write(orchestrator.Row{State: old, Due: epoch})
			w := deletion(o, orchestrator.Row{State: old})
			w.Rows = []orchestrator.Row{{State: again, Was: was}}
			o.put(w)
			onlyFound(t, o, again, with(old, func(s *instance.State) { s.Definition, s.Tags, s.Version = "none", nil, 9 }))
			if timers := o.timers(); len(timers) != 0 {
				t.Errorf("the old run's timer is there: %v", timers)
			}
			o.put(deletion(o, orchestrator.Row{State: again}))
			o.write()
			if got := o.content(); len(got.Rows) != 0 || len(got.Count) != 0 {
				t.Errorf("left: %+v", got)
			}
		}
	}},
	{"a write with two rows of one saga is an error", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		w := o.next(orchestrator.Row{State: running("x", 1)}, orchestrator.Row{State: running("x", 2)})
		if err := o.view.Write(t.Context(), w); err == nil || errors.Is(err, orchestrator.ErrNotFollowing) {
			t.Errorf("%v", err)
		}
		o.empty("x")
	}},
	{"a large write is one write", func(t *testing.T, v FragileView) {
		const many = 5500
		o := own(t, v, "a")
		rows := make([]orchestrator.Row, many)
		for i := range rows {
			rows[i] = orchestrator.Row{State: running("saga-"+strconv.Itoa(i), i), Due: epoch.Add(time.Duration(i) * time.Second)}
		}
		rows[7].State.Input = []byte(strings.Repeat("long", 1<<18))
		o.write(rows...)
		if count := o.count(); count[instance.Running] != many {
			t.Errorf("count: %v", count)
		}
		ids := make([]string, many)
		for i := range rows {
			ids[i] = rows[i].State.ID
		}
		if states := o.states(ids...); len(states) != many || len(states["saga-7"].Input) != 1<<20 {
			t.Errorf("%d states", len(states))
		}
		if timers := o.timers(); len(timers) != many || !timers["saga-9"].Equal(epoch.Add(9*time.Second)) {
			t.Errorf("%d timers", len(timers))
		}
		o.put(deletion(o, rows...))
		if got := o.content(); len(got.Rows)+len(got.Timers)+len(got.Count) != 0 {
			t.Errorf("left: %+v", got)
		}
	}},
}

func deletion(o *viewOwner, rows ...orchestrator.Row) orchestrator.Write {
	w := o.next()
	w.Deleted = rows
	return w
}

// onlyFound expects that lists have s, under each of its properties, and have
// it under none of those that only other has.
func onlyFound(t *testing.T, o *viewOwner, s, other instance.State) {
	t.Helper()
	for _, q := range propertiesOf(s) {
		if diff := cmp.Diff([]string{s.ID}, o.ids(q)); diff != "" {
			t.Errorf("%+v:\n%s", q, diff)
		}
	}
	for _, q := range propertiesOf(other) {
		if !q.Matches(s) {
			if got := o.ids(q); len(got) != 0 {
				t.Errorf("%+v finds %v", q, got)
			}
		}
	}
	if diff := cmp.Diff(map[instance.Status]int{s.Status: 1}, o.count()); diff != "" {
		t.Errorf("count: %s", diff)
	}
}

// propertiesOf returns a query for each property of s, and one for everything.
func propertiesOf(s instance.State) []orchestrator.Query {
	at := orchestrator.CursorOf(s).Started
	list := []orchestrator.Query{
		{}, {Statuses: []instance.Status{s.Status}}, {Definition: s.Definition}, {Version: s.Version},
		{From: at, To: at.Add(time.Millisecond)},
	}
	for key, value := range s.Tags {
		list = append(list, orchestrator.Query{Tag: key + "=" + value})
	}
	if s.Suspended {
		list = append(list, orchestrator.Query{Suspended: true})
	}
	if s.Parked != "" {
		list = append(list, orchestrator.Query{Parked: true})
	}
	if s.Retrying() {
		list = append(list, orchestrator.Query{Retrying: true})
	}
	if id := orchestrator.ClusterOf(&s); id != "" {
		list = append(list, orchestrator.Query{Cluster: id})
	}
	if s.Status == instance.Stuck {
		list = append(list, orchestrator.Query{StuckBefore: s.StuckSince.Add(time.Millisecond)})
	}
	for i := range s.Steps {
		if orchestrator.AtStep(&s, s.Steps[i].Name) {
			list = append(list, orchestrator.Query{Step: s.Steps[i].Name})
		}
	}
	return list
}
