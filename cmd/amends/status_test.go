package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/participants/protocol"
)

func TestStatusSaysWhoDrivesWhat(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	r := s.ends(exitError, "status")
	has(t, r.stderr, "no orchestrator answers at nats://127.0.0.1:", "is 'amends serve' running there")
	stop := s.drive("anna")
	s.must("start", "errand", "--id", "e", "-w")
	s.until(func(out string) bool { return strings.Count(out, "live for") == 2 }, "status")
	got := s.must("status")
	has(t, got, "MEMBER", "anna", "1.2.3", "PARTITION", "COMPENSATED", "PARTICIPANT", "runner", "yes")
	o := objects(t, s.must("status", "-o", "json"))[0]
	if len(o["members"].([]any)) != 1 || len(o["partitions"].([]any)) != 2 || len(o["participants"].([]any)) != 1 || o["missing"] != nil {
		t.Errorf("got %v", o)
	}
	if diff := cmp.Diff("anna\n", s.must("status", "-o", "name")); diff != "" {
		t.Error(diff)
	}
	stop()
	s.ends(exitError, "status")
}

// Somebody answers, and nobody drives.
func TestStatusTellsPartitionsThatNobodyDrives(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	o, err := orchestrator.New(orchestrator.Config{Journal: s.journal, View: s.view, Name: "idle"})
	if err != nil {
		t.Fatal(err)
	}
	service, err := natsservice.New(s.nc, natsservice.Config{Journal: s.journal, View: s.view, Orchestrator: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Stop(); err != nil {
			t.Error(err)
		}
	})
	r := s.ends(exitError, "status")
	has(t, r.stdout, "idle", "nobody drives it")
	has(t, r.stderr, "nobody drives partition 0", "nobody drives partition 1")
}

func TestRejectedInputsAreListed(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	if got := s.must("inputs", "--rejected", "-o", "json"); got != "" {
		t.Errorf("got %q", got)
	}
	for _, id := range []string{"x-1", "x-2", "x-3"} {
		subject := protocol.Subjects{}.Signal(protocol.Partition(id, 2), id, "i")
		if _, err := s.nc.RequestMsgWithContext(t.Context(), &nats.Msg{Subject: subject, Header: nats.Header{}, Data: []byte("1")}); err != nil {
			t.Fatal(err)
		}
	}
	s.until(func(out string) bool { return strings.Count(out, "\n") == 3 }, "inputs", "--rejected", "-o", "name")
	has(t, s.must("inputs", "--rejected"), "x-2.in.signal.i", "signal is empty", "MEMBER")
	o := objects(t, s.must("inputs", "--rejected", "--limit", "1", "-o", "json"))
	if len(o) != 1 || o[0]["member"] != "a" || o[0]["reason"] == "" {
		t.Errorf("got %v", o)
	}
}

func TestDefinitionsAreListedAndDrawn(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	s.until(func(out string) bool { return out == "errand@2\n" }, "definitions", "-o", "name")
	has(t, s.must("definitions", "errand"), "errand", "runner", errands.Fingerprint())
	has(t, s.must("definitions", "errand@2", "--picture"), "flowchart LR", "fetch", "pivot")
	s.ends(exitNotFound, "definitions", "errand@3")
	s.ends(exitNotFound, "definitions", "else")
	s.ends(exitNotFound, "start", "else")
	has(t, s.must("definitions", "--linked"), "place-order")
	o := objects(t, s.must("definitions", "-o", "json"))[0]
	if o["fingerprint"] != errands.Fingerprint() || o["definition"].(map[string]any)["name"] != "errand" {
		t.Errorf("got %v", o)
	}
}
