package orchestrator_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// onRecords lets something happen to the first n purge records that m stores.
func (w *world) onRecords(m *member, n int64, fault func() inmem.Fault) {
	var count atomic.Int64
	m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
		if d.Subject == w.subjects().Purged(0) && count.Add(1) <= n {
			return fault()
		}
		return inmem.Fault{}
	})
}

func (w *world) records() []orchestrator.Message {
	w.t.Helper()
	var list []orchestrator.Message
	for sequence := range w.tail() {
		m, err := w.journal.Partition(0).Get(context.WithoutCancel(w.ctx), sequence+1)
		if err == nil && m.Address.Kind == protocol.KindPurged {
			list = append(list, m)
		}
	}
	return list
}

// An owner knows its purge record by the acknowledgement. In doubt about one it
// purges nothing, and does it again at the next look; inputs without a start
// are not forgotten either. The position does not wait for it.
func TestAPurgeRecordInDoubtIsMadeAgain(t *testing.T) {
	for name, fault := range map[string]func() inmem.Fault{"stored": inmem.AckLost, "not stored": inmem.NotStored} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				m := w.run("a", retention(70*time.Minute))
				w.onRecords(m, 3, fault)
				w.control("ghost", "c-1", instance.Cancel)
				ids := w.startMany("o", 3)
				w.awaitEnds(ids)
				<-time.After(2 * time.Hour)
				for _, id := range append(ids, "ghost") {
					w.gone(id)
				}
				w.awaitPosition()
				if n := len(w.records()); n > 5 { // three that were in doubt, and one for each kind
					t.Errorf("%d records", n)
				}
			})
		})
	}
}

// Faults, row 43: the position waits before a record until the purge is done,
// also while nobody knows yet whether the record is stored.
func TestThePositionWaitsForAPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var dead atomic.Bool
		first := w.run("a", retention(time.Minute), mortal(&dead))
		w.onRecords(first, 1, func() inmem.Fault { return inmem.AckHeld(&inmem.Gate{}) })
		old := w.startMany("old", 3)
		w.awaitEnds(old)
		w.until("the record is stored", func() bool { return len(w.records()) == 1 })
		more := w.startMany("more", 3)
		w.awaitEnds(more)
		w.checkView(more...)
		if at, record := w.position(), w.records()[0].Sequence; at >= record {
			t.Errorf("the position is %d, the record %d", at, record)
		}
		w.crash(first, &dead)
		var fails atomic.Bool
		fails.Store(true)
		second := w.run("b", keeping(&fails))
		w.until("b is live", func() bool { p := second.Status().Partitions; return len(p) == 1 && p[0].Live })
		w.awaitEnds(w.startMany("last", 3))
		<-time.After(5 * time.Second)
		if at, record := w.position(), w.records()[0].Sequence; at >= record {
			t.Errorf("the position of the next one is %d, the record %d", at, record)
		}
		fails.Store(false) // it purges what the record says, and nothing else
		for _, id := range old {
			w.gone(id)
		}
		w.checkView(more...)
	})
}

// keeping has a journal purge nothing while it fails.
func keeping(fails *atomic.Bool) func(*orchestrator.Config) {
	return func(c *orchestrator.Config) {
		c.Journal = orchestratortest.Tampered{Journal: c.Journal, Purge: func(ctx context.Context, p orchestrator.Partition, id string, before uint64) error {
			if fails.Load() {
				return errors.New("no answer")
			}
			return p.Purge(ctx, id, before)
		}}
	}
}

// A wobblyJournal renews no lease while it fails.
type wobblyJournal struct {
	*inmem.Journal
	fails *atomic.Bool
}

func (j wobblyJournal) Leases() orchestrator.Leases { return wobblyLeases{j.Journal.Leases(), j.fails} }

type wobblyLeases struct {
	orchestrator.Leases
	fails *atomic.Bool
}

func (l wobblyLeases) Renew(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if l.fails.Load() {
		return 0, errors.New("no answer")
	}
	return l.Leases.Renew(ctx, key, value, revision)
}

// No history leaves unless the lease is surely ours: the next owner would not
// read our record before one of those ids is used again.
func TestWhoIsNotSureOfTheLeasePurgesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.defs = []sagas.Definition{threeSteps(false)}
		w.journal = inmem.NewJournal(1, inmem.LeaseTTL(8*time.Minute))
		for _, name := range []string{"inventory", "payment", "shipping"} {
			w.group.Go(func() { _ = w.journal.Commands(w.ctx, name, w.serve) })
		}
		var fails atomic.Bool
		w.run("a", retention(time.Minute), func(c *orchestrator.Config) { c.Journal = wobblyJournal{c.Journal.(*inmem.Journal), &fails} })
		w.awaitEnds(w.startMany("o", 1))
		fails.Store(true)
		<-time.After(4 * time.Minute)
		if n := len(w.records()); n > 0 {
			t.Errorf("%d records", n)
		}
		fails.Store(false)
		w.gone("o-0")
	})
}
