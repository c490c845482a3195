package verbs

import (
	"context"
	"log/slog"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Config is what verbs need. Journal and View are required.
type Config struct {
	Journal orchestrator.Journal
	View    orchestrator.View
	Sagas   Sagas        // who writes; nil where nothing may be changed
	Fleet   Fleet        // the other members; nil where only this process is asked
	Name    string       // of this process, shown with its bulks
	Log     *slog.Logger // slog.Default if nil
	// Durability says what an acknowledgement of the journal buys; may be nil.
	Durability func(context.Context) (Durability, error)
}

// Sagas writes by publishing, as any client does.
type Sagas interface {
	Start(ctx context.Context, r StartRequest) (Started, error)
	Control(ctx context.Context, id string, r ControlRequest) (Decision, error)
	Signal(ctx context.Context, id string, r SignalRequest) (Decision, error)
}

// Fleet asks all members. Missing are those that others know of, and that did
// not answer.
type Fleet interface {
	Status(ctx context.Context) (members []orchestrator.StatusAnswer, missing []string, err error)
	Rejected(ctx context.Context, limit int) (members []orchestrator.RejectedAnswer, missing []string, err error)
	ParticipantCounts(ctx context.Context) ([]orchestrator.ParticipantCounts, error)
	Instances(ctx context.Context) ([]Instance, error)
	Bulks(ctx context.Context, r BulkRef) ([]Bulk, error)
}

// Verbs answers. It may be used by several goroutines, and is closed by whoever
// made it.
type Verbs struct {
	cfg       Config
	bulks     *bulks
	histories *histories
}

// New returns verbs over cfg.
func New(cfg Config) *Verbs {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Verbs{cfg: cfg, bulks: newBulks(), histories: newHistories()}
}

// Close stops the bulks that run here, and waits for them.
func (v *Verbs) Close() { v.bulks.close() }

// home returns the partition that a saga belongs to.
func (v *Verbs) home(id string) (orchestrator.Partition, error) {
	if err := protocol.CheckID(id); err != nil {
		return nil, Invalid(err)
	}
	return v.cfg.Journal.Partition(protocol.Partition(id, v.cfg.Journal.Partitions())), nil
}

// Partition is the number of the partition that a saga belongs to.
func (v *Verbs) Partition(id string) int {
	return protocol.Partition(id, v.cfg.Journal.Partitions())
}
