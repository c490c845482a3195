package main

import (
	"github.com/amends-io/amends/sagas"
	"github.com/amends-io/amends/sagas/placeorder"
)

// samples are the definitions that are linked in: 'amends serve' decides for
// sagas of these, and 'amends start' checks their inputs before it sends them.
func samples() []sagas.Definition {
	return []sagas.Definition{placeorder.PlaceOrder.Definition}
}

// sample returns the newest linked definition of that name, or the one of
// that version if it is not 0.
func sample(name string, version int) (sagas.Definition, bool) {
	var found sagas.Definition
	ok := false
	for _, d := range samples() {
		if d.Name == name && (version == 0 && (!ok || d.Version > found.Version) || d.Version == version) {
			found, ok = d, true
		}
	}
	return found, ok
}
