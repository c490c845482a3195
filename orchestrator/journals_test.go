package orchestrator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/participants/protocol"
)

// The states beside the recorded journals may only gain what a later release
// adds to a state.
func TestRecordedJournalsFoldToTheStatesOfTheirTime(t *testing.T) {
	files, err := filepath.Glob("testdata/journals/*.ndjson")
	if err != nil || len(files) == 0 {
		t.Fatalf("no journals: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".ndjson"), func(t *testing.T) {
			r, err := orchestrator.Replay(orchestratortest.ReadJournal(t, file), 1, func(m orchestrator.Message, err error) {
				t.Errorf("message %d is no input: %v", m.Sequence, err)
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := orchestrator.EncodeState(r.State)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(file, ".ndjson") + ".state.json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
				t.Errorf("it folds to another state: %s", diff)
			}
			if len(r.Pending) > 0 {
				t.Errorf("inputs are left: %+v", r.Pending)
			}
		})
	}
}

var record = flag.Bool("record", false, "write the journals of lives that testdata lacks")

// lives are what the recorded journals are of.
var lives = map[string]func(w *world){
	// One attempt fails, nobody answers another; a signal, a cancel that comes too late.
	"completed": func(w *world) {
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
			switch {
			case c.Action == "reserve" && c.Attempt.Number == 1:
				return protocol.Failed, true
			case c.Action == "charge" && c.Attempt.Number == 1, c.Action == "ship" && c.Attempt.Number == 1:
				return "", false
			}
			return "", true
		}
		w.start("o-1")
		h := protocol.Header{}
		h.Set(protocol.HeaderName, "gift-wrap")
		w.publish(w.subjects().Signal(0, "o-1", "s-1"), h, []byte(`{"paper":"red"}`))
		w.until("the pivot is requested", func() bool { return w.state("o-1").PastPivot })
		w.control("o-1", "c-1", instance.Cancel)
		w.await("o-1", instance.Completed)
	},
	// Suspended on the way, refused at the last step, after nobody answered once.
	"compensated": func(w *world) {
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
			switch {
			case c.Action == "reserve" && c.Attempt.Number == 1:
				return "", false
			case c.Action == "ship":
				return protocol.Refused, true
			case c.Action == "undo-charge" && c.Attempt.Number == 1:
				return protocol.Failed, true
			}
			return "", true
		}
		w.start("o-1")
		w.control("o-1", "c-1", instance.Suspend)
		w.until("it is suspended", func() bool { return w.state("o-1").Suspended })
		w.control("o-1", "c-2", instance.Resume)
		w.await("o-1", instance.Compensated)
	},
	// A compensation that cannot succeed, tried again by hand, then resolved.
	"resolved": func(w *world) {
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
			switch {
			case c.Settle != "":
				return "", true
			case c.Action == "ship":
				return protocol.Failed, true
			case c.Action == "undo-charge":
				return protocol.Failed, true
			}
			return "", true
		}
		w.start("o-1")
		w.await("o-1", instance.Stuck)
		w.control("o-1", "c-1", instance.Retry, protocol.HeaderStep, "charge", protocol.HeaderDirection, "undo")
		w.until("the retry has failed", func() bool {
			s := w.state("o-1")
			return s.Status == instance.Stuck && s.Step("charge").Undo.Number == 4
		})
		w.control("o-1", "c-2", instance.Resolve, protocol.HeaderStep, "charge", protocol.HeaderDirection, "undo",
			protocol.HeaderAs, "undone", protocol.HeaderAttempt, "4")
		w.await("o-1", instance.Compensated)
	},
}

// TestEveryRecordedLifeCanBeLivedAgain keeps the recorder honest, and with
// -record writes the journals that are not there yet.
func TestEveryRecordedLifeCanBeLivedAgain(t *testing.T) {
	for name, life := range lives {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(name == "completed"))
				w.run("a")
				life(w)
				if *record {
					w.recordJournal(filepath.Join("testdata", "journals", name))
				}
			})
		})
	}
}

func (w *world) recordJournal(path string) {
	w.t.Helper()
	if _, err := os.Stat(path + ".ndjson"); err == nil {
		return // never written again
	}
	history, err := w.journal.Partition(0).History(context.WithoutCancel(w.ctx), "o-1", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	for _, m := range history {
		line, err := json.Marshal(orchestratortest.Recorded{
			Sequence: m.Sequence, Time: m.Time.UTC(), Subject: m.Subject, Header: m.Header, Body: string(m.Body),
		})
		if err != nil {
			w.t.Fatal(err)
		}
		out.Write(append(line, '\n'))
	}
	state, err := orchestrator.EncodeState(w.state("o-1"))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, b := range map[string][]byte{path + ".ndjson": out.Bytes(), path + ".state.json": append(state, '\n')} {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}
