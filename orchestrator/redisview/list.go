package redisview

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// List walks the narrowest set of ranges that has every row which q asks for,
// and compares each row that it reads with q: another filter may not hold, or
// the row has changed since the index was read.
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
	ranges, err := p.narrowest(ctx, q, places)
	if err != nil {
		return nil, err
	}
	// Were every row of the ranges asked for, one round would do. Each round
	// that was not enough is followed by a longer one.
	for n := limit; ; n = min(2*n, orchestrator.MaxLimit) {
		found, err := p.walk(ctx, ranges, places, n)
		if err != nil {
			return nil, err
		}
		ids := make([]string, len(found))
		for i, place := range found {
			ids[i] = place[timeDigits:]
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

// narrowest returns the ranges with the fewest rows among those places.
func (p *partition) narrowest(ctx context.Context, q orchestrator.Query, b places) ([]string, error) {
	var choices [][]string
	if q.Tag != "" {
		key, value, _ := strings.Cut(q.Tag, "=")
		choices = append(choices, []string{tagRange(key, value)})
	}
	if q.Suspended {
		choices = append(choices, []string{suspendedRows})
	}
	if q.Parked {
		choices = append(choices, []string{parkedRows})
	}
	if len(q.Statuses) > 0 || q.Definition != "" || q.Version != 0 {
		classes, err := p.classes(ctx)
		if err != nil {
			return nil, err
		}
		ranges := []string{}
		for _, c := range classes {
			if c.match(q) {
				ranges = append(ranges, c.rows)
			}
		}
		choices = append(choices, ranges)
	}
	switch len(choices) {
	case 0:
		return []string{allRows}, nil
	case 1:
		return choices[0], nil
	}
	counts, err := p.count(ctx, slices.Concat(choices...), b)
	if err != nil {
		return nil, err
	}
	best, fewest := choices[0], int64(-1)
	for _, ranges := range choices {
		var rows int64
		for _, n := range counts[:len(ranges)] {
			rows += n
		}
		counts = counts[len(ranges):]
		if fewest < 0 || rows < fewest {
			best, fewest = ranges, rows
		}
	}
	return best, nil
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

// A classRange is a range of rows of one definition, version and status, which
// are written as the index has them.
type classRange struct{ definition, version, status, rows string }

// classes returns every class that some row ever had.
func (p *partition) classes(ctx context.Context) ([]classRange, error) {
	names, err := p.view.rdb.ZRangeArgs(ctx, redis.ZRangeArgs{
		Key: p.index, ByLex: true, Start: "[" + classNames, Stop: "(k}",
	}).Result()
	if err != nil {
		return nil, err
	}
	classes := make([]classRange, 0, len(names))
	for _, name := range names {
		class := name[len(classNames):]
		parts := strings.Split(class, "|")
		if len(parts) != 3 {
			return nil, fmt.Errorf("index entry %.64q is damaged, forget the view", name)
		}
		classes = append(classes, classRange{parts[0], parts[1], parts[2], classRows + class + "|"})
	}
	return classes, nil
}

func (c classRange) match(q orchestrator.Query) bool {
	return (q.Definition == "" || escape(q.Definition) == c.definition) &&
		(q.Version == 0 || strconv.Itoa(q.Version) == c.version) &&
		(len(q.Statuses) == 0 || slices.ContainsFunc(q.Statuses, func(s instance.Status) bool {
			return escape(string(s)) == c.status
		}))
}
