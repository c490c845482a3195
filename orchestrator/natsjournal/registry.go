package natsjournal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/sagas"
)

// A registry keeps definitions under <name>.<version>, each written once.
type registry struct {
	journal *Journal
	kv      jetstream.KeyValue
	stream  string
	subject string // of a key, without it
}

// registered is what is stored. The fingerprint is stored too, for whoever
// reads it without this program.
type registered struct {
	Fingerprint string           `json:"fingerprint"`
	Definition  sagas.Definition `json:"definition"`
}

func (j *Journal) openRegistry(ctx context.Context) (*registry, error) {
	name := registryBucket(j.subjects)
	kv, err := j.js.KeyValue(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("look for bucket %s: %w", name, err)
	}
	return &registry{j, kv, "KV_" + name, "$KV." + name + "."}, nil
}

// Register implements orchestrator.Registry.
func (r *registry) Register(ctx context.Context, d sagas.Definition) error {
	if err := r.register(ctx, d); err != nil {
		return fmt.Errorf("register %s: %w", d, err)
	}
	return nil
}

func (r *registry) register(ctx context.Context, d sagas.Definition) error {
	ctx, cancel := r.journal.bounded(ctx)
	defer cancel()
	have := registered{d.Fingerprint(), d}
	text, err := json.Marshal(have)
	if err != nil {
		return err
	}
	key := d.Name + "." + strconv.Itoa(d.Version)
	_, err = r.kv.Create(ctx, key, text)
	if err = taken(err); !errors.Is(err, orchestrator.ErrTaken) {
		return err
	}
	m, err := r.journal.look(ctx, r.stream, leader.Lookup{LastBySubject: r.subject + key})
	if err != nil {
		return err
	}
	want, err := decodeDefinition(m)
	if err != nil {
		return err
	}
	if want.Definition.Fingerprint() != have.Fingerprint {
		return &orchestrator.ChangedError{Definition: d.String(), Want: want.Definition.Fingerprint(), Have: have.Fingerprint}
	}
	return nil
}

// Definitions implements orchestrator.Registry.
func (r *registry) Definitions(ctx context.Context) ([]sagas.Definition, error) {
	messages, err := r.journal.all(ctx, r.stream, r.subject+">")
	if err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	list := make([]sagas.Definition, 0, len(messages))
	for _, m := range messages {
		if m.Header.Get("KV-Operation") != "" {
			continue // deleted by hand
		}
		found, err := decodeDefinition(m)
		if err != nil {
			return nil, fmt.Errorf("list definitions: %w", err)
		}
		list = append(list, found.Definition)
	}
	slices.SortFunc(list, func(a, b sagas.Definition) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return list, nil
}

func decodeDefinition(m orchestrator.Message) (registered, error) {
	var found registered
	if err := json.Unmarshal(m.Body, &found); err != nil {
		return registered{}, fmt.Errorf("registered under %s: %w", m.Subject, err)
	}
	return found, nil
}
