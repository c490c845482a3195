package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
)

func TestSagasAreStartedAndWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	if got := s.must("start", "errand", "--id", "e-1", "--wait"); !strings.HasPrefix(got, "e-1 completed after ") {
		t.Errorf("got %q", got)
	}
	if diff := cmp.Diff("e-1 was started before\n", s.must("start", "errand", "{}", "--id", "e-1")); diff != "" {
		t.Error(diff)
	}
	r := s.ends(exitConflict, "start", "errand", `{"say":"else"}`, "--id", "e-1")
	has(t, r.stderr, "saga e-1 was started with another input")

	r = s.ends(exitCompensated, "start", "errand@2", `{"refuse":"deliver","say":"nobody home"}`, "--id", "e-2", "-w")
	has(t, r.stdout, "e-2 compensated after ", ": nobody home")
	r = s.ends(exitStuck, "start", "errand", `{"refuse":"report","say":"no phone"}`, "--id", "e-3", "-w")
	has(t, r.stdout, "e-3 is stuck: no phone")
	has(t, r.stderr, "amends resolve")

	// How long the saga took, which is not how long we waited.
	_, took, _ := strings.Cut(s.must("get", "e-1"), ", after ")
	took, _, _ = strings.Cut(took, "\n")
	if got, want := s.must("wait", "e-1"), "e-1 completed after "+took+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.ends(exitCompensated, "wait", "e-1", "e-2")
	s.ends(exitStuck, "wait", "e-3", "e-2", "e-1")
	s.ends(exitNotFound, "wait", "e-9")

	if got := s.must("start", "errand", `{"hold":"fetch"}`, "--id", "e-4", "-o", "name"); got != "e-4\n" {
		t.Errorf("got %q", got)
	}
	r = s.ends(exitTimeout, "wait", "e-4", "--for", "2s")
	has(t, r.stderr, "wait for saga e-4", "deadline exceeded")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if r := s.runWith(ctx, "", false, "wait", "e-4"); r.code != exitInterrupted {
		t.Errorf("interrupted: exit code %d, %s", r.code, r.stderr)
	}
	drawn := objects(t, s.must("start", "errand", "-o", "json"))[0]
	if len(drawn["id"].(string)) != 36 || drawn["existed"] != false {
		t.Errorf("got %v", drawn)
	}
}

func TestInputsComeFromTextFilesAndStdin(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	file := filepath.Join(t.TempDir(), "input.json")
	if err := os.WriteFile(file, []byte(` {"say":"file"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must("start", "errand@2", `{"say":"text"}`, "--id", "text")
	s.must("start", "errand@2", file, "--id", "file")
	if r := s.runWith(t.Context(), `{"say":"stdin"}`, false, "start", "errand@2", "-", "--id", "stdin"); r.code != exitOK {
		t.Errorf("got %+v", r)
	}
	for id, want := range map[string]string{"text": `{"say":"text"}`, "file": `{"say":"file"}`, "stdin": `{"say":"stdin"}`} {
		got := s.must("get", id, "-o", "wide") // nobody drives them: the journal answers
		has(t, got, want)
	}
	for input, want := range map[string]string{
		`{"a":`: "cut short", `{"a":1,"a":2}`: "twice", strings.Repeat("[", 10_000): "nested deeper",
		"no-such-file": "no such file", "": "no such file", `"` + strings.Repeat("a", 600_000) + `"`: "at most 524288",
	} {
		r := s.ends(exitUsage, "start", "errand@2", input)
		has(t, r.stderr, want)
	}
	r := s.ends(exitUsage, "start", "place-order", `{"number":"1"}`)
	has(t, r.stderr, "the order's customer")
}

func TestOneSagaIsShown(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	s.ends(exitStuck, "start", "errand", `{"refuse":"report","say":"no phone"}`, "--id", "e", "--tag", "for=ann", "--tag", "at=noon", "-w")
	got := s.must("get", "e")
	has(t, got, "errand@2", "stuck", "no phone", "tag for", "ann", "fetch", "runner", "done", "waits for a person, was refused")
	if strings.Contains(got, "parcel") {
		t.Errorf("payloads without being asked for: %s", got)
	}
	has(t, s.must("get", "e", "-o", "wide"), `{"parcel":"P-7"}`, `{"refuse":"report"`)
	o := objects(t, s.must("get", "e", "-o", "json"))[0]
	steps := o["steps"].([]any)
	output := steps[0].(map[string]any)["do"].(map[string]any)["output"]
	if diff := cmp.Diff(map[string]any{"parcel": "P-7"}, output); diff != "" || o["status"] != "stuck" || o["id"] != "e" {
		t.Errorf("%v: %s", o, diff)
	}
	// The same words as over HTTP, and nothing that a state does not know.
	d := json.NewDecoder(strings.NewReader(s.must("get", "e", "-o", "json")))
	d.DisallowUnknownFields()
	var saga verbs.Saga
	if err := d.Decode(&saga); err != nil || saga.Stuck != "cannot-go-on" || saga.Steps[2].Do.Attempt != 1 || len(saga.Waiting) != 1 {
		t.Errorf("%+v, %v", saga, err)
	}
	if _, told := o["pending"]; told {
		t.Error("it tells which inputs wait, which a state does not know")
	}
	r := s.ends(exitNotFound, "get", "nobody")
	has(t, r.stderr, "nobody", "not in the journal")
	if again := s.ends(exitNotFound, "history", "nobody"); again.stderr != r.stderr {
		t.Errorf("history says %q, and get %q", again.stderr, r.stderr)
	}
	if got := statusText(instance.State{}); got != "absent: no orchestrator has taken it up yet" {
		t.Errorf("a saga of which nothing but the start is stored is %q", got)
	}
}

func TestAHistoryTellsEverythingInOrder(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	s.ends(exitCompensated, "start", "errand", `{"refuse":"deliver","say":"nobody home"}`, "--id", "e", "-w")
	var got []string
	for line := range strings.Lines(s.must("history", "e")) {
		// Sequences, times and how long it took are another each time.
		line = regexp.MustCompile(` in \d+m?s`).ReplaceAllString(line, "")
		line = regexp.MustCompile(`^\d+ +\S+ \S+`).ReplaceAllString(line, "1 …")
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"SEQUENCE TIME KIND WHO WHAT",
		"1 … start - errand@2",
		"1 … command runner started", "do fetch/1 requested",
		"1 … reply runner do fetch/1 done",
		"1 … command runner do fetch/1 done", "do deliver/1 requested, the pivot",
		"1 … reply runner do deliver/1 refused: nobody home",
		"1 … command runner do deliver/1 refused: nobody home", "turned back at deliver: nobody home", "undo fetch/1 requested",
		"1 … reply runner undo fetch/1 undone",
		"1 … decision - undo fetch/1 undone", "compensated",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	kinds := ""
	for _, o := range objects(t, s.must("history", "e", "--payloads", "-o", "json")) {
		kinds += fmt.Sprint(o["kind"], " ")
		if o["kind"] == "reply" && o["sequence"] == nil {
			t.Errorf("got %v", o)
		}
	}
	if diff := cmp.Diff("start link reply link reply link reply link ", kinds); diff != "" {
		t.Error(diff)
	}
	has(t, s.must("history", "e", "--payloads"), `{"parcel":"P-7"}`, "PAYLOAD")
	s.ends(exitNotFound, "history", "nobody")
}

func TestListsGoOnWhereTheyStopped(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	var want []string
	for n := range 12 {
		id := fmt.Sprintf("e-%02d", n)
		s.must("start", "errand", "--id", id, "--tag", fmt.Sprint("third=", n%3), "-w")
		want = append([]string{id}, want...)
	}
	s.ends(exitStuck, "start", "errand", `{"refuse":"report","say":"x"}`, "--id", "stuck", "-w")
	s.until(func(out string) bool { return strings.Count(out, "\n") == 13 }, "list", "-o", "name")
	s.until(func(out string) bool { return strings.Count(out, "\n") == 12 }, "list", "-o", "name", "--status", "completed")
	var got []string
	args := []string{"list", "-o", "name", "--status", "completed", "--limit", "5"}
	for range 4 {
		r := s.ends(exitOK, args...)
		got = append(got, strings.Fields(r.stdout)...)
		_, cursor, more := strings.Cut(strings.TrimSpace(r.stderr), "more: --after ")
		if !more {
			break
		}
		args = append(args[:7:7], "--after", cursor)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	all := objects(t, s.must("list", "--all", "--limit", "2", "-o", "json", "--tag", "third=1"))
	if len(all) != 4 {
		t.Errorf("%d sagas with the tag, want 4", len(all))
	}
	has(t, s.must("list", "--status", "stuck"), "ID", "stuck", "errand@2")
	has(t, s.must("list", "-o", "wide", "--limit", "1", "--definition", "errand@2", "--since", "1h"), "TAGS", "LINKS")
	if got := s.must("list", "--definition", "errand@3", "-o", "name") + s.must("list", "--until", "1h", "-o", "name"); got != "" {
		t.Errorf("got %q", got)
	}
	for _, bad := range [][]string{
		{"--status", "done"}, {"--limit", "0"}, {"--limit", "5000"}, {"--after", "x"}, {"--after", "2026-01-01T00:00:00Z/*"},
		{"--since", "yesterday"}, {"--tag", "x"}, {"--definition", ">"}, {"--since", "1h", "--until", "2h"}, {"extra"},
	} {
		s.ends(exitUsage, append([]string{"list"}, bad...)...)
	}
}
