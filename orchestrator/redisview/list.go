package redisview

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Bounds of one list's work. Each command stays short, as the partition's
// owner has to wait for it.
const (
	walkAtOnce = 500    // places that are looked at in one round
	listBudget = 12_000 // index entries that are read until a short page has to do; enough for MaxLimit rows
	rowCost    = 10     // index entries that could be read instead of a row

	listBytes = 8 << 20 // of rows after which a short page has to do: they may have payloads
)

// List walks the narrowest set of ranges that has every row which q asks for,
// keeps the places that the other sets have too, and compares each row that it
// reads with q: it may have changed since the index was read. Where much is
// read, and little found or all of it large, it stops early and says where to go on.
func (p *partition) List(ctx context.Context, q orchestrator.Query) (orchestrator.Page, error) {
	page, err := p.list(ctx, q)
	if err != nil {
		return orchestrator.Page{}, fmt.Errorf("list rows of the view: %w", err)
	}
	return page, nil
}

func (p *partition) list(ctx context.Context, q orchestrator.Query) (page orchestrator.Page, err error) {
	limit := q.Bounded()
	places := placesOf(q)
	sets, err := p.plan(ctx, q, places)
	if err != nil {
		return page, err
	}
	budget, room := listBudget, listBytes
	// With one set, one round will do. Each round that was not enough is
	// followed by a longer one.
	for n := min(limit, walkAtOnce); ; n = min(2*n, walkAtOnce) {
		w, err := p.walk(ctx, sets[0], places, n)
		if err != nil {
			return page, err
		}
		found, err := p.common(ctx, sets[1:], w.found)
		if err != nil {
			return page, err
		}
		rows, err := p.rowsAt(ctx, found, &room)
		if err != nil {
			return page, err
		}
		for i, s := range rows {
			if s.ID == "" || !q.Matches(s) {
				continue
			}
			page.Sagas = append(page.Sagas, s)
			if len(page.Sagas) == limit && (i < len(found)-1 || w.end != "") {
				next := orchestrator.CursorOf(s)
				page.Next = &next
				return page, nil
			}
		}
		if n := len(rows); n < len(found) {
			page.Next, err = cursorAt(found[n-1])
			return page, err
		}
		if w.end == "" {
			return page, nil
		}
		if budget -= w.entries + rowCost*len(found); budget <= 0 || room <= 0 {
			page.Next, err = cursorAt(w.end)
			return page, err
		}
		places.below = w.end
	}
}

// rowsAt returns the rows at the first of those places, as many as there is room
// for and one at least, and takes it. Where there is no row it is the zero State.
func (p *partition) rowsAt(ctx context.Context, found []string, room *int) (rows []instance.State, err error) {
	ids := make([]string, len(found))
	for i, place := range found {
		ids[i] = place[timeDigits:]
	}
	states, n := make(map[string]instance.State, len(ids)), 0
	for n < len(ids) && (n == 0 || *room > 0) {
		read, err := p.someRows(ctx, ids[n:], states)
		if err != nil {
			return nil, err
		}
		n += read.ids
		*room -= read.bytes
	}
	for _, id := range ids[:n] {
		rows = append(rows, states[id])
	}
	return rows, nil
}

// places bounds the places of a list, each a time and an id as the index has
// them. What below bounds is not in it.
type places struct{ from, below string }

func placesOf(q orchestrator.Query) places {
	b := placesBetween(q.From, q.To)
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

func placesBetween(from, to time.Time) places {
	b := places{"", "g"} // digits are below "g"
	if !from.IsZero() {
		b.from = place(ceilMilli(from), "")
	}
	if !to.IsZero() {
		b.below = place(ceilMilli(to), "")
	}
	return b
}

func place(ms int64, id string) string {
	at := stamp(ms)
	return string(at[:]) + id
}

// cursorAt returns the cursor of a place.
func cursorAt(place string) (*orchestrator.Cursor, error) {
	at, err := timeAt(place)
	if err != nil {
		return nil, err
	}
	return &orchestrator.Cursor{Started: at, ID: place[timeDigits:]}, nil
}

// timeAt returns the time that text begins with.
func timeAt(text string) (time.Time, error) {
	if len(text) >= timeDigits {
		if ms, err := strconv.ParseUint(text[:timeDigits], 16, 64); err == nil {
			return time.UnixMilli(int64(ms ^ 1<<63)).UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("time %.32q in the index is damaged, forget the view", text)
}

// A walked piece of a list. Behind end, unless it is "", there may be more.
type walked struct {
	found   []string // places
	end     string
	entries int // that were read
}

// walk returns the first places of a list of all ranges of s together, at most
// n. It reads them as of one time, so that a row which moves from one range to
// another is in one.
func (p *partition) walk(ctx context.Context, s set, b places, n int) (w walked, err error) {
	if s.known != nil {
		return s.knownBetween(b, n), nil
	}
	if len(s.ranges) == 0 {
		return w, nil
	}
	// Of many ranges a few places each will do: those that come before the
	// end of every range that has more.
	each := min(n, max(4, 2*n/len(s.ranges)))
	commands := make([]command, len(s.ranges))
	for i, r := range s.ranges {
		commands[i] = command{"ZRANGE", indexKey, []any{"(" + r + b.below, "[" + r + b.from, "BYLEX", "REV", "LIMIT", 0, each}}
	}
	answers, err := p.read(ctx, commands...)
	if err != nil {
		return w, err
	}
	for i, answer := range answers {
		members := texts(answer)
		w.entries += len(members)
		for _, member := range members {
			if len(member) < len(s.ranges[i])+timeDigits {
				return w, fmt.Errorf("index entry %.64q is damaged, forget the view", member)
			}
			w.found = append(w.found, member[len(s.ranges[i]):])
		}
		if len(members) == each {
			w.end = max(w.end, w.found[len(w.found)-1])
		}
	}
	if len(s.ranges) > 1 {
		slices.SortFunc(w.found, func(a, b string) int { return strings.Compare(b, a) })
		w.found = slices.Compact(w.found)
	}
	w.cut(n)
	return w, nil
}

// cut keeps the first n places of those that are not behind the end.
func (w *walked) cut(n int) {
	known := len(w.found)
	if w.end != "" {
		known = 1 + slices.Index(w.found, w.end)
	}
	if known > n {
		known, w.end = n, w.found[n-1]
	}
	w.found = w.found[:known]
}

// count returns how many rows each range has among those places.
func (p *partition) count(ctx context.Context, ranges []string, b places) ([]int64, error) {
	counts := make([]int64, 0, len(ranges))
	for chunk := range slices.Chunk(ranges, commandsAtOnce) {
		commands := make([]command, len(chunk))
		for i, r := range chunk {
			commands[i] = command{"ZLEXCOUNT", indexKey, []any{"[" + r + b.from, "(" + r + b.below}}
		}
		answers, err := p.read(ctx, commands...)
		if err != nil {
			return nil, err
		}
		for _, answer := range answers {
			counts = append(counts, number(answer))
		}
	}
	return counts, nil
}

func (p *partition) Count(ctx context.Context) ([]orchestrator.Count, error) {
	counts, err := p.counts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count rows of the view: %w", err)
	}
	return counts, nil
}

func (p *partition) counts(ctx context.Context) ([]orchestrator.Count, error) {
	classes, err := p.classes(ctx)
	if err != nil {
		return nil, err
	}
	ranges := make([]string, len(classes))
	for i, c := range classes {
		ranges[i] = c.rows
	}
	counts, err := p.count(ctx, ranges, placesOf(orchestrator.Query{}))
	if err != nil {
		return nil, err
	}
	sums := map[orchestrator.Class]int{}
	for i, n := range counts {
		c := classes[i]
		version, err := strconv.Atoi(c.version)
		if err != nil {
			return nil, fmt.Errorf("index entry %.64q is damaged, forget the view", c.rows)
		}
		sums[orchestrator.Class{Definition: unescape(c.definition), Version: version, Status: instance.Status(unescape(c.status))}] = int(n)
	}
	return orchestrator.CountsOf(sums), nil
}
