package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator/verbs"
)

// ask posts, wants the status, and reads the answer.
func ask[A any](w *world, path, body string, want int) A {
	w.t.Helper()
	status, text := w.post(path, body)
	if status != want {
		w.t.Fatalf("%s %s: %d %s", path, body, status, text)
	}
	return decoded[A](w, text)
}

// answer gets, and reads the answer.
func answer[A any](w *world, path string) A {
	w.t.Helper()
	status, text := w.get(path)
	if status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", path, status, text)
	}
	return decoded[A](w, text)
}

func decoded[A any](w *world, text string) (a A) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
	return a
}

type problem struct {
	Code     string          `json:"code"`
	Detail   string          `json:"detail"`
	Count    int             `json:"count"`
	Decision *verbs.Decision `json:"decision"`
}

func TestEveryControlIsInTheHistoryWithWhoAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o-1", stuckUnits)
	w.ended("o-1")
	d := ask[verbs.Decision](w, "/sagas/o-1/control", `{"action":"suspend","reason":"wait for ann","who":"bob","request":"r-1"}`, http.StatusOK)
	if !d.Obeyed || d.Request != "r-1" || d.Decided <= d.Asked {
		t.Errorf("got %+v", d)
	}
	again := ask[verbs.Decision](w, "/sagas/o-1/control", `{"action":"suspend","reason":"wait for ann","who":"bob","request":"r-1"}`, http.StatusOK)
	if !again.Repeated || again.Asked != d.Asked || again.Decided != d.Decided {
		t.Errorf("said again: got %+v, want what %+v was", again, d)
	}
	refused := ask[problem](w, "/sagas/o-1/control", `{"action":"suspend","reason":"again"}`, http.StatusConflict)
	if refused.Code != "refused" || refused.Decision == nil || refused.Decision.Refused != "it is suspended already" {
		t.Errorf("got %+v", refused)
	}
	w.post("/sagas/o-1/control", `{"action":"resume"}`)
	w.refunds.Store(true)
	status, text := w.do(http.MethodPost, "/sagas/o-1/control", `{"action":"retry","step":"charge","direction":"undo","reason":"it is back"}`,
		map[string]string{"Content-Type": "application/json", "Amends-Who": "carol"})
	if status != http.StatusOK {
		t.Fatal(status, text)
	}
	w.ended("o-1")
	if p := ask[problem](w, "/sagas/o-1/control", `{"action":"cancel"}`, http.StatusConflict); p.Code != "over" {
		t.Errorf("got %+v", p)
	}
	var got []string
	for _, c := range answer[verbs.Trace](w, "/sagas/o-1/steps").Controls {
		if c.Decided == nil {
			t.Errorf("%+v is not decided", c)
		}
		got = append(got, fmt.Sprint(c.Verb, " by ", c.By, ": ", c.Why, "; ", c.Refused))
	}
	want := []string{
		"suspend by bob: wait for ann; ", "suspend by anonymous: again; it is suspended already",
		"resume by anonymous: ; ", "retry by carol: it is back; ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestStepsShowEveryAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o-1", stuckUnits)
	w.ended("o-1")
	trace := answer[verbs.Trace](w, "/sagas/o-1/steps")
	var got []string
	for _, step := range trace.Steps {
		for _, a := range step.Attempts {
			if a.Requested.Sequence == 0 || a.Answered == nil || a.Recorded == nil || a.Answered.Sequence <= a.Requested.Sequence ||
				a.Recorded.Sequence <= a.Answered.Sequence || a.Queue < 0 || !strings.HasPrefix(a.Key, "o-1/") || a.Due == nil {
				t.Errorf("%s: %+v", step.Name, a)
			}
			got = append(got, fmt.Sprintf("%s %s %d: %s %q halted %t", step.Name, a.Direction, a.Number, a.Outcome, a.Reason, a.Halted))
		}
	}
	want := []string{
		`reserve do 1: done "" halted false`,
		`charge do 1: done "" halted false`,
		`charge undo 1: failed "gateway closed, code 4711" halted true`,
		`ship do 1: refused "the parcel is too large" halted false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if turned := trace.Turned; turned == nil || turned.Step != "ship" || turned.Attempt != 1 || turned.Reason != "the parcel is too large" {
		t.Errorf("turned back at %+v", turned)
	}
}

func TestThePlanSaysWhatMayHappen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o-1", stuckUnits)
	w.ended("o-1")
	var history struct{ Entries []verbs.Entry }
	_, text := w.get("/sagas/o-1/history")
	history = decoded[struct{ Entries []verbs.Entry }](w, text)
	begun := history.Entries[1].Sequence // reserve was requested
	moves := func(r verbs.Road) (list []string) {
		for _, m := range r.Moves {
			list = append(list, fmt.Sprintf("%d %s %s", m.Round, m.Direction, m.Step))
		}
		return append(list, r.Ends)
	}
	early := answer[verbs.Plan](w, fmt.Sprintf("/sagas/o-1/plan?at=%d", begun))
	if got, want := moves(early.Forward), []string{"2 do charge", "3 do ship", "completed"}; !slices.Equal(got, want) {
		t.Errorf("forward: got %v, want %v", got, want)
	}
	if got, want := moves(early.Back), []string{"2 undo reserve", "compensated"}; !slices.Equal(got, want) {
		t.Errorf("back: got %v, want %v", got, want)
	}
	now := answer[verbs.Plan](w, "/sagas/o-1/plan")
	if now.Forward.Ends != "stuck" || !strings.Contains(now.Forward.Needs, "gateway closed") {
		t.Errorf("got %+v", now.Forward)
	}
	if want := []string{"reserve", "charge"}; !slices.Equal(now.NotUndone, want) {
		t.Errorf("not undone: got %v, want %v", now.NotUndone, want)
	}
	var can []string
	for _, p := range now.Can {
		can = append(can, strings.TrimSpace(p.Action+" "+p.Direction+" "+p.Step+" "+p.As))
	}
	if want := []string{"suspend", "retry undo charge", "resolve undo charge undone"}; !slices.Equal(can, want) {
		t.Errorf("can: got %q, want %q", can, want)
	}
}

func TestTheDifferenceOfTwoStatesNamesWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o-1", 1)
	w.ended("o-1")
	_, text := w.get("/sagas/o-1/history")
	entries := decoded[struct{ Entries []verbs.Entry }](w, text).Entries
	first, last := entries[0].Sequence, entries[len(entries)-1].Sequence
	changes := map[string]verbs.Change{}
	for _, c := range answer[verbs.Diff](w, fmt.Sprintf("/sagas/o-1/diff?from=%d&to=%d", first, last)).Changes {
		changes[strings.Join(c.Path, "/")] = c
	}
	if c := changes["status"]; c.Op != "changed" || c.Before != "absent" || c.After != "completed" {
		t.Errorf("status: %+v", c)
	}
	if c := changes["steps/charge"]; c.Op != "added" || !strings.Contains(fmt.Sprint(c.After), "r-1") {
		t.Errorf("charge: %+v", c)
	}
	if c, ok := changes["input"]; ok {
		t.Errorf("input: %+v", c)
	}
	if same := answer[verbs.Diff](w, fmt.Sprintf("/sagas/o-1/diff?from=%d&to=%d", last, last)); len(same.Changes) != 0 {
		t.Errorf("of one state: %+v", same)
	}
	then := answer[verbs.Saga](w, fmt.Sprintf("/sagas/o-1?at=%d", first))
	if then.Status != "absent" || then.Pending != 1 || then.At != first || len(then.Steps) != 0 {
		t.Errorf("at the start: %+v", then)
	}
}

func TestABulkDoesWhatWasConfirmedAndNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const sagas = 110
	for i := range sagas {
		w.start(fmt.Sprint("o-", i), stuckUnits)
	}
	for i := range sagas {
		w.ended(fmt.Sprint("o-", i))
	}
	w.until("all are counted", func() (any, bool) {
		counts := answer[verbs.Counts](w, "/counts")
		return counts, counts.Statuses["stuck"] == sagas && len(counts.Definitions) == 1 && counts.Definitions[0].Statuses["stuck"] == sagas
	})
	clusters := answer[verbs.Failures](w, "/failures").Clusters
	if len(clusters) != 1 || clusters[0].Count != sagas || clusters[0].Step != "charge" || clusters[0].Direction != "undo" {
		t.Fatalf("got %+v", clusters)
	}
	request := fmt.Sprintf(`{"action":"retry","step":"charge","direction":"undo","reason":"it is back","who":"ann","rate":1000,"id":"b-1",
		"filter":{"statuses":["stuck"],"fingerprint":%q}`, clusters[0].Fingerprint)
	if p := ask[verbs.Preview](w, "/bulk", request+`,"dry_run":true}`, http.StatusOK); p.Count != sagas || p.More || len(p.Samples) == 0 {
		t.Errorf("got %+v", p)
	}
	if p := ask[problem](w, "/bulk", request+`}`, http.StatusConflict); p.Code != "confirm" || p.Count != 101 {
		t.Errorf("unconfirmed: got %+v", p)
	}
	w.refunds.Store(true)
	ask[verbs.Bulk](w, "/bulk", request+fmt.Sprintf(`,"confirm":%d}`, sagas), http.StatusAccepted)
	if b := w.over("b-1"); b.State != "done" || b.Total != sagas || b.Done != sagas || b.Failed+b.Refused != 0 || len(b.Errors) != 0 {
		t.Errorf("got %+v", b)
	}
	for _, id := range []string{"o-0", "o-109"} {
		w.ended(id)
		if controls := answer[verbs.Trace](w, "/sagas/"+id+"/steps").Controls; len(controls) != 1 || controls[0].By != "ann" || controls[0].Why != "it is back" {
			t.Errorf("%s: %+v", id, controls)
		}
	}
	if list := answer[struct{ Bulks []verbs.Bulk }](w, "/bulk"); len(list.Bulks) != 1 || list.Bulks[0].ID != "b-1" {
		t.Errorf("got %+v", list)
	}
}

// over waits until a bulk is.
func (w *world) over(id string) (b verbs.Bulk) {
	w.t.Helper()
	w.until("bulk "+id+" ends", func() (any, bool) {
		b = answer[verbs.Bulk](w, "/bulk/"+id)
		return b, b.State != "running"
	})
	return b
}

func TestABulkIsStoppedAndSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 30 {
		w.start(fmt.Sprint("o-", i), stuckUnits)
	}
	for i := range 30 {
		w.ended(fmt.Sprint("o-", i))
		w.written(fmt.Sprint("o-", i), "stuck")
	}
	ask[verbs.Decision](w, "/sagas/o-29/control", `{"action":"suspend"}`, http.StatusOK)
	began := ask[verbs.Bulk](w, "/bulk", `{"id":"b-1","action":"suspend","rate":4,"filter":{"statuses":["stuck"]}}`, http.StatusAccepted)
	if began.State != "running" || began.Total != 30 || began.Who != "anonymous" {
		t.Errorf("got %+v", began)
	}
	if p := ask[problem](w, "/bulk", `{"id":"b-1","action":"resume","filter":{}}`, http.StatusConflict); p.Code != "conflict" {
		t.Errorf("another bulk of that id: got %+v", p)
	}
	for answer[verbs.Bulk](w, "/bulk/b-1").Refused == 0 { // o-29 comes first
		if t.Context().Err() != nil {
			t.Fatal("o-29 was not asked")
		}
	}
	ask[verbs.Bulk](w, "/bulk/b-1/stop", `{"who":"bob","reason":"enough"}`, http.StatusOK)
	b := w.over("b-1")
	if b.State != "stopped" || b.Done+b.Refused > 15 || b.Refused != 1 || len(b.Errors) != 1 || b.Errors[0].ID != "o-29" || !strings.Contains(b.Errors[0].Error, "suspended already") {
		t.Errorf("got %+v", b)
	}
}

// Those that are named are asked, and nobody else; one that there is not is told.
func TestABulkOfNamedSagas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 4 {
		w.start(fmt.Sprint("o-", i), stuckUnits)
	}
	for i := range 4 {
		w.ended(fmt.Sprint("o-", i))
	}
	ask[verbs.Bulk](w, "/bulk", `{"id":"b-1","action":"suspend","who":"ann","ids":["o-3","nobody","o-1"]}`, http.StatusAccepted)
	b := w.over("b-1")
	if b.State != "done" || b.Total != 3 || b.Done != 2 || b.Refused != 1 || len(b.Errors) != 1 || b.Errors[0].ID != "nobody" {
		t.Errorf("got %+v", b)
	}
	for i, want := range []int{0, 1, 0, 1} {
		if got := answer[verbs.Trace](w, fmt.Sprintf("/sagas/o-%d/steps", i)).Controls; len(got) != want {
			t.Errorf("o-%d: %+v", i, got)
		}
	}
	for _, wrong := range []string{`"ids":[]`, `"ids":["o-1"],"filter":{"statuses":["stuck"]}`, `"ids":["o-1","o-1"]`, `"ids":["a b"]`} {
		if p := ask[problem](w, "/bulk", `{"action":"suspend","dry_run":true,`+wrong+`}`, http.StatusBadRequest); p.Code != "invalid" {
			t.Errorf("%s: %+v", wrong, p)
		}
	}
}

func TestParticipantsAreShownWithTheirInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o-1", 1)
	w.ended("o-1")
	shown := func() (got []string) {
		for _, p := range answer[struct{ Participants []verbs.Participant }](w, "/participants").Participants {
			for _, i := range p.Instances {
				got = append(got, fmt.Sprint(p.Name, ": ", strings.Join(i.Actions, ", "), "; done ", i.Counts["done"]))
			}
		}
		return got
	}
	want := []string{
		"inventory: do reserve, undo release; done 1", "payment: do charge, undo refund; done 1", "shipping: do ship; done 1",
	}
	// A participant counts once it knows that its reply is stored; the saga may have ended by then.
	w.until(fmt.Sprintf("all have counted %q", want), func() (any, bool) {
		got := shown()
		return got, slices.Equal(got, want)
	})
}

// What begins to match while a bulk runs was not counted, and nobody confirmed it.
func TestABulkTouchesNoMoreThanWereCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const sagas, late = 506, 3 // more than a bulk reads at once
	for i := range sagas {
		w.start(fmt.Sprint("o-", i), stuckUnits)
	}
	// matching waits until the view has so many.
	matching := func(filter string, want int) {
		t.Helper()
		w.until(fmt.Sprintf("the view has %d of %s", want, filter), func() (any, bool) {
			got := ask[verbs.Preview](w, "/bulk", `{"action":"resume","dry_run":true,"confirm":1000,"filter":`+filter+`}`, http.StatusOK)
			return got, got.Count == want
		})
	}
	const stuck, suspended = `{"statuses":["stuck"]}`, `{"suspended":true}`
	matching(stuck, sagas)
	ask[verbs.Bulk](w, "/bulk", `{"id":"b-1","action":"suspend","rate":1000,"confirm":1000,"filter":`+stuck+`}`, http.StatusAccepted)
	w.over("b-1")
	for i := range late { // the oldest, which come last
		ask[verbs.Decision](w, fmt.Sprintf("/sagas/o-%d/control", i), `{"action":"resume"}`, http.StatusOK)
	}
	matching(suspended, sagas-late)
	ask[verbs.Bulk](w, "/bulk", `{"id":"b-2","action":"resume","rate":250,"confirm":1000,"filter":`+suspended+`}`, http.StatusAccepted)
	for i := range late {
		ask[verbs.Decision](w, fmt.Sprintf("/sagas/o-%d/control", i), `{"action":"suspend"}`, http.StatusOK)
	}
	if b := w.over("b-2"); b.State != "done" || b.Total != sagas-late || b.Done != sagas-late {
		t.Errorf("got %+v", b)
	}
	matching(suspended, late)
}
