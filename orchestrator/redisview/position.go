package redisview

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/amends-io/amends/orchestrator"
)

// layout names how rows and index are written. A view of another layout counts
// as lost, so a release that changes it rebuilds.
const layout = "3"

// sizesLua is what a write notes down and the next one looks for.
const sizesLua = `
local function sizes()
  return redis.call('HLEN', KEYS[2]) .. ' ' .. redis.call('ZCARD', KEYS[3]) .. ' ' .. redis.call('ZCARD', KEYS[4])
end
`

// A view that is not whole is deleted, so that no stale row outlives it.
var exchangeScript = newScript(sizesLua, `
local at = redis.call('HMGET', KEYS[1], 'revision', 'to', 'stamp', 'sizes', 'layout')
if at[4] ~= sizes() or at[5] ~= ARGV[2] then
  redis.call('UNLINK', unpack(KEYS))
  at = {'0', '0', ''}
  redis.call('HSET', KEYS[1], 'revision', 0, 'to', 0, 'stamp', '', 'sizes', sizes(), 'layout', ARGV[2])
end
redis.call('HSET', KEYS[1], 'generation', ARGV[1])
return {at[1], at[2], at[3]}
`)

func (p *partition) Exchange(ctx context.Context, generation string) (orchestrator.Position, error) {
	args := append(make([]any, scriptArgs), generation, layout)
	at, err := p.run(ctx, exchangeScript, args).StringSlice()
	if err != nil {
		return orchestrator.Position{}, fmt.Errorf("exchange the view's generation: %w", err)
	}
	return parsePosition(at[0], at[1], at[2])
}

func (p *partition) Position(ctx context.Context) (orchestrator.Position, error) {
	answers, err := p.read(ctx,
		command{"HMGET", metaKey, []any{"revision", "to", "stamp", "sizes", "layout"}},
		command{"HLEN", rowsKey, nil}, command{"ZCARD", timersKey, nil}, command{"ZCARD", indexKey, nil})
	if err != nil {
		return orchestrator.Position{}, fmt.Errorf("read the view's position: %w", err)
	}
	at, sizes := texts(answers[0]), fmt.Sprintf("%d %d %d", answers[1], answers[2], answers[3])
	if at[3] != sizes || at[4] != layout {
		return orchestrator.Position{}, nil
	}
	return parsePosition(at[0], at[1], at[2])
}

func (p *partition) Forget(ctx context.Context) error {
	if err := p.view.rdb.Unlink(ctx, p.meta, p.rows, p.timers, p.index).Err(); err != nil {
		return fmt.Errorf("forget the view: %w", err)
	}
	return nil
}

func parsePosition(revision, to, stamp string) (at orchestrator.Position, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("redisview: meta is damaged, forget the view: %w", err)
		}
	}()
	if at.Revision, err = strconv.ParseUint(revision, 10, 64); err != nil {
		return at, err
	}
	if at.To, err = strconv.ParseUint(to, 10, 64); err != nil {
		return at, err
	}
	if stamp != "" {
		err = json.Unmarshal([]byte(stamp), &at.Stamp)
	}
	return at, err
}

// formatStamp is what parsePosition reads. Times are kept in UTC.
func formatStamp(s orchestrator.Stamp) (string, error) {
	s.Created, s.Time = s.Created.UTC(), s.Time.UTC()
	text, err := json.Marshal(s)
	return string(text), err
}
