package redisview

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A change is what one write does to each key.
type change struct {
	members         members
	text            []byte // of all rows
	digest          maphash.Hash
	gone, rows      []any // of the rows
	stopped, timers []any
	left, entered   []any // of the index
	classes         map[class]bool
	before, after   []string // entries of one row
	deleted, seen   map[string]bool
}

type class struct {
	definition string
	version    int
	status     instance.Status
}

// digests of one process are comparable, and only its own writes have its generation.
var digestSeed = maphash.MakeSeed()

var zero any = "0" // the score of every index entry

func (c *change) make(w orchestrator.Write, old map[string]instance.State) error {
	c.digest.SetSeed(digestSeed)
	c.seen = make(map[string]bool, len(w.Rows))
	c.classes = map[class]bool{}
	c.rows = make([]any, 0, 2*len(w.Rows))
	c.text = slices.Grow(c.text, 1024*len(w.Rows)) // a saga of three or four steps
	c.members.expect(3 * len(w.Rows))              // a new row with one tag
	for i := range w.Deleted {
		if c.deleted == nil {
			c.deleted = make(map[string]bool, len(w.Deleted))
		}
		c.delete(&w.Deleted[i], old)
	}
	for i := range w.Rows {
		if err := c.put(&w.Rows[i], old); err != nil {
			return err
		}
	}
	for k := range c.classes {
		from := c.members.text.Len()
		c.members.text.WriteString(classNames)
		c.members.class(&instance.State{Definition: k.definition, Version: k.version, Status: k.status})
		c.entered = append(c.entered, zero, c.members.hold(c.members.end(from)))
	}
	return nil
}

func (c *change) delete(r *orchestrator.Row, old map[string]instance.State) {
	id := &r.State.ID
	c.deleted[*id] = true
	c.digest.WriteString(*id)
	c.digest.WriteByte(0)
	c.gone = append(c.gone, id)
	c.stopped = append(c.stopped, id)
	c.before = c.members.of(c.before[:0], was(r, old))
	for _, entry := range c.before {
		c.left = append(c.left, c.members.hold(entry))
	}
}

func (c *change) put(r *orchestrator.Row, old map[string]instance.State) error {
	s, id := &r.State, &r.State.ID
	if c.seen[*id] {
		return fmt.Errorf("write the view: two rows of saga %.64q", *id)
	}
	c.seen[*id] = true
	from := len(c.text)
	text, err := orchestrator.AppendState(c.text, s)
	if err != nil {
		return fmt.Errorf("encode saga %.64q: %w", *id, err)
	}
	c.text, text = text, text[from:]
	c.digest.Write(text)
	c.rows = append(c.rows, id, text)

	before := was(r, old)
	if c.deleted[*id] {
		before = nil // the row of an earlier run, which leaves in this write
	}
	c.timer(r, before)
	c.classes[class{s.Definition, s.Version, s.Status}] = true
	if before == nil || !sameEntries(before, s) {
		c.reindex(before, s)
	}
	return nil
}

// timer sets or removes the timer of a row, which had none if it is new.
func (c *change) timer(r *orchestrator.Row, before *instance.State) {
	if r.Due.IsZero() {
		c.digest.WriteByte(0)
		if before != nil {
			c.stopped = append(c.stopped, &r.State.ID)
		}
		return
	}
	var due [8]byte
	ms := ceilMilli(r.Due)
	c.digest.Write(binary.LittleEndian.AppendUint64(due[:0], uint64(ms)))
	c.timers = append(c.timers, ms, &r.State.ID)
}

// reindex lets go of the entries that a row no longer has, and adds its new ones.
func (c *change) reindex(before, s *instance.State) {
	c.before = c.members.of(c.before[:0], before)
	c.after = c.members.of(c.after[:0], s)
	for _, entry := range c.before {
		if !slices.Contains(c.after, entry) {
			c.left = append(c.left, c.members.hold(entry))
		}
	}
	for _, entry := range c.after {
		if !slices.Contains(c.before, entry) {
			c.entered = append(c.entered, zero, c.members.hold(entry))
		}
	}
}

// was returns the stored row that r replaces or deletes, or nil.
func was(r *orchestrator.Row, old map[string]instance.State) *instance.State {
	if r.Was != nil {
		if r.Was.ID == "" {
			return nil
		}
		return r.Was
	}
	if s, ok := old[r.State.ID]; ok {
		return &s
	}
	return nil
}

// maxArgs is Redis's bound on the arguments of a command.
const maxArgs = 1 << 20

// args returns what writeScript is run with. What leaves goes before what
// comes: an id that is used again may do both in one write.
func (c *change) args(w orchestrator.Write) ([]any, error) {
	stamp, err := formatStamp(w.Position.Stamp)
	if err != nil {
		return nil, fmt.Errorf("encode the view's position: %w", err)
	}
	c.digest.WriteString(stamp)
	c.digest.WriteString(formatUint(w.Position.To))
	commands := [...]command{
		{"HDEL", rowsKey, c.gone}, {"ZREM", timersKey, c.stopped}, {"ZREM", indexKey, c.left},
		{"HSET", rowsKey, c.rows}, {"ZADD", timersKey, c.timers}, {"ZADD", indexKey, c.entered},
	}
	size := scriptArgs + 6
	for _, o := range commands {
		size += 3 + len(o.args)
	}
	if size > maxArgs {
		return nil, fmt.Errorf("write the view: %d rows are too many for one write", len(w.Rows)+len(w.Deleted))
	}
	args := append(make([]any, scriptArgs, size), w.Generation, formatUint(w.Position.Revision-1),
		formatUint(w.Position.Revision), strconv.FormatUint(c.digest.Sum64(), 16), formatUint(w.Position.To), stamp)
	for _, o := range commands {
		if len(o.args) > 0 {
			args = o.appendTo(args)
		}
	}
	return args, nil
}

// ceilMilli rounds up, so that no timer is early.
func ceilMilli(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		ms++
	}
	return ms
}

func formatUint(n uint64) string { return strconv.FormatUint(n, 10) }
