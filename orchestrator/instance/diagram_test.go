package instance_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

var update = flag.Bool("update", false, "rewrite the documents that tests check")

// TestLifecycleIsWhatLivesDid checks the diagram in docs against the
// transitions that random lives went through, so that it can never show what
// the code does not do, or lack what it does.
func TestLifecycleIsWhatLivesDid(t *testing.T) {
	const path = "../../docs/lifecycle.md"
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const fence = "```mermaid\n"
	before, rest, found := strings.Cut(string(file), fence)
	_, after, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatalf("%s has no diagram", path)
	}
	want := before + fence + diagram(t) + "```\n" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want != string(file) {
		t.Errorf("%s is out of date; run go test ./orchestrator/instance -run TestLifecycle -update\ngot:\n%s", path, want)
	}
}

// diagram draws what a thousand lives did.
func diagram(t *testing.T) string {
	t.Helper()
	causes := map[[2]instance.Status]map[string]bool{}
	suspended := map[instance.Status]bool{}
	for seed := range uint64(1000) {
		live(t, seed, func(s instance.State, e entry) {
			for i, ev := range e.Events {
				from := s.Status
				s = instance.Fold(s, instance.Link{Sequence: e.Sequence, Events: e.Events[i : i+1]})
				if s.Suspended {
					suspended[s.Status] = true
				}
				if from == s.Status {
					continue
				}
				arrow := [2]instance.Status{from, s.Status}
				if causes[arrow] == nil {
					causes[arrow] = map[string]bool{}
				}
				causes[arrow][orchestrator.EventName(ev)] = true
			}
		})
	}
	lines := []string{}
	for arrow, events := range causes {
		names := slices.Sorted(maps.Keys(events))
		lines = append(lines, fmt.Sprintf("    %v --> %v: %s\n", arrow[0], arrow[1], strings.Join(names, "<br/>")))
		if arrow[0] == instance.Absent {
			lines = append(lines, "    [*] --> absent\n")
		}
		if arrow[1].Over() {
			lines = append(lines, fmt.Sprintf("    %v --> [*]\n", arrow[1]))
		}
	}
	slices.Sort(lines)
	held := []string{}
	for status := range suspended {
		held = append(held, status.String())
	}
	slices.Sort(held)
	return "stateDiagram-v2\n" + strings.Join(slices.Compact(lines), "") +
		"    note right of stuck: suspended is a flag beside the status:<br/>it was seen with " + strings.Join(held, ", ") + "\n"
}
