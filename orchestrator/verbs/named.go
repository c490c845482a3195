package verbs

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of a bulk that names its sagas.
const (
	maxIDs   = 500 // more are better said by a filter
	shownIDs = 10  // of a bulk in a list
)

// checkIDs checks the sagas that r names, and puts them in order: the same ones
// said in another order are the same bulk. A list that is there and empty names
// nobody, and must not mean everybody.
func (r *BulkRequest) checkIDs() error {
	if r.IDs == nil {
		return nil
	}
	switch {
	case len(r.IDs) == 0 || len(r.IDs) > maxIDs:
		return invalidf("ids names %d sagas, and may name 1 to %d: say more by a filter", len(r.IDs), maxIDs)
	case !reflect.DeepEqual(r.Filter, Filter{}):
		return invalidf("ids and filter both say which sagas are meant: leave one out")
	}
	for i, id := range r.IDs {
		if err := protocol.CheckID(id); err != nil {
			return fmt.Errorf("ids[%d]: %w", i, err)
		}
	}
	r.IDs = slices.Sorted(slices.Values(r.IDs))
	for i, id := range r.IDs[1:] {
		if id == r.IDs[i] {
			return invalidf("ids names %s twice", id)
		}
	}
	return nil
}

// each calls handle with each of ids if there are any, and else with those that
// q matches, until handle fails.
func (v *Verbs) each(ctx context.Context, ids []string, q orchestrator.Query, handle func(id string) error) error {
	if len(ids) == 0 {
		return v.walk(ctx, q, handle)
	}
	for _, id := range ids {
		if err := handle(id); err != nil {
			return err
		}
	}
	return nil
}
