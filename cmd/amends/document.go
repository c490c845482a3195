package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// documentOf is a saga as JSON shows it, over HTTP and here, but for what only
// its history tells: a state does not know which inputs wait to be read.
func documentOf(s instance.State) any {
	return struct {
		verbs.Saga
		Pending *int `json:"pending,omitempty"` // in the place of the other
	}{Saga: verbs.Show(orchestrator.Replayed{State: s}, true)}
}

// statusText is a status with what else a person has to know.
func statusText(s instance.State) string {
	text := s.Status.String()
	if s.Status == instance.Absent && s.Parked == "" {
		text += ": no orchestrator has taken it up yet"
	}
	if s.Parked != "" {
		text += ", parked"
	}
	if s.Suspended {
		text += ", suspended"
	}
	return text
}

// reasonText is why a saga is not on its way forward.
func reasonText(s instance.State) string {
	if s.Parked != "" {
		return s.Parked
	}
	return s.Reason
}

// tagsText is a saga's tags for one cell.
func tagsText(tags map[string]string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, key+"="+tags[key])
	}
	return strings.Join(list, " ")
}
