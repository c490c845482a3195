package orchestrator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
)

// indexLooks is how many lists are asked for at a time.
const indexLooks = 8

// index tells rows that a list lacks which should have them: of all, of their
// status, their definition, each of their tags. It tells timers of nobody, too.
func (c *checker) index(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(c.timers)) {
		if c.seen[id] {
			continue // compared with its row
		}
		rows, err := c.view.States(ctx, []string{id})
		if err != nil {
			return err
		}
		if rows[id].ID == "" {
			c.tell(id, "timer", c.timers[id].UTC().Format(time.RFC3339Nano), "none")
		}
	}
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(c.seen)), checkBatch) {
		rows, err := c.view.States(ctx, batch)
		if err != nil {
			return err
		}
		var mu sync.Mutex
		var failed error
		var group sync.WaitGroup
		room := make(chan struct{}, indexLooks)
		for _, row := range rows {
			room <- struct{}{}
			group.Go(func() {
				defer func() { <-room }()
				missing, err := c.unlisted(ctx, row)
				mu.Lock()
				defer mu.Unlock()
				for _, list := range missing {
					c.tell(row.ID, "index", "not in the list "+list, "in it")
				}
				if err != nil {
					failed = err
				}
			})
		}
		group.Wait()
		if failed != nil {
			return failed
		}
	}
	return nil
}

// unlisted returns the lists that lack row. One that changed meanwhile is
// looked at again: it is in other lists now.
func (c *checker) unlisted(ctx context.Context, row instance.State) (missing []string, err error) {
	for range 3 {
		missing = nil
		for name, q := range listsOf(row) {
			// The greater id is listed first, so the row itself comes next
			// after the least id that is greater: no id has a "!".
			at := CursorOf(row)
			q.After, q.Limit = Cursor{at.Started, at.ID + "!"}, 1
			page, err := c.view.List(ctx, q)
			if err != nil {
				return nil, err
			}
			if len(page.Sagas) == 0 || page.Sagas[0].ID != row.ID {
				missing = append(missing, name)
			}
		}
		if lost, err := c.unaudited(ctx, row); err != nil {
			return nil, err
		} else if lost {
			missing = append(missing, "of what people asked for")
		}
		if len(missing) == 0 {
			return nil, nil
		}
		rows, err := c.view.States(ctx, []string{row.ID})
		if err != nil {
			return nil, err
		}
		now, ok := rows[row.ID]
		if !ok {
			return nil, nil // it left
		}
		if now.Last == row.Last {
			slices.Sort(missing)
			return missing, nil
		}
		row = now
	}
	return nil, nil // it changes too fast for anybody to say
}

// unaudited reports whether an audit lacks a request that row has.
func (c *checker) unaudited(ctx context.Context, row instance.State) (bool, error) {
	for _, r := range (AuditQuery{}).Asked(&row) {
		before := r.Cursor()
		before.ID += "!" // as of lists: the row itself comes next
		page, err := c.view.Audit(ctx, AuditQuery{After: before, Limit: 1})
		if err != nil {
			return false, err
		}
		if len(page.Rows) == 0 || page.Rows[0].Cursor() != r.Cursor() {
			return true, nil
		}
	}
	return false, nil
}

// listsOf returns, by name, what to ask for to find row.
func listsOf(row instance.State) map[string]Query {
	lists := map[string]Query{
		"of all":                           {},
		"of status " + row.Status.String(): {Statuses: []instance.Status{row.Status}},
		fmt.Sprintf("of definition %s@%d", row.Definition, row.Version): {Definition: row.Definition, Version: row.Version},
	}
	for key, value := range row.Tags {
		lists["of tag "+key+"="+value] = Query{Tag: key + "=" + value}
	}
	if row.Suspended {
		lists["of suspended ones"] = Query{Suspended: true}
	}
	if row.Parked != "" {
		lists["of parked ones"] = Query{Parked: true}
	}
	if row.Retrying() {
		lists["of retrying ones"] = Query{Retrying: true}
	}
	if row.Status == instance.Stuck {
		lists["of those that are stuck for so long"] = Query{StuckBefore: milli(row.StuckSince).Add(time.Millisecond)}
	}
	if f, ok := row.Failure(); ok {
		id := ClusterOf(&row)
		lists["of cluster "+id] = Query{Cluster: id}
		if f.Step != "" {
			lists["of step "+f.Step] = Query{Step: f.Step}
		}
	}
	return lists
}
