package orchestrator

import (
	"fmt"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/sagas"
)

// definitions are what this process can decide by.
type definitions struct {
	partitions int // of the journal, by which ids are checked
	linked     map[version]sagas.Definition
}

type version struct {
	name   string
	number int
}

func newDefinitions(list []sagas.Definition, partitions int) definitions {
	d := definitions{partitions: partitions, linked: make(map[version]sagas.Definition, len(list))}
	for _, def := range list {
		d.linked[version{def.Name, def.Version}] = def.Sealed()
	}
	return d
}

// of returns the definition that s began with, or an error that says why this
// process cannot decide for s.
func (d definitions) of(s *instance.State) (sagas.Definition, error) {
	def, ok := d.linked[version{s.Definition, s.Version}]
	switch {
	case !ok:
		return sagas.Definition{}, fmt.Errorf("%s@%d: %w", s.Definition, s.Version, errNoDefinition)
	case s.Fingerprint != "" && s.Fingerprint != def.Fingerprint():
		return sagas.Definition{}, fmt.Errorf("%s@%d: %w: the one that is has the structure %s, the saga began with %s",
			s.Definition, s.Version, errNoDefinition, def.Fingerprint(), s.Fingerprint)
	}
	return def, nil
}
