package orchestratortest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A FragileView is a view that a test can damage behind its back.
type FragileView interface {
	orchestrator.View
	Flush()                     // loses everything
	LoseTimers(p int)           // loses a partition's timers, and nothing else
	LoseRow(p int, id string)   // loses one row, and nothing else
	Snapshot() (restore func()) // restore is a failover to what there was then
}

// TestView runs what every implementation of orchestrator.View must hold. Each
// view that open returns is empty.
func TestView(t *testing.T, open func(t *testing.T) FragileView) {
	for _, c := range slices.Concat(viewFence, viewLoss, viewRows, viewLists, viewFailures, viewAudit) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

type viewCase struct {
	name string
	run  func(t *testing.T, v FragileView)
}

// A viewOwner writes one partition of a view as its owner would.
type viewOwner struct {
	t          *testing.T
	view       orchestrator.PartitionView
	generation string
	at         orchestrator.Position
}

// own exchanges the generation of partition 0 for a new one.
func own(t *testing.T, v orchestrator.View, generation string) *viewOwner {
	t.Helper()
	o := &viewOwner{t: t, view: v.Partition(0), generation: generation}
	o.exchange()
	return o
}

func (o *viewOwner) exchange() orchestrator.Position {
	o.t.Helper()
	at, err := o.view.Exchange(o.t.Context(), o.generation)
	if err != nil {
		o.t.Fatalf("exchange: %v", err)
	}
	o.at = at
	return at
}

// next returns the write that follows the last one, and moves the position.
func (o *viewOwner) next(rows ...orchestrator.Row) orchestrator.Write {
	w := orchestrator.Write{Generation: o.generation, Position: o.at, Rows: rows}
	w.Position.Revision++
	w.Position.To += 10
	w.Position.Stamp = stampAt(w.Position.To)
	return w
}

func stampAt(sequence uint64) orchestrator.Stamp {
	return orchestrator.Stamp{
		Created:  time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC),
		Sequence: sequence,
		Time:     time.Date(2026, 3, 4, 5, 6, 7, int(sequence), time.UTC),
	}
}

func (o *viewOwner) write(rows ...orchestrator.Row) orchestrator.Write {
	o.t.Helper()
	w := o.next(rows...)
	o.put(w)
	return w
}

func (o *viewOwner) put(w orchestrator.Write) {
	o.t.Helper()
	if err := o.view.Write(o.t.Context(), w); err != nil {
		o.t.Fatalf("write: %v", err)
	}
	o.at = w.Position
}

// refused expects that w is not taken and leaves everything as it was.
func (o *viewOwner) refused(why string, w orchestrator.Write) {
	o.t.Helper()
	before := o.content()
	if err := o.view.Write(o.t.Context(), w); !errors.Is(err, orchestrator.ErrNotFollowing) {
		o.t.Errorf("%s: %v, want ErrNotFollowing", why, err)
	}
	if diff := cmp.Diff(before, o.content()); diff != "" {
		o.t.Errorf("%s: the refused write changed the view:\n%s", why, diff)
	}
}

// A viewContent is all that readers of a partition see.
type viewContent struct {
	At     orchestrator.Position
	Rows   []instance.State
	Timers map[string]time.Time
	Count  map[instance.Status]int
}

// content reads at most MaxLimit rows.
func (o *viewOwner) content() (c viewContent) {
	o.t.Helper()
	var err error
	if c.At, err = o.view.Position(o.t.Context()); err != nil {
		o.t.Fatalf("position: %v", err)
	}
	c.Count = o.count()
	c.Rows = o.list(orchestrator.Query{Limit: orchestrator.MaxLimit})
	c.Timers = o.timers()
	return c
}

// empty expects that nothing is left, not even for a reader that knows an id.
func (o *viewOwner) empty(ids ...string) {
	o.t.Helper()
	c := o.content()
	if c.At.Revision != 0 || c.At.To != 0 || len(c.Rows) > 0 || len(c.Timers) > 0 || len(c.Count) > 0 {
		o.t.Errorf("something is left: %+v", c)
	}
	if states := o.states(ids...); len(states) > 0 {
		o.t.Errorf("rows are left: %v", states)
	}
}

func (o *viewOwner) list(q orchestrator.Query) []instance.State {
	o.t.Helper()
	return o.page(q).Sagas
}

func (o *viewOwner) page(q orchestrator.Query) orchestrator.Page {
	o.t.Helper()
	page, err := o.view.List(o.t.Context(), q)
	if err != nil {
		o.t.Fatalf("list %+v: %v", q, err)
	}
	return page
}

func (o *viewOwner) count() map[instance.Status]int {
	o.t.Helper()
	counts, err := o.view.Count(o.t.Context())
	if err != nil {
		o.t.Fatalf("count: %v", err)
	}
	return orchestrator.ByStatus(counts)
}

func (o *viewOwner) ids(q orchestrator.Query) []string {
	o.t.Helper()
	ids := []string{}
	for _, s := range o.list(q) {
		ids = append(ids, s.ID)
	}
	return ids
}

func (o *viewOwner) states(ids ...string) map[string]instance.State {
	o.t.Helper()
	states, err := o.view.States(o.t.Context(), ids)
	if err != nil {
		o.t.Fatalf("states: %v", err)
	}
	return states
}

func (o *viewOwner) timers() map[string]time.Time {
	o.t.Helper()
	timers := map[string]time.Time{}
	if err := o.view.Timers(o.t.Context(), func(id string, due time.Time) {
		if _, twice := timers[id]; twice {
			o.t.Errorf("saga %q has two timers", id)
		}
		timers[id] = due
	}); err != nil {
		o.t.Fatalf("timers: %v", err)
	}
	return timers
}

// epoch is when the first saga of these tests begins.
var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// running returns a saga that began n milliseconds after epoch.
func running(id string, n int) instance.State {
	at := epoch.Add(time.Duration(n) * time.Millisecond)
	return instance.State{
		ID: id, Definition: "order", Version: 1, Fingerprint: "f", Tags: map[string]string{"n": strconv.Itoa(n)},
		Run: uint64(n + 1), Last: uint64(n + 1), Read: uint64(n + 1), Links: 1,
		Status: instance.Running, Input: []byte(`{"n":1}`), Started: at, Updated: at,
	}
}

func with(s instance.State, change func(*instance.State)) instance.State {
	change(&s)
	return s
}

func unreachable(t *testing.T, v FragileView) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Partition(0).Exchange(ctx, "g"); err == nil {
		t.Error("an exchange whose context is over succeeds")
	}
	if err := v.Ping(ctx); err == nil {
		t.Error("a ping whose context is over succeeds")
	}
	if err := v.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
}
