package client_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// Who writes a participant without the SDK has the page alone to go by.
func TestAnInstanceAsTheDocumentationHasItIsFound(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "<!-- an instance: orchestrator/client/instances_test.go reads it -->\n```json\n")
	example, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("docs/protocol.md has no instance")
	}
	s := natstest.Start(t)
	nc := natstest.Connect(t, s)
	if _, err := nc.Subscribe("$SRV.STATS", func(m *nats.Msg) {
		_ = m.Respond([]byte(`{"name":"a service of another kind","metadata":{}}`))
		_ = m.Respond([]byte(example))
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(natstest.Connect(t, s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	got, err := c.Instances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []verbs.Instance{{
		Participant: "payment", ID: "VbEl9y8ULoB6VTfOZ0xT3n", Version: "1.2.3", SDK: "go/0.1.0", Host: "shop-1",
		Started: time.Date(2026, 7, 14, 3, 33, 20, 0, time.UTC), Actions: []string{"do charge", "undo refund"},
		Counts: map[string]int64{
			"received": 12, "running": 1, "done": 9, "refused": 1, "failed": 1, "undone": 0, "nothing_to_undo": 0, "rejected": 0,
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
}
