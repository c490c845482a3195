package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestFailuresAreShownByWhatHappened(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	for n := range 3 {
		s.ends(exitStuck, "start", "errand", fmt.Sprintf(`{"refuse":"report","say":"desk %d is closed"}`, n), "--id", fmt.Sprint("stuck-", n), "-w")
	}
	s.ends(exitCompensated, "start", "errand", `{"refuse":"fetch","say":"nothing \u001b[31mthere"}`, "--id", "back", "-w")
	s.until(func(out string) bool { return strings.Contains(out, `"count":3`) && strings.Count(out, "\n") == 2 }, "failures", "-o", "json")
	has(t, s.must("failures"), "COUNT", "TREND", "do report", "desk <n> is closed", "do fetch", "█")
	has(t, s.must("failures", "-o", "wide"), "FIRST", "VERSIONS", "stuck-2")
	if out := s.must("failures", "--step", "fetch", "--definition", "errand@2"); strings.Contains(out, "desk") || strings.Contains(out, "\x1b") {
		t.Errorf("got %q", out)
	}
	id := strings.TrimSpace(s.must("failures", "--step", "report", "-o", "name"))
	if got := strings.Count(s.must("list", "--fingerprint", id, "-o", "name"), "stuck-"); got != 3 {
		t.Errorf("%d sagas of cluster %s, want 3", got, id)
	}
	if got := s.must("list", "--step", "fetch", "-o", "name"); got != "back\n" {
		t.Errorf("at the step: %q", got)
	}
	if got := s.must("list", "--stuck-longer-than", "1h", "-o", "name") + s.must("list", "--retrying", "-o", "name"); got != "" {
		t.Errorf("got %q", got)
	}
	if r := s.ends(exitOK, "failures", "--limit", "1"); !strings.Contains(r.stderr, "1 failures of other kinds") {
		t.Errorf("stderr: %q", r.stderr)
	}
	for _, bad := range [][]string{
		{"failures", "--limit", "0"}, {"failures", "--since", ""}, {"failures", "--since", "soon"}, {"failures", "--since", "1h", "--until", "2h"},
		{"failures", "--step", "*"}, {"list", "--fingerprint", "x"}, {"list", "--step", "a b"}, {"list", "--stuck-longer-than", "long"},
	} {
		s.ends(exitUsage, bad...)
	}
}

func TestGeneratedSagasAreRefusedByAJournalInUse(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	has(t, s.must("generate", "--sagas", "20"), "20 sagas", "messages/s")
	if r := s.ends(exitError, "generate", "--sagas", "20"); !strings.Contains(r.stderr, "--append") {
		t.Errorf("stderr: %q", r.stderr)
	}
	has(t, s.must("generate", "--sagas", "5", "--append", "--name", "more"), "5 sagas")
	for _, bad := range [][]string{{"--sagas", "0"}, {"--name", "a*"}, {"--at-once", "0"}} {
		s.ends(exitUsage, append([]string{"generate"}, bad...)...)
	}
}
