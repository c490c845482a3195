package inmem

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// stored is the view of one partition. The zero value is one that is not there.
type stored struct {
	generation string
	position   orchestrator.Position
	last       *change // taken last under this generation
	sizes      [2]int  // as that write left them: other sizes now mean a loss
	rows       map[string]row
	timers     map[string]time.Time
}

// A row is kept as text, so that readers share nothing with writers.
type row struct {
	text  []byte
	state instance.State // of the text; never handed out
}

func begin() stored {
	return stored{rows: map[string]row{}, timers: map[string]time.Time{}}
}

// whole reports whether s is there and no part of it was lost.
func (s *stored) whole() bool {
	return s.rows != nil && s.sizes == [2]int{len(s.rows), len(s.timers)}
}

func (s *stored) write(c change) error {
	if !s.whole() || s.generation != c.generation {
		return orchestrator.ErrNotFollowing
	}
	if s.last != nil && s.last.equal(c) {
		return nil // its answer was lost, and it is tried again
	}
	if s.position.Revision+1 != c.position.Revision {
		return orchestrator.ErrNotFollowing
	}
	// Deletions first: an id that is used again has a row of the new run.
	for _, id := range c.deleted {
		delete(s.rows, id)
		delete(s.timers, id)
	}
	for id, r := range c.rows {
		s.rows[id] = r
		delete(s.timers, id)
	}
	maps.Copy(s.timers, c.due)
	s.position, s.last = c.position, &c
	s.sizes = [2]int{len(s.rows), len(s.timers)}
	return nil
}

func (c *change) equal(d change) bool {
	return c.generation == d.generation && c.position == d.position &&
		maps.EqualFunc(c.rows, d.rows, func(a, b row) bool { return bytes.Equal(a.text, b.text) }) &&
		maps.Equal(c.due, d.due) && slices.Equal(c.deleted, d.deleted)
}

func (s *stored) list(q orchestrator.Query) (page orchestrator.Page, err error) {
	var found []row
	for _, r := range s.rows {
		if q.Matches(r.state) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b row) int {
		x, y := orchestrator.CursorOf(a.state), orchestrator.CursorOf(b.state)
		return cmp.Or(y.Started.Compare(x.Started), cmp.Compare(y.ID, x.ID))
	})
	for _, r := range found[:min(len(found), q.Bounded())] {
		state, err := orchestrator.DecodeState(r.text)
		if err != nil {
			return page, err
		}
		page.Sagas = append(page.Sagas, state)
	}
	if n := len(page.Sagas); n < len(found) {
		next := orchestrator.CursorOf(page.Sagas[n-1])
		page.Next = &next
	}
	return page, nil
}

// clone copies what a write replaces; rows and changes are never altered.
func (s *stored) clone() *stored {
	c := *s
	c.rows, c.timers = maps.Clone(s.rows), maps.Clone(s.timers)
	return &c
}
