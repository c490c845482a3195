package inmem

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/sagas"
)

// definitions are kept as JSON, so that what comes out is data without mapping.
type definitions struct {
	mu   sync.Mutex
	list map[string][]byte // by name@version
}

type registry struct {
	journal *Journal
	*definitions
}

// Register implements orchestrator.Registry.
func (r registry) Register(ctx context.Context, d sagas.Definition) error {
	if err := r.journal.reach(ctx); err != nil {
		return fmt.Errorf("register %s: %w", d, err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("register %s: %w", d, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	have, ok := r.list[d.String()]
	if !ok {
		if r.list == nil {
			r.list = map[string][]byte{}
		}
		r.list[d.String()] = text
		return nil
	}
	var registered sagas.Definition
	if err := json.Unmarshal(have, &registered); err != nil {
		return fmt.Errorf("register %s: %w", d, err)
	}
	if want, got := registered.Fingerprint(), d.Fingerprint(); want != got {
		return fmt.Errorf("register: %w", &orchestrator.ChangedError{Definition: d.String(), Want: want, Have: got})
	}
	return nil
}

// Definitions implements orchestrator.Registry.
func (r registry) Definitions(ctx context.Context) ([]sagas.Definition, error) {
	if err := r.journal.reach(ctx); err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]sagas.Definition, 0, len(r.list))
	for name, text := range r.list {
		var d sagas.Definition
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, fmt.Errorf("definition %s: %w", name, err)
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b sagas.Definition) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return list, nil
}
