package spans_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/orchestrator/telemetry/spans"
	"github.com/amends-io/amends/participants/protocol"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// journal is a real life, see TestRecordedJournalsFoldToTheStatesOfTheirTime.
func journal(t testing.TB, name string) []orchestrator.Message {
	t.Helper()
	return orchestratortest.ReadJournal(t, "../../testdata/journals/"+name+".ndjson")
}

// all returns the spans of a history.
func all(t *testing.T, history []orchestrator.Message) (list []spans.Span) {
	t.Helper()
	var sg spans.Saga
	for _, m := range history {
		facts, err := sg.Add(m, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range facts {
			list = append(list, sg.Of(protocol.Subjects{}, f)...)
		}
	}
	return list
}

// The ids and times of a life that is recorded never change: an export by a
// later version would else make every span a second time. Only add to the files.
func TestTheSpansOfRecordedJournalsStay(t *testing.T) {
	for _, name := range []string{"completed", "compensated", "resolved"} {
		var b strings.Builder
		history := journal(t, name)
		for _, s := range all(t, history) {
			since := func(t time.Time) time.Duration { return t.Sub(history[0].Time) }
			fmt.Fprintf(&b, "%s  %s/%s\n  parent %s links %d, %s: %v to %v", s.Name, s.Context.TraceID(), s.Context.SpanID(),
				s.Parent.SpanID(), len(s.Links), s.Kind, since(s.Start), since(s.End))
			for _, a := range s.Attributes {
				if key := string(a.Key); key == "saga.attempt" || key == "saga.outcome" || key == "error.type" || key == "messaging.nats.sequence" {
					fmt.Fprintf(&b, " %s=%s", key, a.Value.String())
				}
			}
			b.WriteString("\n")
		}
		file := "testdata/" + name + ".golden.txt"
		if *rewrite {
			if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Every span has ended, no id is there twice, and what a span names as its
// parent or links to is one of the saga's, or the client's.
func TestSpansHangTogether(t *testing.T) {
	for _, name := range []string{"completed", "compensated", "resolved"} {
		list := all(t, journal(t, name))
		known := map[trace.SpanID]spans.Span{}
		for _, s := range list {
			if _, twice := known[s.Context.SpanID()]; twice || !s.Context.IsValid() || !s.Context.IsSampled() {
				t.Errorf("%s: the id of %s: %v", name, s.Name, s.Context)
			}
			known[s.Context.SpanID()] = s
		}
		root := list[0].Context.TraceID()
		for _, s := range list {
			if s.End.Before(s.Start) {
				t.Errorf("%s: %s ends at %v, before %v", name, s.Name, s.End, s.Start)
			}
			if parent, ok := known[s.Parent.SpanID()]; s.Parent.IsValid() && (!ok || parent.Context.TraceID() != s.Context.TraceID() || s.Start.Before(parent.Start)) {
				t.Errorf("%s: the parent of %s: %+v", name, s.Name, parent)
			}
			for _, l := range s.Links {
				if to, ok := known[l.SpanID()]; !ok || to.Context.TraceID() != l.TraceID() {
					t.Errorf("%s: %s links to %v", name, s.Name, l)
				}
			}
			if id := s.Context.TraceID(); [8]byte(id[8:]) != [8]byte(root[8:]) {
				t.Errorf("%s: trace %s, the root's is %s", name, id, root)
			}
		}
		if s := list[len(list)-1]; !strings.HasPrefix(s.Name, "saga order") || len(s.Links) < 3 {
			t.Errorf("%s: it ends with %s and %d links", name, s.Name, len(s.Links))
		}
	}
}

// A command's header names the sending, whoever makes it: from the state that
// an orchestrator has, and from the history that an export reads.
func TestACommandNamesItsSending(t *testing.T) {
	history := journal(t, "compensated")
	history[0].Header.Set(protocol.HeaderTraceParent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	replayed, err := orchestrator.Replay(history, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]bool{}
	for _, s := range all(t, history) {
		if strings.HasPrefix(s.Name, "send ") {
			byID["00-"+s.Context.TraceID().String()+"-"+s.Context.SpanID().String()+"-01"] = true
		}
	}
	commands := 0
	for _, m := range history {
		if m.Address.Kind != protocol.KindLink || m.Address.Name == protocol.NoOne {
			continue
		}
		c, err := protocol.ReadCommand(m.Address, m.Header, nil)
		if err != nil {
			t.Fatal(err)
		}
		commands++
		if header := spans.KeyOf(&replayed.State).TraceParent(c.Attempt, true); !byID[header] {
			t.Errorf("%v: no span of sending is %s", c.Attempt, header)
		}
	}
	if commands < 6 || commands != len(byID) {
		t.Errorf("%d commands, %d sendings", commands, len(byID))
	}
	key := spans.KeyOf(&replayed.State)
	if root := key.Root(); root.TraceID() != key.Client.TraceID() || root.SpanID() == key.Client.SpanID() {
		t.Errorf("the root %v is not in the client's trace", root)
	}
	if header := key.TraceParent(protocol.Attempt{}, false); !strings.HasSuffix(header, "-00") {
		t.Error(header)
	}
}

// Ids differ for whatever differs.
func TestIDsDiffer(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a := protocol.Attempt{Run: 1, Step: "pay", Direction: protocol.Do, Number: 1}
	seen := map[string]string{}
	for _, test := range []struct {
		what  string
		state instance.State
		a     protocol.Attempt
	}{
		{"one", instance.State{ID: "a", Run: 1, Started: at}, a},
		{"another id", instance.State{ID: "b", Run: 1, Started: at}, a},
		{"another run", instance.State{ID: "a", Run: 2, Started: at}, a},
		{"of another journal", instance.State{ID: "a", Run: 1, Started: at.Add(1)}, a},
		{"another step", instance.State{ID: "a", Run: 1, Started: at}, protocol.Attempt{Run: 1, Step: "pa", Direction: "ydo", Number: 1}},
		{"undo", instance.State{ID: "a", Run: 1, Started: at}, protocol.Attempt{Run: 1, Step: "pay", Direction: protocol.Undo, Number: 1}},
		{"another number", instance.State{ID: "a", Run: 1, Started: at}, protocol.Attempt{Run: 1, Step: "pay", Direction: protocol.Do, Number: 11}},
	} {
		header := spans.KeyOf(&test.state).TraceParent(test.a, true)
		if before := seen[header]; before != "" {
			t.Errorf("%s has the ids of %s", test.what, before)
		}
		seen[header] = test.what
	}
}
