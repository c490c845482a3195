package redisview

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// plan returns sets of ranges, of which each has every row that q asks for: the
// one with the fewest rows among those places first.
func (p *partition) plan(ctx context.Context, q orchestrator.Query, b places) ([][]string, error) {
	var sets [][]string
	if q.Tag != "" {
		key, value, _ := strings.Cut(q.Tag, "=")
		sets = append(sets, []string{tagRange(key, value)})
	}
	if q.Suspended {
		sets = append(sets, []string{suspendedRows})
	}
	if q.Parked {
		sets = append(sets, []string{parkedRows})
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
		sets = append(sets, ranges)
	}
	switch len(sets) {
	case 0:
		return [][]string{{allRows}}, nil
	case 1:
		return sets, nil
	}
	counts, err := p.count(ctx, slices.Concat(sets...), b)
	if err != nil {
		return nil, err
	}
	first, fewest := 0, int64(-1)
	for i, ranges := range sets {
		var rows int64
		for _, n := range counts[:len(ranges)] {
			rows += n
		}
		counts = counts[len(ranges):]
		if fewest < 0 || rows < fewest {
			first, fewest = i, rows
		}
	}
	sets[0], sets[first] = sets[first], sets[0]
	return sets, nil
}

// fewRanges is in how many ranges it pays to look for a place. Where a set has
// more, the row itself says whether it belongs.
const fewRanges = 8

// common returns the ids of those places that every set has.
func (p *partition) common(ctx context.Context, sets [][]string, found []string) (ids []string, err error) {
	for _, ranges := range sets {
		if len(ranges) > fewRanges || len(found) == 0 {
			continue
		}
		if found, err = p.within(ctx, ranges, found); err != nil {
			return nil, err
		}
	}
	ids = make([]string, len(found))
	for i, place := range found {
		ids[i] = place[timeDigits:]
	}
	return ids, nil
}

// within returns those places that are in one of ranges.
func (p *partition) within(ctx context.Context, ranges, found []string) ([]string, error) {
	commands := make([]command, len(ranges))
	for i, r := range ranges {
		commands[i] = command{"ZMSCORE", indexKey, make([]any, len(found))}
		for j, place := range found {
			commands[i].args[j] = r + place
		}
	}
	answers, err := p.read(ctx, commands...)
	if err != nil {
		return nil, err
	}
	var kept []string
	for j, place := range found {
		if slices.ContainsFunc(answers, func(answer any) bool {
			scores, _ := answer.([]any)
			return j < len(scores) && scores[j] != nil
		}) {
			kept = append(kept, place)
		}
	}
	return kept, nil
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
