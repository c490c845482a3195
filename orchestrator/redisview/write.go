package redisview

import (
	"context"
	"fmt"
	"sync"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// writeScript is given what must hold, what the position becomes, and then
// commands, each as its name, the number of its key, how many arguments follow,
// and those. Lua cannot pass on more than some thousand arguments at once.
//
// The position is set first and the sizes last. Where memory is used up, Redis
// refuses HSET but would let a deletion pass: as the first command it keeps the
// script from doing half of its work. Should the script fail between the two,
// on a key of a wrong type, the sizes are empty and the view counts as lost.
var writeScript = newScript(sizesLua, `
local at = redis.call('HMGET', KEYS[1], 'generation', 'revision', 'write', 'sizes')
if at[1] ~= ARGV[1] or at[4] ~= sizes() then return 0 end
if at[2] == ARGV[3] and at[3] == ARGV[4] then return 1 end
if at[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[3], 'write', ARGV[4], 'to', ARGV[5], 'stamp', ARGV[6], 'sizes', '')
local i, n = 7, #ARGV
while i <= n do
  local last = i + 2 + tonumber(ARGV[i + 2])
  for from = i + 3, last, 1000 do
    redis.call(ARGV[i], KEYS[tonumber(ARGV[i + 1])], unpack(ARGV, from, math.min(from + 999, last)))
  end
  i = last + 1
end
redis.call('HSET', KEYS[1], 'sizes', sizes())
return 1
`)

// rooms are for the text of rows: one write is as large as the next.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// maxRoom is as much as one is kept for, in bytes: a full write of rows as they
// mostly are. Writes go on for ever, so a larger one would never be freed.
const maxRoom = 4 << 20

func (p *partition) Write(ctx context.Context, w orchestrator.Write) error {
	old, err := p.unknown(ctx, w)
	if err != nil {
		return err
	}
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room) // the command has been sent by then, or never will be
	c := change{text: (*room)[:0]}
	if err := c.make(w, old); err != nil {
		return err
	}
	if cap(c.text) <= maxRoom {
		*room = c.text
	}
	args, err := c.args(w)
	if err != nil {
		return err
	}
	taken, err := p.run(ctx, writeScript, args).Int()
	if err != nil {
		return fmt.Errorf("write the view: %w", err)
	}
	if taken == 0 {
		return orchestrator.ErrNotFollowing
	}
	return nil
}

// unknown reads the rows that w replaces or deletes where it does not say what
// they are. The revision is read with them: the script takes the write only if
// the stored revision is still that one, so nobody can have changed a row in
// between.
func (p *partition) unknown(ctx context.Context, w orchestrator.Write) (map[string]instance.State, error) {
	var ids []string
	for _, rows := range [...][]orchestrator.Row{w.Rows, w.Deleted} {
		for i := range rows {
			if rows[i].Was == nil {
				ids = append(ids, rows[i].State.ID)
			}
		}
	}
	states := make(map[string]instance.State, len(ids))
	for len(ids) > 0 {
		at, err := p.someRows(ctx, ids, states)
		if err != nil {
			return nil, fmt.Errorf("what a write replaces: %w", err)
		}
		// At its own revision w is stored already, and the script will say so.
		if at.generation != w.Generation || at.revision != formatUint(w.Position.Revision-1) && at.revision != formatUint(w.Position.Revision) {
			return nil, orchestrator.ErrNotFollowing
		}
		ids = ids[at.ids:]
	}
	return states, nil
}
