package orchestratortest

import (
	"context"

	"github.com/amends-io/amends/orchestrator"
)

// A Tampered journal is one whose partitions answer some calls as a test says.
// A function that is set is called in the place of the partition's method, with
// the partition itself, which it may ask.
type Tampered struct {
	orchestrator.Journal
	History func(ctx context.Context, p orchestrator.Partition, id string, from uint64) ([]orchestrator.Message, error)
	Purge   func(ctx context.Context, p orchestrator.Partition, id string, before uint64) error
}

// Partition implements orchestrator.Journal.
func (j Tampered) Partition(p int) orchestrator.Partition {
	return tampered{j.Journal.Partition(p), j}
}

type tampered struct {
	orchestrator.Partition
	with Tampered
}

func (p tampered) History(ctx context.Context, id string, from uint64) ([]orchestrator.Message, error) {
	if p.with.History == nil {
		return p.Partition.History(ctx, id, from)
	}
	return p.with.History(ctx, p.Partition, id, from)
}

func (p tampered) Purge(ctx context.Context, id string, before uint64) error {
	if p.with.Purge == nil {
		return p.Partition.Purge(ctx, id, before)
	}
	return p.with.Purge(ctx, p.Partition, id, before)
}
