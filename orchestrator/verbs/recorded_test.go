package verbs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A life is a journal that has one saga's history, and that no appends change.
type life struct {
	*inmem.Journal
	history []orchestrator.Message
}

func (l *life) Partition(p int) orchestrator.Partition { return lived{l.Journal.Partition(p), l} }

type lived struct {
	orchestrator.Partition
	life *life
}

func (p lived) History(_ context.Context, _ string, from uint64) ([]orchestrator.Message, error) {
	i := slices.IndexFunc(p.life.history, func(m orchestrator.Message) bool { return m.Sequence >= from })
	if i < 0 {
		return nil, nil
	}
	return slices.Clone(p.life.history[i:]), nil
}

func (p lived) Last(context.Context, string) (orchestrator.Message, error) {
	for _, m := range slices.Backward(p.life.history) {
		if m.Address.Kind == protocol.KindLink || m.Address.Kind == protocol.KindStart {
			return m, nil
		}
	}
	return orchestrator.Message{}, orchestrator.ErrNotFound
}

func (p lived) Get(_ context.Context, sequence uint64) (orchestrator.Message, error) {
	for _, m := range p.life.history {
		if m.Sequence == sequence {
			return m, nil
		}
	}
	return orchestrator.Message{}, orchestrator.ErrNotFound
}

// recorded returns verbs over a real life, whose definition is registered.
func recorded(t *testing.T, name string) (*verbs.Verbs, *life) {
	t.Helper()
	l := &life{inmem.NewJournal(1), orchestratortest.ReadJournal(t, "../testdata/journals/"+name+".ndjson")}
	step := func(name, participant string, after ...int) sagas.Planned {
		return sagas.Planned{
			Name: name, Participant: participant, Action: name, After: after, Timeout: 10 * time.Second, Retry: sagas.Backoff(3, time.Second),
			Compensation: &sagas.Compensation{
				Participant: participant, Action: "undo-" + name, Timeout: 10 * time.Second, Retry: sagas.Backoff(3, time.Second),
			},
		}
	}
	d := sagas.Definition{Name: "order", Version: 1, Steps: []sagas.Planned{
		step("reserve", "inventory"), step("charge", "payment", 0), step("ship", "shipping", 1),
	}}
	if name == "completed" {
		d.Steps[2].Pivot, d.Steps[2].Compensation = true, nil
	}
	if err := l.Registry().Register(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	v := verbs.New(verbs.Config{Journal: l, View: crowd{inmem.NewView()}})
	t.Cleanup(v.Close)
	return v, l
}

// What follows from the rest is no difference of its own, and a great number of
// somebody's comes as it was.
func TestADiffSaysWhatChangedAndNoMore(t *testing.T) {
	v, l := recorded(t, "completed")
	reply := slices.IndexFunc(l.history, func(m orchestrator.Message) bool { return m.Sequence == 9 })
	l.history[reply].Body = []byte(`{"by":12345678901234567890}`)
	d, err := v.Diff(t.Context(), verbs.DiffRequest{ID: "o-1", From: 8, To: 10})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, c := range d.Changes {
		paths = append(paths, strings.Join(c.Path, "/")+" "+c.Op)
	}
	for _, want := range []string{"steps/charge added", "steps/reserve/do/output added", "steps/reserve/do/phase changed"} {
		if !slices.Contains(paths, want) {
			t.Errorf("not told: %s", want)
		}
	}
	for _, path := range paths {
		if strings.HasPrefix(path, "waiting") || strings.HasPrefix(path, "at ") {
			t.Errorf("told, and it follows from the rest: %s", path)
		}
	}
	if text, err := json.Marshal(d); err != nil || !strings.Contains(string(text), `{"by":12345678901234567890}`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestNothingIsPossibleThatWouldComeTooLate(t *testing.T) {
	v, _ := recorded(t, "completed")
	for at, want := range map[uint64]bool{15: true, 16: false, 18: false} { // 16 requests the pivot
		p, err := v.Plan(t.Context(), verbs.SagaRequest{ID: "o-1", At: at})
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(p.Can, verbs.Possible{Action: "cancel"}); got != want {
			t.Errorf("after message %d it may be cancelled: %t", at, got)
		}
	}
}

func TestDurationsAreOfWhatHappened(t *testing.T) {
	v, _ := recorded(t, "compensated")
	d, err := v.Durations(t.Context(), "order", 1)
	if err != nil {
		t.Fatal(err)
	}
	if d.Sagas != 1 || d.TurnedBack != 1 || d.Whole == nil || d.Inconsistent == nil {
		t.Fatalf("%+v", d)
	}
	// Nobody answered the first attempt at reserve, so it may have taken effect.
	about := func(s *verbs.Spread) time.Duration {
		return (time.Duration(s.P50) * time.Microsecond).Round(time.Millisecond)
	}
	got := fmt.Sprint(about(d.Whole), " ", about(d.Inconsistent))
	if want := "12.5s 2s"; got != want {
		t.Errorf("whole and inconsistent are %s, want %s", got, want)
	}
}

// An id that runs again has no part of the history that was remembered.
func TestARememberedHistoryIsOfOneRun(t *testing.T) {
	v, l := recorded(t, "compensated")
	first := slices.Clone(l.history)
	for n := uint64(100); len(first) < 400; n++ { // long enough to be remembered
		m := first[1]
		m.Sequence = n
		first = append(first, m)
	}
	l.history = first
	if all, err := v.Read(t.Context(), "o-1", 0); err != nil || len(all) != 400 {
		t.Fatal(len(all), err)
	}
	again := slices.Clone(first[:1])
	again[0].Sequence = 1000
	l.history = again
	if all, err := v.Read(t.Context(), "o-1", 0); err != nil || len(all) != 1 || all[0].Sequence != 1000 {
		t.Errorf("%d messages, %v", len(all), err)
	}
}

func (f *fleet) Rejected(context.Context, int) ([]orchestrator.RejectedAnswer, []string, error) {
	return f.rejected, []string{"away"}, nil
}

func TestTheNewestRejectedInputsComeFirst(t *testing.T) {
	at := time.Date(2026, 7, 14, 3, 33, 20, 0, time.UTC)
	of := func(member string, seconds ...int) (a orchestrator.RejectedAnswer) {
		a.Member = member
		for _, s := range seconds {
			a.Rejected = append(a.Rejected, orchestrator.Rejected{Time: at.Add(time.Duration(s) * time.Second)})
		}
		return a
	}
	f := &fleet{rejected: []orchestrator.RejectedAnswer{of("a", 1, 3), of("b", 4, 2)}}
	v := verbs.New(verbs.Config{Journal: inmem.NewJournal(1), View: inmem.NewView(), Fleet: f})
	list, missing, err := v.Rejected(t.Context(), 3)
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprint(r.Member, r.Time.Second()-20))
	}
	if err != nil || !slices.Equal(got, []string{"b4", "a3", "b2"}) || !slices.Equal(missing, []string{"away"}) {
		t.Errorf("%v, missing %v, %v", got, missing, err)
	}
}

// A partition that cannot be counted is told; when none can, nothing is.
func TestCountsSayWhatTheyLack(t *testing.T) {
	view := inmem.NewView()
	v := verbs.New(verbs.Config{Journal: inmem.NewJournal(2), View: halfView{view}})
	c, err := v.Counts(t.Context())
	if err != nil || len(c.Problems) != 1 || !strings.Contains(c.Problems[0], "partition 1: ") {
		t.Errorf("%+v, %v", c, err)
	}
	view.Fail(context.DeadlineExceeded)
	if c, err := v.Counts(t.Context()); err == nil || !strings.Contains(err.Error(), "the view cannot be read now") {
		t.Errorf("%+v, %v", c, err)
	}
}

// A halfView cannot reach its second partition.
type halfView struct{ *inmem.View }

func (v halfView) Partition(p int) orchestrator.PartitionView {
	if p == 1 {
		other := inmem.NewView()
		other.Fail(context.DeadlineExceeded)
		return other.Partition(p)
	}
	return v.View.Partition(p)
}

func TestAFilterNamesTheStatusThatHasNoName(t *testing.T) {
	q, err := (&verbs.Filter{Statuses: []instance.Status{"absent", "stuck"}}).Query(time.Now())
	if err != nil || !slices.Equal(q.Statuses, []instance.Status{instance.Absent, instance.Stuck}) {
		t.Errorf("%q, %v", q.Statuses, err)
	}
}
