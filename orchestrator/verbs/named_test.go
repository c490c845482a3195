package verbs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// Heard obeys, and says who was asked with which id of a request.
type heard struct {
	verbs.Sagas
	mu    sync.Mutex
	asked []string
}

func (h *heard) Control(_ context.Context, id string, r verbs.ControlRequest) (verbs.Decision, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, id+" "+r.Request)
	return verbs.Decision{Obeyed: true}, nil
}

// Undecided is asked, and nobody ever decides.
type undecided struct {
	verbs.Sagas
	asked chan struct{}
}

func (u undecided) Control(ctx context.Context, _ string, _ verbs.ControlRequest) (verbs.Decision, error) {
	close(u.asked)
	<-ctx.Done()
	return verbs.Decision{}, ctx.Err()
}

// Where the only orchestrator ends, nobody decides any more.
func TestAProcessThatEndsWaitsForNoDecision(t *testing.T) {
	t.Parallel()
	u := undecided{asked: make(chan struct{})}
	v := named(t, u)
	if _, _, err := v.Bulk(t.Context(), suspend("o-1")); err != nil {
		t.Fatal(err)
	}
	<-u.asked
	closed := make(chan struct{})
	go func() { v.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("it waits for a decision that cannot come")
	}
}

// named makes verbs over a view in which every filter matches o-1.
func named(t *testing.T, s verbs.Sagas) *verbs.Verbs {
	v := verbs.New(verbs.Config{Journal: inmem.NewJournal(1), View: crowd{inmem.NewView()}, Sagas: s, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(v.Close)
	return v
}

func suspend(ids ...string) verbs.BulkRequest {
	return verbs.BulkRequest{ID: "b-1", IDs: ids, Rate: 1000, What: verbs.What{Action: "suspend"}}
}

func TestABulkAsksThoseThatItNames(t *testing.T) {
	h := &heard{}
	v := named(t, h)
	r := suspend("o-9", "o-2", "o-5")
	r.DryRun = true
	p, _, err := v.Bulk(t.Context(), r)
	if err != nil || p.Count != 3 || p.More || !slices.Equal(p.Samples, []string{"o-2", "o-5", "o-9"}) {
		t.Errorf("the dry run: %+v, %v", p, err)
	}
	r.DryRun = false
	if _, b, err := v.Bulk(t.Context(), r); err != nil || b.Total != 3 || len(b.IDs) != 3 {
		t.Fatalf("got %+v, %v", b, err)
	}
	ended := over(t, v, "b-1")
	if ended.State != "done" || ended.Done != 3 {
		t.Errorf("got %+v", ended)
	}
	if slices.Sort(h.asked); !slices.Equal(h.asked, []string{"o-2 b-1", "o-5 b-1", "o-9 b-1"}) {
		t.Errorf("asked were %q", h.asked)
	}
	if slices.Equal(r.IDs, []string{"o-2", "o-5", "o-9"}) {
		t.Error("the caller's list was put in order")
	}
}

// over waits until a bulk is.
func over(t *testing.T, v *verbs.Verbs, id string) verbs.Bulk {
	t.Helper()
	for {
		b, err := v.OneBulk(t.Context(), verbs.BulkRef{ID: id})
		if err != nil || t.Context().Err() != nil {
			t.Fatal(b, err)
		}
		if b.State != "running" {
			return b
		}
	}
}

func TestABulkThatNamesSagasIsKnownByThem(t *testing.T) {
	goOn := make(chan struct{})
	v := named(t, slow{goOn: goOn})
	defer close(goOn)
	if _, _, err := v.Bulk(t.Context(), suspend("o-1", "o-2")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := v.Bulk(t.Context(), suspend("o-2", "o-1")); err != nil || b.State != "running" || b.Total != 2 {
		t.Errorf("said again in another order, it is %+v, %v", b, err)
	}
	for _, other := range []verbs.BulkRequest{suspend("o-1"), suspend("o-1", "o-3"), suspend()} {
		_, _, err := v.Bulk(t.Context(), other)
		if failure := (*verbs.Failure)(nil); !errors.As(err, &failure) || failure.Code != orchestrator.CodeConflict {
			t.Errorf("of %v: %v", other.IDs, err)
		}
	}
}

func TestABulkNamesSagasThatCanBe(t *testing.T) {
	h := &heard{}
	v := named(t, h)
	many := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprint("o-", i))
		}
		return ids
	}
	both := suspend("o-1")
	both.Filter.Definition = "place-order"
	for says, r := range map[string]verbs.BulkRequest{
		"names 0 sagas": suspend([]string{}...), "names 501 sagas": suspend(many(501)...), "leave one out": both,
		"names o-1 twice": suspend("o-1", "o-2", "o-1"), "ids[1]": suspend("o-1", "no saga.*"),
	} {
		if r.IDs == nil {
			r.IDs = []string{} // nobody is not everybody
		}
		_, b, err := v.Bulk(t.Context(), r)
		if failure := (*verbs.Failure)(nil); !errors.As(err, &failure) || failure.Code != orchestrator.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v", says, b, err)
		}
	}
	if _, _, err := v.Bulk(t.Context(), suspend(many(101)...)); err == nil || !strings.Contains(err.Error(), "confirm") {
		t.Errorf("101 that were not confirmed: %v", err)
	}
	r := suspend(many(500)...)
	r.Confirm = 500
	if _, b, err := v.Bulk(t.Context(), r); err != nil || b.Total != 500 {
		t.Errorf("500 that were confirmed: %+v, %v", b, err)
	}
	list, err := v.Bulks(t.Context(), verbs.BulkRef{})
	if err != nil || len(list) != 1 || len(list[0].IDs) != 10 {
		t.Errorf("the list has %d sagas of %d bulks: %v", len(list[0].IDs), len(list), err)
	}
	if one := over(t, v, "b-1"); len(one.IDs) != 500 || one.Done != 500 {
		t.Errorf("%d named, %d done", len(one.IDs), one.Done)
	}
}
