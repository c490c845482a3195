package redisview

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// List walks the narrowest set of ranges that has every row which q asks for,
// keeps the places that the other sets have too, and compares each row that it
// reads with q: it may have changed since the index was read.
func (p *partition) List(ctx context.Context, q orchestrator.Query) ([]instance.State, error) {
	list, err := p.list(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list rows of the view: %w", err)
	}
	return list, nil
}

func (p *partition) list(ctx context.Context, q orchestrator.Query) ([]instance.State, error) {
	limit := q.Bounded()
	list := make([]instance.State, 0, min(limit, orchestrator.DefaultLimit))
	places := placesOf(q)
	sets, err := p.plan(ctx, q, places)
	if err != nil {
		return nil, err
	}
	// With one set, one round will do. Each round that was not enough is
	// followed by a longer one.
	for n := limit; ; n = min(2*n, orchestrator.MaxLimit) {
		found, err := p.walk(ctx, sets[0], places, n)
		if err != nil {
			return nil, err
		}
		ids, err := p.common(ctx, sets[1:], found)
		if err != nil {
			return nil, err
		}
		states, err := p.States(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if s, ok := states[id]; ok && q.Matches(s) && len(list) < limit {
				list = append(list, s)
			}
		}
		if len(list) == limit || len(found) < n {
			return list, nil
		}
		places.below = found[n-1]
	}
}

// places bounds the places of a list, each a time and an id as the index has
// them. What below bounds is not in it.
type places struct{ from, below string }

func placesOf(q orchestrator.Query) places {
	b := places{"", "g"} // digits are below "g"
	if !q.From.IsZero() {
		b.from = place(ceilMilli(q.From), "")
	}
	if !q.To.IsZero() {
		b.below = place(ceilMilli(q.To), "")
	}
	if q.After.ID == "" {
		return b
	}
	after := place(ceilMilli(q.After.Started), "")
	if q.After.Started.Equal(q.After.Started.Truncate(time.Millisecond)) {
		after = place(q.After.Started.UnixMilli(), q.After.ID)
	}
	b.below = min(b.below, after)
	return b
}

func place(ms int64, id string) string {
	at := stamp(ms)
	return string(at[:]) + id
}

// walk returns the first n places of a list of all ranges together. It reads
// them as of one time, so that a row which moves from one to another is in one.
func (p *partition) walk(ctx context.Context, ranges []string, b places, n int) ([]string, error) {
	commands := make([]command, len(ranges))
	for i, r := range ranges {
		commands[i] = command{"ZRANGE", indexKey, []any{"(" + r + b.below, "[" + r + b.from, "BYLEX", "REV", "LIMIT", 0, n}}
	}
	answers, err := p.read(ctx, commands...)
	if err != nil {
		return nil, err
	}
	var found []string
	for i, answer := range answers {
		for _, member := range texts(answer) {
			if len(member) < len(ranges[i])+timeDigits {
				return nil, fmt.Errorf("index entry %.64q is damaged, forget the view", member)
			}
			found = append(found, member[len(ranges[i]):])
		}
	}
	if len(ranges) > 1 {
		slices.SortFunc(found, func(a, b string) int { return strings.Compare(b, a) })
	}
	return found[:min(n, len(found))], nil
}

// count returns how many rows each range has among those places.
func (p *partition) count(ctx context.Context, ranges []string, b places) ([]int64, error) {
	commands := make([]command, len(ranges))
	for i, r := range ranges {
		commands[i] = command{"ZLEXCOUNT", indexKey, []any{"[" + r + b.from, "(" + r + b.below}}
	}
	answers, err := p.read(ctx, commands...)
	if err != nil {
		return nil, err
	}
	counts := make([]int64, len(answers))
	for i, answer := range answers {
		counts[i] = number(answer)
	}
	return counts, nil
}

func (p *partition) Count(ctx context.Context) (map[instance.Status]int, error) {
	classes, err := p.classes(ctx)
	if err != nil {
		return nil, fmt.Errorf("count rows of the view: %w", err)
	}
	ranges := make([]string, len(classes))
	for i, c := range classes {
		ranges[i] = c.rows
	}
	counts, err := p.count(ctx, ranges, placesOf(orchestrator.Query{}))
	if err != nil {
		return nil, fmt.Errorf("count rows of the view: %w", err)
	}
	total := map[instance.Status]int{}
	for i, n := range counts {
		if n > 0 {
			total[instance.Status(unescape(classes[i].status))] += int(n)
		}
	}
	return total, nil
}
