package orchestratortest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// viewLists is about what lists and counts find.
var viewLists = []viewCase{
	{"lists agree with the model for every filter and cursor", func(t *testing.T, v FragileView) {
		r := seeded(t)
		o := own(t, v, "a")
		stored := populate(o, r, 2000)
		if diff := gocmp.Diff(len(stored), total(o)); diff != "" {
			t.Error(diff)
		}
		for range 80 {
			q := randomQuery(r, stored)
			agree(o, stored, q)
		}
	}},
	{"a list has as many rows as asked for, 50 by default, 1000 at most", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		rows := make([]orchestrator.Row, orchestrator.MaxLimit+1)
		for i := range rows {
			rows[i].State = running(strconv.Itoa(i), i/2)
			rows[i].State.Suspended = i%3 == 0
		}
		o.write(rows...)
		for limit, want := range map[int]int{-1: 50, 0: 50, 1: 1, 49: 49, 1000: 1000, 1001: 1000, 1 << 40: 1000} {
			if got := len(o.list(orchestrator.Query{Limit: limit})); got != want {
				t.Errorf("limit %d: %d rows, want %d", limit, got, want)
			}
		}
		// The filter that the index does not answer leaves a third of the rows.
		q := orchestrator.Query{Suspended: true, Definition: "order", Version: 1, Limit: 300}
		if got := len(o.list(q)); got != 300 {
			t.Errorf("%d rows, want 300", got)
		}
	}},
	{"starts of any time are in order", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		var rows []orchestrator.Row
		want := []string{"9999", "2026", "1970", "1969", "0001"}
		for _, year := range want {
			n, _ := strconv.Atoi(year)
			rows = append(rows, orchestrator.Row{State: with(running(year, 0), func(s *instance.State) {
				s.Started = time.Date(n, 1, 1, 0, 0, 0, 0, time.UTC)
			})})
		}
		o.write(rows...)
		if diff := gocmp.Diff(want, o.ids(orchestrator.Query{})); diff != "" {
			t.Error(diff)
		}
		since := orchestrator.Query{From: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), To: epoch.Add(time.Hour)}
		if diff := gocmp.Diff(want[1:4], o.ids(since)); diff != "" {
			t.Error(diff)
		}
	}},
	{"hostile text mixes nothing up", hostile},
}

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// populate writes n random rows, and changes and deletes some of them again.
func populate(o *viewOwner, r *rand.Rand, n int) map[string]instance.State {
	o.t.Helper()
	stored := map[string]instance.State{}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = "saga-" + strconv.Itoa(i)
	}
	for range 3 {
		r.Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		for chunk := range slices.Chunk(ids, 1+r.IntN(500)) {
			w := o.next()
			for _, id := range chunk {
				was, there := stored[id]
				row := orchestrator.Row{State: randomState(r, id)}
				if there && r.IntN(2) == 0 {
					row.Was = &was
				}
				if there && r.IntN(20) == 0 {
					w.Deleted = append(w.Deleted, row)
					delete(stored, id)
					continue
				}
				w.Rows = append(w.Rows, row)
				stored[id] = row.State
			}
			o.put(w)
		}
	}
	return stored
}

var (
	someStatuses = []instance.Status{instance.Absent, instance.Running, instance.Compensating,
		instance.Completed, instance.Compensated, instance.Stuck}
	someDefinitions = []string{"order", "order-2", "refund", "o"}
	someTags        = []string{"region=eu", "region=us", "region=", "tier=gold", "tier=gold=er", "a=region=eu"}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// randomState has a start that it shares with some others, to the millisecond.
func randomState(r *rand.Rand, id string) instance.State {
	s := running(id, r.IntN(700))
	s.Started = s.Started.Add(time.Duration(r.IntN(1000)) * time.Microsecond)
	s.Definition, s.Version, s.Status = pick(r, someDefinitions), 1+r.IntN(2), pick(r, someStatuses)
	s.Suspended = r.IntN(10) == 0
	if r.IntN(20) == 0 {
		s.Parked = "why"
	}
	fail(r, &s)
	ask(r, &s)
	s.Tags = map[string]string{}
	for range r.IntN(3) {
		key, value, _ := strings.Cut(pick(r, someTags), "=")
		s.Tags[key] = value
	}
	return s
}

func randomQuery(r *rand.Rand, stored map[string]instance.State) (q orchestrator.Query) {
	some := func() bool { return r.IntN(3) == 0 }
	if some() {
		for range 1 + r.IntN(3) {
			q.Statuses = append(q.Statuses, pick(r, someStatuses))
		}
	}
	if some() {
		q.Definition = pick(r, append(someDefinitions, "none"))
	}
	if some() {
		q.Version = 1 + r.IntN(4)
	}
	if some() {
		q.Tag = pick(r, append(someTags, "none=1", "region", "a"))
	}
	rarely := func() bool { return r.IntN(4) == 0 }
	q.Suspended, q.Parked = rarely(), rarely()
	q.Retrying = r.IntN(8) == 0
	if rarely() {
		q.Step = pick(r, append(someSteps, "none"))
	}
	if rarely() {
		s := stored["saga-"+strconv.Itoa(r.IntN(2000))]
		if q.Cluster = orchestrator.ClusterOf(&s); q.Cluster == "" {
			q.Cluster = "0123456789abcdef"
		}
	}
	if rarely() {
		q.StuckBefore = epoch.Add(time.Duration(r.IntN(1_200_000)) * time.Microsecond)
	}
	moment := func() time.Time { return epoch.Add(time.Duration(r.IntN(700_000)) * time.Microsecond) }
	if some() {
		q.From = moment()
	}
	if some() {
		q.To = moment().Truncate(time.Millisecond)
	}
	if some() {
		q.To = moment()
	}
	if some() {
		q.After = orchestrator.Cursor{Started: moment(), ID: "saga-" + strconv.Itoa(r.IntN(3000))}
	}
	if some() {
		q.After.ID = "saga-" + strconv.Itoa(r.IntN(3000))
		q.After = orchestrator.CursorOf(stored[q.After.ID])
	}
	q.Limit = pick(r, []int{0, 1, 3, 10, 40, 200, 1200})
	return q
}

// model returns all ids that q asks for, in order.
func model(stored map[string]instance.State, q orchestrator.Query) []string {
	var found []orchestrator.Cursor
	for _, s := range stored {
		if q.Matches(s) {
			found = append(found, orchestrator.CursorOf(s))
		}
	}
	slices.SortFunc(found, func(a, b orchestrator.Cursor) int {
		return cmp.Or(b.Started.Compare(a.Started), strings.Compare(b.ID, a.ID))
	})
	ids := []string{}
	for _, c := range found {
		ids = append(ids, c.ID)
	}
	return ids
}

// agree expects that the first pages of a list are those of the model.
func agree(o *viewOwner, stored map[string]instance.State, q orchestrator.Query) {
	o.t.Helper()
	want, ids := model(stored, q), []string{}
	limit, after := q.Bounded(), q
	for len(ids) < 4*limit {
		page := o.page(after)
		for _, s := range page.Sagas {
			ids = append(ids, s.ID)
		}
		if page.Next == nil {
			break
		}
		if len(page.Sagas) > limit || after.After.ID != "" && !after.After.Less(*page.Next) {
			o.t.Fatalf("%+v: a page of %d rows that goes on at %v", after, len(page.Sagas), page.Next)
		}
		after.After = *page.Next
	}
	ids = ids[:min(len(ids), 4*limit)]
	if diff := gocmp.Diff(want[:min(len(want), 4*limit)], ids); diff != "" {
		o.t.Fatalf("%+v:\n%s", q, diff)
	}
}

func total(o *viewOwner) (n int) {
	o.t.Helper()
	for _, rows := range o.count() {
		n += rows
	}
	return n
}

// hostile writes rows in which every text is one that could end a field early,
// or run into the next one.
func hostile(t *testing.T, v FragileView) {
	long := strings.Repeat("x", 200)
	texts := []string{
		"|", "||", "%", "%%", "%7C", "%25", "a|b", "a", "b", ":", "{}", "{0}", "}{", "\x00", "a\x00", "g", "~", "\x7f", "=", "a=b",
		"\n", "é", "\U0001F600", "a|", "|a", "k|", "1", "running", "-", "+", "[", "(", long, long + "1", long + "2", long[:64], long[:128],
	}
	o := own(t, v, "a")
	stored := map[string]instance.State{}
	var rows []orchestrator.Row
	for i, text := range texts {
		for j, other := range []string{text, texts[(i+1)%len(texts)], texts[(i+7)%len(texts)]} {
			s := running(fmt.Sprintf("%s%s%d", text, other, j), i%3)
			s.Definition, s.Version = text, i%2
			s.Status = instance.Status(other[:min(len(other), 100)]) // statuses are words, not texts
			s.Tags = map[string]string{text: other, other: text}
			stored[s.ID] = s
			rows = append(rows, orchestrator.Row{State: s, Due: epoch})
		}
	}
	o.write(rows...)
	var queries []orchestrator.Query
	for _, s := range stored {
		queries = append(queries, propertiesOf(s)...)
		queries = append(queries, orchestrator.Query{Definition: s.Definition, Statuses: []instance.Status{s.Status}})
		queries = append(queries, orchestrator.Query{After: orchestrator.CursorOf(s), Limit: 7})
	}
	asked := map[string]bool{}
	for _, q := range queries {
		if text := fmt.Sprintf("%#v", q); !asked[text] {
			asked[text] = true
			agree(o, stored, q)
		}
	}
	counts, err := o.view.Count(t.Context())
	want := map[orchestrator.Class]int{}
	// No definition is called so much as a view may cut.
	short := func(definition string) bool { return len(definition) < 100 }
	for _, s := range stored {
		if short(s.Definition) {
			want[orchestrator.Class{Definition: s.Definition, Version: s.Version, Status: s.Status}]++
		}
	}
	counts = slices.DeleteFunc(counts, func(c orchestrator.Count) bool { return !short(c.Definition) })
	if diff := gocmp.Diff(orchestrator.CountsOf(want), counts); diff != "" || err != nil {
		t.Errorf("count: %v\n%s", err, diff)
	}
	for i := range rows {
		was := rows[i].State
		rows[i].Was = &was
		rows[i].State = with(was, func(s *instance.State) { s.Tags, s.Definition, s.Status = nil, "d", instance.Completed })
		rows[i].Due = time.Time{}
	}
	o.write(rows...)
	if diff := gocmp.Diff(map[instance.Status]int{instance.Completed: len(rows)}, o.count()); diff != "" {
		t.Errorf("count: %s", diff)
	}
	for i := range rows {
		rows[i].Was = &rows[i].State
	}
	o.put(deletion(o, rows...))
	o.write()
	if got := o.content(); len(got.Rows)+len(got.Timers)+len(got.Count) != 0 {
		t.Errorf("left: %+v", got)
	}
}
