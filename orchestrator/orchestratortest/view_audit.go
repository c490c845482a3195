package orchestratortest

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// viewAudit is about what people asked for.
var viewAudit = []viewCase{
	{"audits agree with the model for every filter and cursor", func(t *testing.T, v FragileView) {
		r := seeded(t)
		o := own(t, v, "a")
		stored := populate(o, r, 1500)
		for range 60 {
			o.audited(stored, randomAudit(r))
		}
	}},
	{"an audit follows a saga's requests, of which old ones leave", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		s := running("s", 0)
		o.write(orchestrator.Row{State: s, Was: &instance.State{}})
		for n := range 4 {
			was := s
			s = with(s, func(s *instance.State) { s.Asked = append(s.Asked[:n:n], askedAt(n, "ann")) })
			o.write(orchestrator.Row{State: s, Was: &was})
			o.audited(map[string]instance.State{"s": s}, orchestrator.AuditQuery{})
		}
		was := s
		s = with(s, func(s *instance.State) { s.Asked = append(s.Asked[1:4:4], askedAt(4, "ann")) })
		o.write(orchestrator.Row{State: s, Was: &was})
		o.audited(map[string]instance.State{"s": s}, orchestrator.AuditQuery{})
		o.put(deletion(o, orchestrator.Row{State: s}))
		o.audited(nil, orchestrator.AuditQuery{})
	}},
	{"requests of one moment are told apart by link and saga", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		stored := map[string]instance.State{}
		var rows []orchestrator.Row
		for i, id := range []string{"a", "ab", "a-b", "B", "_", "0"} {
			s := with(running(id, 0), func(s *instance.State) {
				for link := range uint64(3) {
					s.Asked = append(s.Asked, instance.Asked{Input: 1, Link: (link + 1) << (12 * i), At: epoch, Verb: instance.Retry, By: "ann"})
				}
			})
			stored[id] = s
			rows = append(rows, orchestrator.Row{State: s})
		}
		o.write(rows...)
		for limit := range 8 {
			o.audited(stored, orchestrator.AuditQuery{Limit: limit})
		}
	}},
	{"who is not known may be whoever is asked for", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		s := with(running("s", 0), func(s *instance.State) {
			s.Asked = []instance.Asked{askedAt(0, "ann"), askedAt(1, ""), askedAt(2, "bob")}
		})
		o.write(orchestrator.Row{State: s})
		page, err := o.view.Audit(t.Context(), orchestrator.AuditQuery{By: "ann"})
		if err != nil || len(page.Rows) != 2 || page.Rows[0].By != "" || page.Rows[1].By != "ann" {
			t.Errorf("audit: %+v, %v", page, err)
		}
	}},
	{"an audit whose context is over says so", func(t *testing.T, v FragileView) {
		o := own(t, v, "a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, id := range []string{"", "s"} {
			if _, err := o.view.Audit(ctx, orchestrator.AuditQuery{ID: id}); err == nil {
				t.Errorf("an audit of %q answers", id)
			}
		}
	}},
}

func askedAt(n int, by string) instance.Asked {
	return instance.Asked{Input: uint64(20 + n), Link: uint64(30 + n), At: epoch.Add(time.Duration(n) * time.Second), Verb: instance.Cancel, By: by}
}

var (
	someVerbs  = []instance.Verb{instance.Cancel, instance.Suspend, instance.Resume, instance.Retry, instance.Resolve}
	somePeople = []string{"ann", "bob", "a|b", "", "ann@example.com"}
)

// ask gives s requests, some of which other sagas share their moment with.
func ask(r *rand.Rand, s *instance.State) {
	if r.IntN(4) > 0 {
		return
	}
	link := uint64(r.IntN(1000))
	for range 1 + r.IntN(4) {
		link += 1 + uint64(r.IntN(5))
		s.Asked = append(s.Asked, instance.Asked{
			Input: link - 1, Link: link, At: epoch.Add(time.Duration(r.IntN(300_000)) * time.Microsecond),
			Verb: pick(r, someVerbs), By: pick(r, somePeople), Refused: r.IntN(2) == 0,
		})
	}
}

func randomAudit(r *rand.Rand) (q orchestrator.AuditQuery) {
	some := func() bool { return r.IntN(3) == 0 }
	moment := func() time.Time { return epoch.Add(time.Duration(r.IntN(300_000)) * time.Microsecond) }
	if some() {
		q.Verb = pick(r, someVerbs)
	}
	if some() {
		q.By = pick(r, append(somePeople, "nobody"))
	}
	if r.IntN(8) == 0 {
		q.ID = "saga-" + strconv.Itoa(r.IntN(2000))
	}
	if some() {
		q.From = moment()
	}
	if some() {
		q.To = moment().Truncate(time.Millisecond)
	}
	if some() {
		q.After = orchestrator.AuditCursor{At: moment().Truncate(time.Millisecond), Link: uint64(r.IntN(1000)), ID: "saga-" + strconv.Itoa(r.IntN(2000))}
	}
	q.Limit = pick(r, []int{0, 1, 3, 40, 200, 1200})
	return q
}

// audited expects that the first pages of an audit are those of the model.
func (o *viewOwner) audited(stored map[string]instance.State, q orchestrator.AuditQuery) {
	o.t.Helper()
	var want, got []orchestrator.AuditRow
	for _, s := range stored {
		want = append(want, q.Asked(&s)...)
	}
	orchestrator.SortAudit(want)
	most := 20 * q.Bounded()
	for at := q; len(got) < most; {
		page, err := o.view.Audit(o.t.Context(), at)
		if err != nil {
			o.t.Fatalf("audit %+v: %v", at, err)
		}
		if got = append(got, page.Rows...); page.Next == nil {
			break
		}
		if len(page.Rows) > q.Bounded() || at.After.ID != "" && !at.After.Less(*page.Next) {
			o.t.Fatalf("%+v: a page of %d rows that goes on at %v", at, len(page.Rows), page.Next)
		}
		at.After = *page.Next
	}
	want, got = want[:min(len(want), most)], got[:min(len(got), most)]
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		o.t.Fatalf("%+v:\n%s", q, diff)
	}
}
