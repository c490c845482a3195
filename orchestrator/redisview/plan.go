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

// A set has every row that some filter asks for, and perhaps others: ranges of
// the index, or places that were read already, which are in order.
type set struct {
	ranges []string
	known  []string
}

func (s set) knownBetween(b places, n int) (w walked) {
	for _, place := range s.known {
		if place >= b.from && place < b.below {
			w.found = append(w.found, place)
		}
	}
	if len(w.found) > n {
		w.end = w.found[n-1]
	}
	w.cut(n)
	return w
}

// Bounds of a plan.
const (
	manyRanges     = 256 // then a set is not walked
	fewRanges      = 4   // in so many it pays to look for a place; else the row itself says whether it belongs
	commandsAtOnce = 256
	classesAtOnce  = 1000
	fewStuck       = 1000 // so many are read in the order in which they got stuck
)

// plan returns sets that each have every row which q asks for: the one with
// the fewest rows among those places first.
func (p *partition) plan(ctx context.Context, q orchestrator.Query, b places) ([]set, error) {
	sets := termSets(q)
	if !q.StuckBefore.IsZero() {
		s, few, err := p.stuckBefore(ctx, q)
		if err != nil {
			return nil, err
		}
		if few {
			return append([]set{s}, sets...), nil
		}
		if len(q.Statuses) > 0 && !slices.Contains(q.Statuses, instance.Stuck) {
			return []set{{}}, nil
		}
		q.Statuses = []instance.Status{instance.Stuck}
	}
	if len(q.Statuses) > 0 || q.Definition != "" || q.Version != 0 || q.Step != "" {
		classes, err := p.classes(ctx)
		if err != nil {
			return nil, err
		}
		sets = append(sets, classSets(q, classes)...)
	}
	sets = slices.DeleteFunc(sets, func(s set) bool { return len(s.ranges) > manyRanges })
	if len(sets) == 0 {
		return []set{{ranges: []string{allRows}}}, nil
	}
	return sets, p.narrowestFirst(ctx, sets, b)
}

// termSets returns the sets whose ranges follow from q alone.
func termSets(q orchestrator.Query) (sets []set) {
	one := func(r string) { sets = append(sets, set{ranges: []string{r}}) }
	if q.Tag != "" {
		key, value, _ := strings.Cut(q.Tag, "=")
		one(tagRange(key, value))
	}
	if q.Cluster != "" {
		one(clusterRows + escape(q.Cluster) + "|")
	}
	if q.Suspended {
		one(suspendedRows)
	}
	if q.Parked {
		one(parkedRows)
	}
	if q.Retrying {
		one(retryingRows)
	}
	return sets
}

// classSets returns the sets that are made of classes. The index has no steps
// of sagas that go forward, or back: it would change with each of their links.
func classSets(q orchestrator.Query, classes []classRange) (sets []set) {
	var all, atStep set
	if q.Step != "" {
		atStep.ranges = []string{stepRows + escape(q.Step) + "|"}
	}
	for _, c := range classes {
		if !c.match(q) {
			continue
		}
		all.ranges = append(all.ranges, c.rows)
		if status := instance.Status(unescape(c.status)); !status.Over() && status != instance.Stuck {
			atStep.ranges = append(atStep.ranges, c.rows)
		}
	}
	if q.Step != "" {
		sets = append(sets, atStep)
	}
	if len(q.Statuses) > 0 || q.Definition != "" || q.Version != 0 {
		sets = append(sets, all)
	}
	return sets
}

// stuckBefore reads which sagas are stuck since before the time in q, unless
// they are many.
func (p *partition) stuckBefore(ctx context.Context, q orchestrator.Query) (s set, few bool, err error) {
	below := "(" + stuckRows + place(ceilMilli(q.StuckBefore), "")
	members, err := p.view.rdb.ZRangeArgs(ctx, redis.ZRangeArgs{
		Key: p.index, ByLex: true, Start: "[" + stuckRows, Stop: below, Count: fewStuck + 1,
	}).Result()
	if err != nil || len(members) > fewStuck {
		return set{}, false, err
	}
	s.known = make([]string, len(members))
	for i, member := range members {
		if len(member) < len(stuckRows)+2*timeDigits {
			return s, false, fmt.Errorf("index entry %.64q is damaged, forget the view", member)
		}
		s.known[i] = member[len(stuckRows)+timeDigits:]
	}
	slices.SortFunc(s.known, func(a, b string) int { return strings.Compare(b, a) })
	return s, true, nil
}

// narrowestFirst moves the set with the fewest rows to the front.
func (p *partition) narrowestFirst(ctx context.Context, sets []set, b places) error {
	if len(sets) == 1 {
		return nil
	}
	var ranges []string
	for _, s := range sets {
		ranges = append(ranges, s.ranges...)
	}
	counts, err := p.count(ctx, ranges, b)
	if err != nil {
		return err
	}
	first, fewest := 0, int64(-1)
	for i, s := range sets {
		var rows int64
		for _, n := range counts[:len(s.ranges)] {
			rows += n
		}
		counts = counts[len(s.ranges):]
		if fewest < 0 || rows < fewest {
			first, fewest = i, rows
		}
	}
	sets[0], sets[first] = sets[first], sets[0]
	return nil
}

// common returns those places that every set has, as far as it pays to look.
func (p *partition) common(ctx context.Context, sets []set, found []string) (kept []string, err error) {
	for _, s := range sets {
		if len(s.ranges) > fewRanges || len(found) == 0 {
			continue
		}
		if found, err = p.within(ctx, s.ranges, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// within returns those places that are in one of ranges.
func (p *partition) within(ctx context.Context, ranges, found []string) ([]string, error) {
	if len(ranges) == 0 {
		return nil, nil
	}
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
	var classes []classRange
	for from := "[" + classNames; ; {
		names, err := p.view.rdb.ZRangeArgs(ctx, redis.ZRangeArgs{
			Key: p.index, ByLex: true, Start: from, Stop: "(k}", Count: classesAtOnce,
		}).Result()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			class := name[len(classNames):]
			parts := strings.Split(class, "|")
			if len(parts) != 3 {
				return nil, fmt.Errorf("index entry %.64q is damaged, forget the view", name)
			}
			classes = append(classes, classRange{parts[0], parts[1], parts[2], classRows + class + "|"})
		}
		if len(names) < classesAtOnce {
			return classes, nil
		}
		from = "(" + names[len(names)-1]
	}
}

func (c classRange) match(q orchestrator.Query) bool {
	return (q.Definition == "" || escape(q.Definition) == c.definition) &&
		(q.Version == 0 || strconv.Itoa(q.Version) == c.version) &&
		(len(q.Statuses) == 0 || slices.ContainsFunc(q.Statuses, func(s instance.Status) bool {
			return escape(string(s)) == c.status
		}))
}
