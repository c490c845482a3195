package orchestrator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Difference is something that the view says and the journal does not, or
// the other way round.
type Difference struct {
	Partition int    `json:"partition"`
	ID        string `json:"id,omitempty"`
	Field     string `json:"field"`
	View      string `json:"view"`
	Journal   string `json:"journal"`
}

// Checked is what a check has looked at.
type Checked struct {
	Partition   int    `json:"partition"`
	Messages    uint64 `json:"messages"`
	Sagas       int    `json:"sagas"`
	Differences int    `json:"differences"`
}

// Check compares a partition's view with what its journal folds to: every row,
// every timer, every list, the position. It may run beside an owner: what differs is looked
// at again before it is told, as the view follows the journal a little later.
// progress, which may be nil, is told of the last sequence that was read.
func Check(ctx context.Context, p int, j Journal, v View, report func(Difference), progress func(at, end uint64)) (Checked, error) {
	c := checker{
		p: p, part: j.Partition(p), view: v.Partition(p), partitions: j.Partitions(), report: report,
		folding: make(map[string]*folding), seen: make(map[string]bool),
	}
	c.checked.Partition = p
	if progress == nil {
		progress = func(uint64, uint64) {}
	}
	tail, err := c.part.Tail(ctx)
	if err != nil {
		return c.checked, err
	}
	if err := c.read(ctx, tail.Last, progress); err != nil {
		return c.checked, err
	}
	if err := c.compareAll(ctx, slices.Collect(maps.Keys(c.folding))); err != nil {
		return c.checked, err
	}
	if err := c.confirm(ctx); err != nil {
		return c.checked, err
	}
	if err := c.strangers(ctx); err != nil {
		return c.checked, err
	}
	if err := c.index(ctx); err != nil {
		return c.checked, err
	}
	return c.checked, c.position(ctx)
}

// checkBatch is how many rows are read at once.
const checkBatch = 500

type checker struct {
	p          int
	part       Partition
	view       PartitionView
	partitions int
	report     func(Difference)
	checked    Checked
	folding    map[string]*folding
	over       []string        // folded, and not compared yet
	seen       map[string]bool // ids that the journal has a start of
	timers     map[string]time.Time
	suspects   []string // ids whose rows differed
}

// folding is a saga whose history is being read.
type folding struct {
	Replayed
	bodies map[uint64][]byte
	err    error
}

var errEnough = errors.New("read to the end")

// checkSilence is how long nothing may come before what is missing up to the
// end is taken to have left the journal.
const checkSilence = 2 * time.Second

func (c *checker) read(ctx context.Context, end uint64, progress func(at, end uint64)) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	silence := time.AfterFunc(checkSilence, stop)
	defer silence.Stop()
	for next := uint64(1); next <= end; {
		err := c.part.Read(reading, next, func(m Message) error {
			silence.Reset(checkSilence)
			next = m.Sequence + 1
			if m.Sequence <= end {
				c.checked.Messages++
				c.add(m)
				progress(m.Sequence, end)
			}
			if m.Sequence >= end {
				return errEnough
			}
			if len(c.over) < checkBatch {
				return nil
			}
			over := c.over
			c.over = nil
			silence.Stop() // the view may be slower than that
			defer silence.Reset(checkSilence)
			return c.compareAll(ctx, over)
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errEnough), reading.Err() != nil:
			return nil
		case !errors.Is(err, ErrInterrupted):
			return err
		}
		pause.For(ctx, retryWait(0))
	}
	return nil
}

func (c *checker) add(m Message) {
	id := m.Address.ID
	switch m.Address.Kind {
	case protocol.KindUnknown, protocol.KindCanary, protocol.KindPurged:
		return
	case protocol.KindStart, protocol.KindLink, protocol.KindReply, protocol.KindSignal, protocol.KindControl:
	}
	f := c.folding[id]
	if f == nil {
		if c.seen[id] && m.Address.Kind != protocol.KindStart {
			return // it was compared already; what comes late changes nothing
		}
		f = &folding{bodies: make(map[uint64][]byte)}
		c.folding[id] = f
	}
	if f.err == nil {
		f.err = f.Replayed.add(m, c.partitions, f.bodies, nil)
	}
	if f.State.Status.Over() {
		c.over = append(c.over, id)
	}
}

// compareAll compares rows with what was folded, and forgets it.
func (c *checker) compareAll(ctx context.Context, ids []string) error {
	for batch := range slices.Chunk(ids, checkBatch) {
		rows, err := c.view.States(ctx, batch)
		if err != nil {
			return err
		}
		for _, id := range batch {
			f := c.folding[id]
			delete(c.folding, id)
			if f == nil || f.State.Run == 0 {
				continue // inputs without a start
			}
			c.seen[id] = true
			c.checked.Sagas++
			differences, err := c.differences(id, f.State, rows[id])
			if err != nil {
				return err
			}
			if len(differences) > 0 {
				c.suspects = append(c.suspects, id)
			}
		}
	}
	return nil
}

// confirm looks at what differed again, all of it at once, until it is sure
// that the view is not just behind, and tells what still differs.
func (c *checker) confirm(ctx context.Context) error {
	for try := 0; len(c.suspects) > 0; try++ {
		pause.For(ctx, retryWait(try))
		last := try >= 5
		before := len(c.suspects)
		if err := c.lookAgain(ctx, last); err != nil {
			return err
		}
		if last {
			return nil
		}
		if try >= 2 && len(c.suspects) == before {
			return c.lookAgain(ctx, true) // nothing follows: it is not behind
		}
	}
	return nil
}

// lookAgain keeps those suspects that still differ, or tells them.
func (c *checker) lookAgain(ctx context.Context, tell bool) error {
	suspects := c.suspects
	c.suspects = nil
	for batch := range slices.Chunk(suspects, checkBatch) {
		rows, err := c.view.States(ctx, batch)
		if err != nil {
			return err
		}
		for _, id := range batch {
			r, err := Load(ctx, c.part, id, 0, c.partitions, nil)
			if errors.Is(err, ErrNoStart) {
				continue // its history has left meanwhile
			}
			if err != nil {
				return err
			}
			differences, err := c.differences(id, r.State, rows[id])
			switch {
			case err != nil:
				return err
			case len(differences) == 0:
			case tell:
				c.checked.Differences += len(differences)
				for _, d := range differences {
					c.report(d)
				}
			default:
				c.suspects = append(c.suspects, id)
			}
		}
	}
	return nil
}

func (c *checker) differences(id string, folded, row instance.State) ([]Difference, error) {
	want, err := EncodeState(folded)
	if err != nil {
		return nil, err
	}
	if row.ID == "" {
		return []Difference{{c.p, id, "row", "none", folded.Status.String()}}, nil
	}
	got, err := EncodeState(row)
	if err != nil || bytes.Equal(got, want) {
		return nil, err
	}
	var g, w map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(got, &g), json.Unmarshal(want, &w)); err != nil {
		return nil, err
	}
	var out []Difference
	fields := maps.Clone(g)
	maps.Copy(fields, w)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if !bytes.Equal(g[field], w[field]) {
			out = append(out, Difference{c.p, id, field, string(g[field]), string(w[field])})
		}
	}
	return out, nil
}

// strangers tells rows whose histories the journal does not have, and timers
// that are not those of their rows.
func (c *checker) strangers(ctx context.Context) error {
	c.timers = make(map[string]time.Time)
	if err := c.view.Timers(ctx, func(id string, due time.Time) { c.timers[id] = due }); err != nil {
		return err
	}
	q := Query{Limit: MaxLimit}
	for {
		page, err := c.view.List(ctx, q)
		if err != nil {
			return err
		}
		for _, row := range page.Sagas {
			if err := c.stranger(ctx, row); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		q.After = *page.Next
	}
}

func (c *checker) stranger(ctx context.Context, row instance.State) error {
	if !c.seen[row.ID] {
		_, err := Load(ctx, c.part, row.ID, 0, c.partitions, nil)
		if errors.Is(err, ErrNoStart) {
			c.tell(row.ID, "row", row.Status.String(), "none")
		}
		if err != nil && !errors.Is(err, ErrNoStart) {
			return err
		}
	}
	want, got := "none", "none"
	if t, ok := row.NextTimer(); ok {
		want = t.Due.UTC().Format(time.RFC3339Nano)
	}
	if due, ok := c.timers[row.ID]; ok {
		got = due.UTC().Format(time.RFC3339Nano)
	}
	if got == want {
		return nil
	}
	// The row may have changed since the timers were read.
	rows, err := c.view.States(ctx, []string{row.ID})
	if err == nil && rows[row.ID].Last == row.Last {
		c.tell(row.ID, "timer", got, want)
	}
	return err
}

func (c *checker) tell(id, field, view, journal string) {
	c.checked.Differences++
	c.report(Difference{c.p, id, field, view, journal})
}

// position tells a view that claims to be further than the journal, and one
// that its next owner will make anew, as a part of it was lost.
func (c *checker) position(ctx context.Context) error {
	at, err := c.view.Position(ctx)
	if err != nil {
		return err
	}
	tail, err := c.part.Tail(ctx)
	if err != nil {
		return err
	}
	switch {
	case at.To > tail.Last:
		c.tell("", "position", fmt.Sprint(at.To), fmt.Sprint(tail.Last))
	case at.Revision == 0 && len(c.seen) > 0:
		c.tell("", "position", "none: it is not as it was written last", fmt.Sprint(tail.Last))
	}
	return nil
}
