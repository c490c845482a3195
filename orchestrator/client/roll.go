package client

import (
	"maps"
	"slices"
)

// A roll says who of the members has answered.
type roll struct{ known, answered map[string]bool }

func newRoll() roll { return roll{make(map[string]bool), make(map[string]bool)} }

// note takes the answer of a member that knows of others.
func (r roll) note(member string, others []string) {
	r.answered[member] = true
	for _, name := range others {
		r.known[name] = true
	}
}

// complete reports whether everybody has answered whom somebody knows of.
func (r roll) complete() bool { return len(r.answered) > 0 && len(r.missing()) == 0 }

func (r roll) missing() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(r.known)) {
		if !r.answered[name] {
			list = append(list, name)
		}
	}
	return list
}
