package verbs

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/amends-io/amends/orchestrator"
)

// A DiffRequest asks what differs between the states after two messages. From
// is the message before To if it is 0, and To the last one.
type DiffRequest struct {
	ID   string `json:"id"`
	From uint64 `json:"from,omitempty"`
	To   uint64 `json:"to,omitempty"`
}

// A Diff is what differs between two states.
type Diff struct {
	ID      string   `json:"id"`
	From    uint64   `json:"from"`
	To      uint64   `json:"to"`
	Changes []Change `json:"changes"`
}

// A Change is one difference. A step is one key of the path: its name.
type Change struct {
	Path   []string `json:"path"`
	Op     string   `json:"op"` // added, removed or changed
	Before any      `json:"before,omitempty"`
	After  any      `json:"after,omitempty"`
}

// Diff compares two states of a saga.
func (v *Verbs) Diff(ctx context.Context, r DiffRequest) (Diff, error) {
	part, err := v.home(r.ID)
	if err != nil {
		return Diff{}, err
	}
	if r.To != 0 && r.From > r.To {
		return Diff{}, invalidf("message %d comes after %d: ask from the earlier to the later", r.From, r.To)
	}
	later, history, err := v.at(ctx, part, r.ID, r.To)
	if err != nil {
		return Diff{}, err
	}
	n := len(history)
	switch {
	case r.From == 0:
		n--
	case r.From < history[0].Sequence:
		return Diff{}, notFoundf("saga %s: its history begins with message %d", r.ID, history[0].Sequence)
	default:
		for n > 0 && history[n-1].Sequence > r.From {
			n--
		}
	}
	var earlier orchestrator.Replayed
	before := map[string]any{}
	if n > 0 {
		if earlier, err = orchestrator.Replay(history[:n], v.cfg.Journal.Partitions(), nil); err != nil {
			return Diff{}, err
		}
		if before, err = tree(earlier); err != nil {
			return Diff{}, err
		}
	}
	after, err := tree(later)
	if err != nil {
		return Diff{}, err
	}
	return Diff{ID: r.ID, From: earlier.Seen, To: later.Seen, Changes: compare(nil, before, after, []Change{})}, nil
}

// tree is a state as plain JSON values, in which steps have their names as keys.
func tree(r orchestrator.Replayed) (map[string]any, error) {
	text, err := json.Marshal(Show(r, true))
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a great number of somebody's must not change on the way
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		return nil, err
	}
	steps := map[string]any{}
	for _, step := range out["steps"].([]any) {
		step := step.(map[string]any)
		steps[step["name"].(string)] = step
		delete(step, "name")
	}
	out["steps"] = steps
	for _, derived := range []string{"waiting", "at"} { // they follow from the rest
		delete(out, derived)
	}
	return out, nil
}

// compare adds what differs between two values at path to changes.
func compare(path []string, before, after any, changes []Change) []Change {
	b, ok := before.(map[string]any)
	a, both := after.(map[string]any)
	if list, isList := before.([]any); isList {
		if other, isList := after.([]any); isList {
			b, a, ok, both = indexed(list), indexed(other), true, true
		}
	}
	if !ok || !both {
		if !reflect.DeepEqual(before, after) {
			changes = append(changes, Change{slices.Clone(path), "changed", before, after})
		}
		return changes
	}
	keys := slices.Collect(maps.Keys(b))
	for key := range a {
		if _, known := b[key]; !known {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		was, had := b[key]
		is, has := a[key]
		at := append(path[:len(path):len(path)], key)
		switch {
		case !had:
			changes = append(changes, Change{Path: at, Op: "added", After: is})
		case !has:
			changes = append(changes, Change{Path: at, Op: "removed", Before: was})
		default:
			changes = compare(at, was, is, changes)
		}
	}
	return changes
}

func indexed(list []any) map[string]any {
	m := make(map[string]any, len(list))
	for i, value := range list {
		m[strconv.Itoa(i)] = value
	}
	return m
}
