package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	s.must("start", "errand", `{"hold":"deliver"}`, "--id", "e")
	s.until(func(out string) bool { return strings.Contains(out, "deliver") }, "get", "e")
	if diff := cmp.Diff("e: suspended\n", s.must("suspend", "e", "--why", "lunch")); diff != "" {
		t.Error(diff)
	}
	r := s.ends(exitConflict, "suspend", "e")
	if diff := cmp.Diff("e: refused: it is suspended already\n", r.stdout); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("e: resumed\n", s.must("resume", "e")); diff != "" {
		t.Error(diff)
	}
	r = s.ends(exitConflict, "cancel", "e", "--by", "bob", "--input-id", "c-1")
	has(t, r.stdout, "e: too late: the pivot was requested")
	again := s.ends(exitConflict, "cancel", "e", "--by", "bob", "--input-id", "c-1", "-o", "json")
	o := objects(t, again.stdout)[0]
	if o["repeated"] != true || o["too_late"] != true || o["obeyed"] != false || o["input"] != "c-1" {
		t.Errorf("got %v", o)
	}
	r = s.ends(exitConflict, "suspend", "e", "--by", "bob", "--input-id", "c-1")
	has(t, r.stderr, "input c-1")
	if diff := cmp.Diff("e: signal received\n", s.must("signal", "e", "paid", `{"n":1}`, "--input-id", "s-1")); diff != "" {
		t.Error(diff)
	}
	r = s.ends(exitConflict, "retry", "e", "--step", "deliver")
	has(t, r.stdout, "in flight")
	close(s.gate)
	s.ends(exitOK, "wait", "e")
	r = s.ends(exitConflict, "cancel", "e")
	has(t, r.stderr, "saga e is completed already")
	s.ends(exitNotFound, "cancel", "nobody")
	history := s.must("history", "e")
	has(t, history, "suspend: lunch", "suspended by ann (lunch)", "cancel, too late by bob", "signal paid")
}

func TestAStepIsResolvedAfterAPersonWasAsked(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	stuck := func(id string) []string {
		s.ends(exitStuck, "start", "errand", `{"refuse":"report","say":"no phone"}`, "--id", id, "-w")
		return []string{"resolve", id, "--step", "report", "--as", "done", "--why", "told her myself", "--output", "{}"}
	}
	args := stuck("e-1")
	r := s.ends(exitUsage, args...)
	has(t, r.stderr, "--yes")
	if r := s.runWith(t.Context(), "n\n", true, args...); r.code != exitError || !strings.Contains(r.stderr, "Resolve do report of e-1 as done? [y/N]") {
		t.Errorf("got %+v", r)
	}
	s.ends(exitStuck, "wait", "e-1")
	if r := s.runWith(t.Context(), "y\n", true, args...); r.code != exitOK || r.stdout != "e-1: the participant is asked to settle on it\n" {
		t.Errorf("got %+v", r)
	}
	s.ends(exitOK, "wait", "e-1", "--through-stuck")
	has(t, s.must("get", "e-1"), "done, by hand")
	r = s.ends(exitConflict, append(args, "--yes", "-o", "json", "--input-id", "r-1")...)
	has(t, r.stderr, "saga e-1 is completed already")
	has(t, s.ends(exitUsage, append(args, "--yes", "-o", "yaml")...).stderr, `-o "yaml" is none of table, json`)
	has(t, s.must("history", "e-1"), "resolve do report as done: told her myself", "is asked to settle on done by ann (told her myself)")

	args = append(stuck("e-2"), "--no-settle", "--yes")
	if diff := cmp.Diff("e-2: resolved\n", s.must(args...)); diff != "" {
		t.Error(diff)
	}
	s.ends(exitOK, "wait", "e-2")
	if history := s.must("history", "e-2"); strings.Contains(history, "asked to settle") {
		t.Errorf("the participant was asked: %s", history)
	}

	args = append(stuck("e-3"), "--yes")
	r = s.ends(exitConflict, append(args[:4:4], "--as", "undone", "-y")...)
	has(t, r.stdout, "refused: the pivot is behind it")
	s.ends(exitStuck, "start", "errand", `{"refuse":"report","say":"x"}`, "--id", "e-4", "-w")
	if diff := cmp.Diff("e-4: tried again\n", s.must("retry", "e-4", "--step", "report")); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeAskedForIsAUsageError(t *testing.T) {
	t.Parallel()
	s := &system{t: t, variables: map[string]string{"NATS_URL": "nats://127.0.0.1:1", "USER": "ann"}}
	for _, args := range [][]string{
		{"cancel"}, {"cancel", "*"}, {"cancel", ">"}, {"cancel", "a.b"}, {"cancel", strings.Repeat("a", 5000)}, {"cancel", "a", "b"},
		{"get", "a\x1b[31m"}, {"history", "é"}, {"wait", "ok", "not ok"}, {"signal", "e"}, {"signal", "e", "start"}, {"signal", "e", "a b"},
		{"signal", "e", "n", "{"}, {"suspend", "e", "--input-id", "a.b"},
		{"retry", "e"}, {"retry", "e", "--step", "a b"}, {"retry", "e", "--step", "s", "--direction", "up"}, {"retry", "e", "--step", "s", "--attempt", "x"},
		{"resolve", "e", "--step", "s"}, {"resolve", "e", "--step", "s", "--as", "refused"},
		{"resolve", "e", "--step", "s", "--as", "done", "--output", "-"}, {"resolve", "e", "--step", "s", "--as", "done", "--output", "{", "-y"},
		{"start"}, {"start", "a b"}, {"start", "e@0"}, {"start", "e@x"}, {"start", "e", "{}", "--id", "*"}, {"start", "e", "{}", "--tag", "x"},
		{"inputs"}, {"inputs", "--rejected", "--limit", "-1"}, {"definitions", "a b"}, {"no-such-verb"}, {strings.Repeat("v", 5000)}, {"list", "--no-such-flag"},
		{"list", "-o", "xml"}, {"list", "--prefix", "a.b"}, {"list", "--timeout", "-1s"}, {"list", "--context", "../x"}, {"list", "--context", "none"},
		{"list", "--tlscert", "x"}, {"list", "--nkey", "no-such-file"},
	} {
		r := s.ends(exitUsage, args...)
		if r.stdout != "" || !strings.Contains(r.stderr, "--help") || dirty(r.stderr) != "" || len(r.stderr) > 700 {
			t.Errorf("%.80q: got %+v", args, r)
		}
	}
	r := s.ends(exitUsage, "lst")
	has(t, r.stderr, "did you mean get or list?")
	delete(s.variables, "USER")
	has(t, s.ends(exitUsage, "cancel", "e").stderr, "--by")
}
