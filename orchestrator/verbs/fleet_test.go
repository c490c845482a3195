package verbs_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// A fleet is what other members say.
type fleet struct {
	verbs.Fleet
	status   []orchestrator.StatusAnswer
	bulks    []verbs.BulkRef // that it was asked for
	rejected []orchestrator.RejectedAnswer
}

func (f *fleet) Status(context.Context) ([]orchestrator.StatusAnswer, []string, error) {
	return f.status, nil, nil
}

func (f *fleet) Bulks(_ context.Context, r verbs.BulkRef) ([]verbs.Bulk, error) {
	f.bulks = append(f.bulks, r)
	return nil, nil
}

// Answers come in any order, from processes that may not know yet what others
// do, or be of a later version.
func TestAPartitionIsTheirsWhoTookItLast(t *testing.T) {
	at := time.Date(2026, 7, 14, 3, 33, 20, 0, time.UTC)
	drives := func(member string, p int, since time.Time) orchestrator.StatusAnswer {
		var a orchestrator.StatusAnswer
		a.Member, a.Partitions = member, []orchestrator.PartitionStatus{{Partition: p, Since: since}}
		return a
	}
	before, after := drives("before", 0, at), drives("after", 0, at.Add(time.Second))
	for _, answers := range [][]orchestrator.StatusAnswer{{before, after}, {after, before}} {
		f := &fleet{status: append(answers, drives("odd", -1, at), drives("more", 2, at))}
		v := verbs.New(verbs.Config{Journal: inmem.NewJournal(2), View: inmem.NewView(), Fleet: f})
		got, err := v.Fleet(t.Context())
		if err != nil || len(got.Partitions) != 2 || len(got.Members) != 4 {
			t.Fatalf("%+v, %v", got, err)
		}
		if got.Partitions[0].Owner != "after" || got.Partitions[1].Owner != "" {
			t.Errorf("the partitions are driven by %q and %q", got.Partitions[0].Owner, got.Partitions[1].Owner)
		}
	}
}

// A crowd is a view in which every filter matches one saga.
type crowd struct{ *inmem.View }

func (c crowd) Partition(p int) orchestrator.PartitionView { return crowded{c.View.Partition(p)} }

type crowded struct{ orchestrator.PartitionView }

func (c crowded) List(context.Context, orchestrator.Query) (orchestrator.Page, error) {
	return orchestrator.Page{Sagas: []instance.State{{ID: "o-1", Status: instance.Stuck}}}, nil
}

// A slow one decides when the test lets it.
type slow struct {
	verbs.Sagas
	goOn chan struct{}
}

func (s slow) Control(context.Context, string, verbs.ControlRequest) (verbs.Decision, error) {
	<-s.goOn
	return verbs.Decision{Obeyed: true}, nil
}

func TestABulkIsKnownByItsID(t *testing.T) {
	f, goOn := &fleet{}, make(chan struct{})
	v := verbs.New(verbs.Config{Journal: inmem.NewJournal(1), View: crowd{inmem.NewView()}, Sagas: slow{goOn: goOn}, Fleet: f, Log: slog.New(slog.DiscardHandler)})
	defer func() { close(goOn); v.Close() }()
	request := func(change func(*verbs.BulkRequest)) verbs.BulkRequest {
		r := verbs.BulkRequest{ID: "b-1", What: verbs.What{Action: "resolve", Step: "charge", As: "done", Output: []byte("{}"), Who: "ann"}}
		r.Filter = verbs.Filter{Statuses: []instance.Status{instance.Stuck}, StuckLonger: "10m"}
		change(&r)
		return r
	}
	same := func(*verbs.BulkRequest) {}
	if _, _, err := v.Bulk(t.Context(), request(same)); err != nil {
		t.Fatal(err)
	}
	again := func(r *verbs.BulkRequest) { r.Who, r.Reason = "bob", "nobody answered" }
	if _, b, err := v.Bulk(t.Context(), request(again)); err != nil || b.State != "running" || b.Who != "ann" {
		t.Errorf("said again, it is %+v, %v", b, err)
	}
	for name, change := range map[string]func(*verbs.BulkRequest){
		"other sagas":    func(r *verbs.BulkRequest) { r.Filter.Definition = "other" },
		"another output": func(r *verbs.BulkRequest) { r.Output = []byte(`{"a":1}`) },
		"another step":   func(r *verbs.BulkRequest) { r.Step = "ship" },
		"unsettled":      func(r *verbs.BulkRequest) { r.Unsettled = true },
	} {
		_, _, err := v.Bulk(t.Context(), request(change))
		if failure := (*verbs.Failure)(nil); !errors.As(err, &failure) || failure.Code != orchestrator.CodeConflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who said it again may have reached another process.
	if _, err := v.OneBulk(t.Context(), verbs.BulkRef{ID: "b-1", Stop: true}); err != nil {
		t.Fatal(err)
	}
	if len(f.bulks) != 1 || !f.bulks[0].Stop {
		t.Errorf("the others were asked %+v", f.bulks)
	}
}
