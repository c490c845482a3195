package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator/console"
)

// A console that only shows answers every question, and refuses every change,
// the count of a bulk action too; nothing is stored.
func TestAReadOnlyConsoleChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *console.Config) { c.ReadOnly = true })
	w.start("order-1", stuckUnits)
	w.ended("order-1")
	before := len(w.sequences("order-1"))
	for path, body := range map[string]string{
		"/sagas":                 `{"definition":"place-order","id":"order-2","input":{"units":1}}`,
		"/sagas/order-1/control": `{"action":"retry","step":"charge","direction":"undo","reason":"again"}`,
		"/sagas/order-1/signals": `{"name":"paid"}`,
		"/bulk":                  `{"filter":{"statuses":["stuck"]},"action":"cancel","dry_run":true}`,
		"/bulk/any/stop":         `{}`,
	} {
		told := ask[struct{ Code, Detail, Title string }](w, path, body, http.StatusForbidden)
		if told.Code != "read-only" || told.Title == "" || !strings.Contains(told.Detail, "--read-only") {
			t.Errorf("%s: %+v", path, told)
		}
	}
	if status, text := w.get("/sagas/order-1"); status != http.StatusOK {
		t.Errorf("a question: %d %s", status, text)
	}
	if status, _ := w.get("/sagas/order-2"); status != http.StatusNotFound {
		t.Errorf("the saga that was refused: %d", status)
	}
	if after := len(w.sequences("order-1")); after != before {
		t.Errorf("the history has %d messages, and had %d", after, before)
	}
}
