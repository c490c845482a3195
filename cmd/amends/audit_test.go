package main

import (
	"strings"
	"testing"
)

func TestAnAuditShowsWhoAskedForWhat(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	for _, id := range []string{"one", "two"} {
		s.ends(exitStuck, "start", "errand", `{"refuse":"report"}`, "--id", id, "-w")
	}
	s.must("suspend", "one", "--by", "ann", "--why", "let \x1b[31mme look")
	s.ends(exitConflict, "suspend", "one", "--by", "bob", "--why", "me too")
	s.must("resume", "one", "--by", "ann", "--why", "seen")
	s.must("retry", "two", "--step", "report", "--by", "ann", "--why", "it is open again")
	s.until(func(out string) bool { return strings.Count(out, "\n") == 4 }, "audit", "-o", "name")
	if got := s.must("audit", "-o", "name"); got != "two\none\none\none\n" {
		t.Errorf("got %q", got)
	}
	out := s.must("audit")
	has(t, out, "WHEN", "WHO", "WHY", "ann", "retry do report", "it is open again", "refused: it is suspended already", "obeyed")
	if strings.Contains(out, "\x1b") {
		t.Errorf("a reason reaches the terminal: %q", out)
	}
	has(t, s.must("audit", "-o", "wide", "--saga", "two"), "errand@2", "REQUEST", "SEQUENCE")
	if o := objects(t, s.must("audit", "-o", "json", "--action", "suspend", "--by", "bob", "--since", "1h")); len(o) != 1 ||
		o[0]["id"] != "one" || o[0]["reason"] != "me too" || o[0]["obeyed"] != false {
		t.Errorf("got %v", o)
	}
	r := s.ends(exitOK, "audit", "--limit", "3", "-o", "name")
	_, cursor, _ := strings.Cut(strings.TrimSpace(r.stderr), "more: --after ")
	if got := s.must("audit", "-o", "name", "--after", cursor); strings.Count(r.stdout, "\n") != 3 || got != "one\n" {
		t.Errorf("%q goes on with %q", r.stderr, got)
	}
	if got := s.must("audit", "--all", "--limit", "1", "-o", "name"); strings.Count(got, "\n") != 4 {
		t.Errorf("page by page: %q", got)
	}
	if got := s.must("audit", "--since", "1h", "--until", "30m", "-o", "name"); got != "" {
		t.Errorf("half an hour ago: %q", got)
	}
	for _, bad := range [][]string{
		{"--limit", "0"}, {"--since", "soon"}, {"--since", "1h", "--until", "2h"}, {"--saga", "*"}, {"--action", "delete"},
		{"--by", "a\nb"}, {"--after", "yesterday"}, {"--after", "2026-01-01T00:00:00Z/x/one"},
	} {
		s.ends(exitUsage, append([]string{"audit"}, bad...)...)
	}
}
