package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// keeper is the part of an owner that looks after the stream: canaries, and
// histories that leave.
type keeper struct {
	canaryAt   time.Time // when the next canary is due
	canaryFlew bool      // one is under way
	canarySick time.Time // since when none was stored; zero if they are
	retainAt   time.Time // when histories are looked at next
	retainFrom Cursor    // where that look goes on; zero: from the newest start
	records    uint64    // the number of the newest purge record
	orphans    map[string]orphan
}

// An orphan is an input without a start.
type orphan struct {
	last uint64
	at   time.Time
}

const (
	retainEvery    = 10 * time.Second
	retainOn       = 100 * time.Millisecond // after a look that found nothing yet
	retainBatch    = 500
	maxOrphans     = 10_000
	orphanAge      = time.Hour
	keepCanaries   = 16
	keepRecords    = 4096
	canaryPatience = 15 * time.Second
)

// keep does what is due.
func (o *owner) keep(now time.Time) {
	if !o.canaryFlew && !now.Before(o.canaryAt) {
		o.sendCanary(now)
	}
	if o.live && !now.Before(o.retainAt) && o.failing.IsZero() {
		o.retainAt = now.Add(retainEvery)
		o.retain(now)
	}
}

// sendCanary proves that the partition takes appends, which the stream's own
// state does not tell after a full disk. At takeover it also ends catching up
// where the newest messages have left the journal.
func (o *owner) sendCanary(now time.Time) {
	o.canaryFlew, o.canaryAt = true, now.Add(o.cfg.CanaryEvery)
	h := protocol.Header{}
	h.Set(protocol.HeaderTime, protocol.FormatTime(now))
	o.part.Append(Draft{Subject: o.subjects.Canary(o.p), Header: h}, func(_ uint64, err error) {
		o.inbox.put(func() { o.canaryLanded(err) })
	})
}

func (o *owner) canaryLanded(err error) {
	o.canaryFlew = false
	now := o.cfg.Now()
	if err == nil {
		o.canarySick = time.Time{}
		o.stats.healthy(o.p, true)
		go func() {
			ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
			defer cancel()
			if err := o.part.Trim(ctx, keepCanaries, keepRecords); err != nil && ctx.Err() == nil {
				o.log.Warn("old canaries stay", "error", err)
			}
		}()
		return
	}
	o.canaryAt = now.Add(time.Second)
	if o.canarySick.IsZero() {
		o.canarySick = now
	}
	if now.Sub(o.canarySick) > canaryPatience {
		o.stats.healthy(o.p, false)
		o.alarm(nil, "the partition takes no appends", "since", o.canarySick, "error", err)
	}
}

// orphan counts an input whose saga was never started, or has left.
func (o *owner) orphan(m Message) {
	o.stats.orphans.Add(1)
	o.reject(m, ErrNoStart)
	if o.orphans == nil {
		o.orphans = make(map[string]orphan)
	}
	if len(o.orphans) < maxOrphans {
		o.orphans[m.Address.ID] = orphan{m.Sequence, m.Time}
	}
}

// retain makes histories leave that are over for long enough, and inputs that
// never had a start. The record comes first: whoever reads it when it catches
// up does what we do once it is stored, so that a crash in between leaves
// nothing half done. Only who surely has the lease may begin: no owner would
// read the record of another before the id is used again.
func (o *owner) retain(now time.Time) {
	var record PurgeRecord
	if o.cfg.Retention > 0 {
		record.Sagas = o.expired(now)
	}
	for id, orphan := range o.orphans {
		switch {
		case now.Sub(orphan.at) <= orphanAge || len(record.Sagas) >= retainBatch:
		case o.sagas[id] != nil:
			delete(o.orphans, id)
		default:
			record.Sagas = append(record.Sagas, PurgedSaga{ID: id, Last: orphan.last})
		}
	}
	if len(record.Sagas) == 0 {
		if o.retainFrom != (Cursor{}) {
			o.retainAt = now.Add(retainOn)
		}
		return
	}
	ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
	defer cancel()
	if err := o.confirm(ctx); err != nil {
		o.log.Warn("histories stay for now", "error", err)
		return
	}
	o.records++
	record.Number = o.records
	body, err := json.Marshal(record)
	if err != nil {
		o.fail(fmt.Errorf("encode a purge record: %w", err))
		return
	}
	key := fmt.Sprintf("record %d", record.Number) // no saga's id has a space
	o.holds.add(key, int64(o.read+1))              // it comes after all that was read
	h := protocol.Header{}
	h.Set(protocol.HeaderDecision, newDecisionID()) // it may be the newest message of ours
	draft := Draft{Subject: o.subjects.Purged(o.p), Header: h, Body: body}
	o.part.Append(draft, func(sequence uint64, err error) {
		o.inbox.put(func() { o.recorded(record, key, draft, sequence, err) })
	})
}

// recorded takes the outcome of the append of a purge record. In doubt, nothing
// is purged: the rows are still there, so another look finds them again.
func (o *owner) recorded(record PurgeRecord, key string, draft Draft, sequence uint64, err error) {
	if err != nil {
		o.holds.remove(key)
		o.log.Warn("histories stay for now", "error", err)
		return
	}
	o.acknowledged(&flight{draft: draft}, sequence)
	for _, s := range record.Sagas {
		delete(o.orphans, s.ID)
	}
	o.carryOut(record, key)
}

// expired returns sagas that ended long enough ago. It reads one page: the next
// look goes on behind it, as all that began before the cutoff are listed, and
// those that ended after it may be many.
func (o *owner) expired(now time.Time) []PurgedSaga {
	ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
	defer cancel()
	cutoff := now.Add(-o.cfg.Retention)
	page, err := o.view.List(ctx, Query{
		Statuses: []instance.Status{instance.Completed, instance.Compensated}, To: cutoff, After: o.retainFrom, Limit: retainBatch,
	})
	if err != nil {
		o.log.Warn("histories stay for now", "error", err)
		return nil
	}
	o.retainFrom = Cursor{}
	if page.Next != nil {
		o.retainFrom = *page.Next
	}
	var out []PurgedSaga
	for _, row := range page.Sagas {
		if row.Ended.Before(cutoff) && o.sagas[row.ID] == nil {
			out = append(out, PurgedSaga{row.ID, row.Run, row.Last})
		}
	}
	return out
}

// handlePurged takes a record of histories that left, read while catching up:
// rows of those runs go, and what is left of the histories. The position waits
// until it has.
func (o *owner) handlePurged(m Message) {
	record, err := readPurgeRecord(m)
	if err != nil {
		o.reject(m, err)
		return
	}
	o.records = max(o.records, record.Number)
	key := fmt.Sprintf("purge %d", m.Sequence)
	o.holds.add(key, int64(m.Sequence))
	o.carryOut(record, key)
}

// carryOut does what a record says that is stored.
func (o *owner) carryOut(record PurgeRecord, key string) {
	if err := o.deleteRows(record); err != nil {
		o.fail(fmt.Errorf("%w: %w", errViewAway, err))
		return
	}
	go o.purge(record, key)
}

// deleteRows queues the rows of purged runs for deletion. An id that runs
// again keeps its row.
func (o *owner) deleteRows(record PurgeRecord) error {
	ids := make([]string, 0, len(record.Sagas))
	runs := make(map[string]uint64, len(record.Sagas))
	for _, s := range record.Sagas {
		ids = append(ids, s.ID)
		runs[s.ID] = s.Run
	}
	ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
	defer cancel()
	rows, err := o.view.States(ctx, ids)
	if err != nil {
		return err
	}
	for id, run := range runs {
		sg, row := o.sagas[id], rows[id]
		switch {
		case sg != nil && sg.state.Run > run:
			continue // its own row takes the old one's place, or has
		case sg != nil && sg.state.Run == run && sg.state.Status.Over():
			// Its row may be on its way: the deletion is written after it.
			row = sg.state
			o.forget(sg)
		case row.Run != run || row.ID == "":
			continue
		}
		o.deleted = append(o.deleted, Row{State: row}) // what is stored may be an older row of this run
	}
	return nil
}

func without(list []*saga, sg *saga) []*saga {
	kept := list[:0]
	for _, s := range list {
		if s != sg {
			kept = append(kept, s)
		}
	}
	return kept
}

// purge deletes histories, each bounded by its run's end so that a repeated
// purge cannot touch a new run of the same id.
func (o *owner) purge(record PurgeRecord, key string) {
	for _, s := range record.Sagas {
		for try := 1; o.ctx.Err() == nil; try++ {
			ctx, cancel := context.WithTimeout(o.ctx, readTimeout)
			err := o.part.Purge(ctx, s.ID, s.Last+1)
			cancel()
			if err == nil {
				break
			}
			o.log.Warn("a history stays for now", "saga", s.ID, "error", err)
			pause.For(o.ctx, retryWait(try))
		}
	}
	if o.ctx.Err() == nil {
		o.inbox.put(func() {
			o.stats.purged.Add(uint64(len(record.Sagas)))
			o.holds.remove(key)
			if o.retainFrom != (Cursor{}) {
				o.retainAt = time.Time{} // there may be more, and the journal keeps up
			}
		})
	}
}
