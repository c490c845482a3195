package redisview

import (
	"context"
	"fmt"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Bounds on one command, so that no answer keeps other clients waiting.
const (
	rowsAtOnce   = 250
	bytesAtOnce  = 4 << 20 // of rows, after which an answer has no further one
	timersAtOnce = 5000
)

func (p *partition) States(ctx context.Context, ids []string) (map[string]instance.State, error) {
	states := make(map[string]instance.State, len(ids))
	for len(ids) > 0 {
		read, err := p.someRows(ctx, ids, states)
		if err != nil {
			return nil, err
		}
		ids = ids[read.ids:]
	}
	return states, nil
}

// rowsScript reads rows in the order of their ids until they have ARGV[1]
// bytes, and says of which write they are.
var rowsScript = newScript(`
local rows, size = {}, 0
for i = 2, #ARGV do
  local row = redis.call('HMGET', KEYS[2], ARGV[i])[1]
  rows[i - 1] = row
  if row then size = size + #row end
  if size >= tonumber(ARGV[1]) then break end
end
return {rows, redis.call('HMGET', KEYS[1], 'generation', 'revision')}
`)

// rowsRead says how much was read at once, and of which write.
type rowsRead struct {
	ids, bytes           int
	generation, revision string
}

// someRows adds to states the rows of the first of ids: one at least, and as many as
// one answer may hold.
func (p *partition) someRows(ctx context.Context, ids []string, states map[string]instance.State) (s rowsRead, err error) {
	ids = ids[:min(len(ids), rowsAtOnce)]
	args := append(make([]any, scriptArgs, scriptArgs+1+len(ids)), bytesAtOnce)
	for i := range ids {
		args = append(args, &ids[i])
	}
	answers, err := p.run(ctx, rowsScript, args).Slice()
	if err != nil {
		return s, fmt.Errorf("read rows of the view: %w", err)
	}
	rows, _ := answers[0].([]any)
	if len(rows) == 0 {
		return s, fmt.Errorf("read rows of the view: no answer about %d sagas", len(ids))
	}
	at := texts(answers[1])
	s = rowsRead{ids: len(rows), generation: at[0], revision: at[1]}
	for _, row := range rows {
		text, _ := row.(string)
		s.bytes += len(text)
	}
	return s, decodeInto(states, ids, rows)
}

func decodeInto(states map[string]instance.State, ids []string, values []any) error {
	for i, value := range values {
		text, ok := value.(string)
		if !ok {
			continue // no row
		}
		s, err := orchestrator.DecodeState([]byte(text))
		if err != nil {
			return fmt.Errorf("redisview: the row of saga %.64q is damaged, forget the view: %w", ids[i], err)
		}
		states[ids[i]] = s
	}
	return nil
}

// Timers reads by rank. That misses none while nobody writes, and nobody but
// the caller can: it has exchanged the generation.
func (p *partition) Timers(ctx context.Context, handle func(id string, due time.Time)) error {
	for from := int64(0); ; from += timersAtOnce {
		timers, err := p.view.rdb.ZRangeWithScores(ctx, p.timers, from, from+timersAtOnce-1).Result()
		if err != nil {
			return fmt.Errorf("read timers of the view: %w", err)
		}
		for _, z := range timers {
			id, _ := z.Member.(string)
			handle(id, time.UnixMilli(int64(z.Score)).UTC())
		}
		if len(timers) < timersAtOnce {
			return nil
		}
	}
}
