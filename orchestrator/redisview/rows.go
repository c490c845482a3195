package redisview

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Bounds on one command, so that no answer keeps other clients waiting.
const (
	rowsAtOnce   = 250
	timersAtOnce = 5000
)

func (p *partition) States(ctx context.Context, ids []string) (map[string]instance.State, error) {
	states := make(map[string]instance.State, len(ids))
	for chunk := range slices.Chunk(ids, rowsAtOnce) {
		values, err := p.view.rdb.HMGet(ctx, p.rows, chunk...).Result()
		if err != nil {
			return nil, fmt.Errorf("read rows of the view: %w", err)
		}
		if err := decodeInto(states, chunk, values); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// hmget asks for rows as States does, within a script.
func hmget(ids []string) []command {
	var commands []command
	for chunk := range slices.Chunk(ids, rowsAtOnce) {
		c := command{"HMGET", rowsKey, make([]any, len(chunk))}
		for i := range chunk {
			c.args[i] = &chunk[i]
		}
		commands = append(commands, c)
	}
	return commands
}

// decodeRows reads the answers to hmget.
func decodeRows(ids []string, answers []any) (map[string]instance.State, error) {
	states := map[string]instance.State{}
	for chunk := range slices.Chunk(ids, rowsAtOnce) {
		values, _ := answers[0].([]any)
		if err := decodeInto(states, chunk, values); err != nil {
			return nil, err
		}
		answers = answers[1:]
	}
	return states, nil
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
