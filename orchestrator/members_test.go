package orchestrator

import (
	"fmt"
	"testing"
)

// During a rolling upgrade a member that lacks a definition which another has
// owns nothing; members that each have something of their own both do.
func TestWantedPrefersWhoCanDecideForAll(t *testing.T) {
	old := memberRecord{"old", []string{"a@1/x"}}
	both := memberRecord{"new", []string{"a@1/x", "b@1/y"}}
	other := memberRecord{"other", []string{"c@1/z"}}
	owners := func(members ...memberRecord) map[string]bool {
		names := map[string]bool{}
		for p := range 64 {
			names[wanted(members, p)] = true
		}
		return names
	}
	if got := owners(old); !got["old"] {
		t.Errorf("alone: %v", got)
	}
	if got := owners(old, both); got["old"] || !got["new"] {
		t.Errorf("old beside new: %v", got)
	}
	if got := owners(both, other); !got["new"] || !got["other"] {
		t.Errorf("two that differ both ways: %v", got)
	}
	if wanted(nil, 0) != "" {
		t.Error("somebody is wanted where there is nobody")
	}
}

// Members that come or go move no partition but their own, and all get a share.
func TestWantedSpreadsAndMovesLittle(t *testing.T) {
	var members []memberRecord
	for n := range 5 {
		members = append(members, memberRecord{Name: fmt.Sprintf("o-%d", n)})
	}
	const partitions = 500
	count, moved := map[string]int{}, 0
	for p := range partitions {
		with := wanted(members, p)
		count[with]++
		if without := wanted(members[:4], p); with != "o-4" && without != with {
			moved++
		}
	}
	for _, m := range members {
		if n := count[m.Name]; n < partitions/10 || n > partitions*3/10 {
			t.Errorf("%s gets %d of %d", m.Name, n, partitions)
		}
	}
	if moved > 0 {
		t.Errorf("%d partitions moved between members that stayed", moved)
	}
}
