package console_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// An auditPage is as HTTP has it.
type auditPage struct {
	Requests []verbs.Audited `json:"requests"`
	Next     string          `json:"next"`
}

func (w *world) audit(query string) auditPage {
	w.t.Helper()
	return answer[auditPage](w, "/audit?"+query)
}

// audited waits until an audit has n requests: the view is a little behind.
func (w *world) audited(query string, n int) (list []verbs.Audited) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s: there are %d requests", query, n), func() (any, bool) {
		list = w.audit(query).Requests
		return list, len(list) == n
	})
	return list
}

// told is a request in one line.
func told(a verbs.Audited) string {
	what := strings.Join(strings.Fields(strings.Join([]string{a.Action, a.Direction, a.Step, a.As}, " ")), " ")
	outcome := "obeyed"
	switch {
	case a.TooLate:
		outcome = "too late"
	case !a.Obeyed:
		outcome = "refused: " + a.Refused
	}
	return fmt.Sprintf("%s: %s %s, for %q; %s", a.ID, a.Who, what, a.Reason, outcome)
}

func lines(list []verbs.Audited) (out []string) {
	for _, a := range list {
		out = append(out, told(a))
	}
	return out
}

func TestAnAuditSaysWhoAskedForWhatAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hostile := `<img src=x onerror=alert(1)> ünï`
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		w.start(id, stuckUnits)
		w.ended(id)
	}
	ask := func(id, body string) string {
		t.Helper()
		_, text := w.post("/sagas/"+id+"/control", body)
		return text
	}
	ask("o-1", `{"action":"suspend","who":"ann","reason":"let me look"}`)
	ask("o-1", `{"action":"suspend","who":"bob","reason":"me too"}`)
	ask("o-1", `{"action":"resume","who":"ann","reason":"seen"}`)
	ask("o-2", `{"action":"resolve","step":"charge","direction":"undo","as":"undone","unsettled":true,"who":"eve","reason":"paid back by hand","request":"by-hand"}`)
	said, err := json.Marshal(map[string]string{"action": "cancel", "who": hostile, "reason": hostile})
	if err != nil {
		t.Fatal(err)
	}
	ask("o-3", string(said))
	list := w.audited("", 5)
	want := []string{
		fmt.Sprintf("o-3: %s cancel, for %q; refused: it is on its way back already", hostile, hostile),
		`o-2: eve resolve undo charge undone, for "paid back by hand"; obeyed`,
		`o-1: ann resume, for "seen"; obeyed`,
		`o-1: bob suspend, for "me too"; refused: it is suspended already`,
		`o-1: ann suspend, for "let me look"; obeyed`,
	}
	if diff := cmp.Diff(want, lines(list)); diff != "" {
		t.Error(diff)
	}
	second := list[1]
	if second.Request != "by-hand" || !second.Unsettled || second.Definition != "place-order" || second.Version != 1 ||
		second.Decided <= second.Sequence || second.Time.IsZero() || second.DecidedAt.Before(second.Time.Add(-time.Minute)) {
		t.Errorf("got %+v", second)
	}
	for query, want := range map[string][]int{
		"saga=o-1": {2, 3, 4}, "saga=nobody": nil, "action=suspend": {3, 4}, "who=ann": {2, 4}, "who=eve": {1}, "who=nobody": nil,
		"who=" + url.QueryEscape(hostile): {0}, "from=2100-01-01T00:00:00Z": nil, "to=2001-01-01T00:00:00Z": nil,
		"saga=o-1&who=ann&action=resume&from=2001-01-01T00:00:00Z": {2},
	} {
		var some []string
		for _, i := range want {
			some = append(some, told(list[i]))
		}
		if diff := cmp.Diff(some, lines(w.audit(query).Requests)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	var paged []verbs.Audited
	for cursor := ""; ; {
		page := w.audit("limit=2&cursor=" + cursor)
		if paged = append(paged, page.Requests...); page.Next == "" || len(paged) > len(list) {
			break
		}
		cursor = page.Next
	}
	if diff := cmp.Diff(list, paged); diff != "" {
		t.Errorf("page by page: %s", diff)
	}
	over, err := w.client.Audit(t.Context(), orchestrator.AuditQuery{By: "ann"})
	if diff := cmp.Diff([]verbs.Audited{list[2], list[4]}, over.Requests); diff != "" || err != nil {
		t.Errorf("over NATS: %v %s", err, diff)
	}
}

// What has left the journal is in no audit, whatever the view still says.
func TestAnAuditHasWhatTheJournalHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"o-1", "o-2"} {
		w.start(id, stuckUnits)
		w.ended(id)
		w.post("/sagas/"+id+"/control", `{"action":"suspend","who":"ann"}`)
	}
	w.audited("", 2)
	p := protocol.Partition("o-1", w.journal.Partitions())
	if err := w.journal.Partition(p).Purge(t.Context(), "o-1", 1<<62); err != nil {
		t.Fatal(err)
	}
	if list := w.audited("", 1); list[0].ID != "o-2" {
		t.Errorf("got %+v", list)
	}
}

func TestABulkIsInTheAuditWithItsID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 3 {
		id := fmt.Sprint("o-", i)
		w.start(id, stuckUnits)
		w.ended(id)
		w.written(id, "stuck")
	}
	w.post("/bulk", `{"id":"nightly","action":"suspend","who":"cron","reason":"the gateway is down","rate":1000,"filter":{"statuses":["stuck"]}}`)
	for _, a := range w.audited("who=cron", 3) {
		if a.Request != "nightly" || a.Reason != "the gateway is down" || a.Action != "suspend" || !a.Obeyed {
			t.Errorf("got %+v", a)
		}
	}
}
