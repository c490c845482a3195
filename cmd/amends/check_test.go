package main

import (
	"strings"
	"testing"
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// Each kind of damage is told by check, and repaired by rebuild.
func TestCheckFindsWhatRebuildRepairs(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	stop := s.drive("a")
	s.must("start", "errand", "--id", "done", "--tag", "k=v", "-w")
	s.ends(exitStuck, "start", "errand", `{"refuse":"report","say":"x"}`, "--id", "stuck", "-w")
	s.must("start", "errand", `{"hold":"fetch"}`, "--id", "open")
	s.until(func(out string) bool { return strings.Contains(out, "fetch") }, "get", "open")
	s.until(func(out string) bool { return strings.Count(out, "\n") == 3 }, "list", "-o", "name")
	out := s.must("check")
	has(t, out, "partition 0: ", "partition 1: ", " 0 differences")
	stop()
	s.must("check")

	rows := func(id string) string { return s.key(id, "rows") }
	for name, damage := range map[string]struct {
		id, field string
		do        func() error
	}{
		"a row": {"done", "status", func() error {
			s.redis.HSet(rows("done"), "done", strings.Replace(s.redis.HGet(rows("done"), "done"), `"completed"`, `"compensated"`, 1))
			return nil
		}},
		"a lost row": {"stuck", "row", func() error { s.redis.HDel(rows("stuck"), "stuck"); return nil }},
		"a stranger": {"ghost", "row", func() error {
			s.redis.HSet(rows("ghost"), "ghost", strings.Replace(s.redis.HGet(rows("stuck"), "stuck"), `"id":"stuck"`, `"id":"ghost"`, 1))
			_, err := s.redis.ZAdd(s.key("ghost", "index"), 0, "a|"+strings.Repeat("0", 16)+"ghost")
			return err
		}},
		"a lost timer":  {"open", "timer", func() error { _, err := s.redis.ZRem(s.key("open", "timers"), "open"); return err }},
		"a wrong timer": {"open", "timer", func() error { _, err := s.redis.ZAdd(s.key("open", "timers"), 7, "open"); return err }},
		"a lost index": {"", "", func() error {
			s.redis.Del(s.key("done", "index"))
			return nil
		}},
		"everything lost": {"", "", func() error { s.redis.FlushAll(); return nil }},
	} {
		if err := damage.do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := s.ends(exitError, "check", "-o", "json")
		found := false
		for _, o := range objects(t, r.stdout) {
			found = found || o["field"] != nil && (damage.id == "" || o["id"] == damage.id && o["field"] == damage.field)
		}
		if !found {
			t.Errorf("%s: got %s", name, r.stdout)
		}
		stop := s.drive("again")
		has(t, s.must("rebuild", "--wait"), "partition 0: made anew", "partition 1: made anew")
		s.until(func(out string) bool { return strings.Contains(out, " 0 differences") }, "check")
		stop()
		s.must("check")
	}
	s.ends(exitUsage, "check", "--partition", "2")
	s.ends(exitUsage, "check", "--partition", "-2")
	s.ends(exitUsage, "init", "--partitions", "1025", "--dry-run")
	s.ends(exitUsage, "rebuild", "--partition", "2")
}

// key is a key of the partition that a saga is in.
func (s *system) key(id, what string) string {
	return "amends:{" + string(rune('0'+protocol.Partition(id, 2))) + "}:" + what
}

// Redis remembers more than the journal has: to forget it hides a loss.
func TestRebuildHidesNoLoss(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	stop := s.drive("a")
	s.must("start", "errand", "--id", "e", "-w")
	s.until(func(out string) bool { return out == "e\n" }, "list", "-o", "name")
	stop()
	meta := s.key("e", "meta")
	stamp := `{"created":"0001-01-01T00:00:00Z","sequence":1000000,"time":"` + time.Now().UTC().Format(time.RFC3339Nano) + `"}`
	s.redis.HSet(meta, "stamp", stamp)
	r := s.ends(exitError, "rebuild")
	has(t, r.stderr, "the journal lost messages", "1000000", "--accept-loss")
	if !s.redis.Exists(meta) {
		t.Error("Redis forgot all the same")
	}
	r = s.ends(exitOK, "rebuild", "--accept-loss")
	has(t, r.stderr, "the loss is accepted")
	if s.redis.Exists(meta) {
		t.Error("Redis did not forget")
	}
}
