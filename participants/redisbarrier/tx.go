package redisbarrier

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// A Tx is what a handler reads and writes Redis with. It is for the call of the
// handler that it was given to, and for one goroutine.
type Tx struct{ t *transaction }

type transaction struct {
	rtx   *redis.Tx
	queue []func(redis.Pipeliner)
}

// Queue adds writes to the transaction. They are executed together with the
// barrier's row when the handler has returned without error, and dropped
// otherwise; their results are not to be had. All keys have the handler's tag.
func (tx Tx) Queue(writes func(redis.Pipeliner)) {
	tx.t.queue = append(tx.t.queue, writes)
}

// Read watches keys and runs the reads of f in the same round trip: their
// results are there when it returns. It returns the first error, redis.Nil
// included. f must read these keys only, and must not write.
func (tx Tx) Read(ctx context.Context, f func(redis.Pipeliner), keys ...string) error {
	// The connection watches the row already, so that the client knows of a
	// watch to end, and a WATCH that it did not send itself ends with it.
	_, err := tx.t.rtx.Pipelined(ctx, func(p redis.Pipeliner) error {
		watch := make([]any, 1, 1+len(keys))
		watch[0] = "watch"
		for _, key := range keys {
			watch = append(watch, key)
		}
		p.Do(ctx, watch...)
		f(p)
		return nil
	})
	return err
}

// Watch makes the transaction fail, and the handler be called again, if one of
// keys changes. Keys that are read by the methods of Tx are watched already.
func (tx Tx) Watch(ctx context.Context, keys ...string) error {
	return tx.t.rtx.Watch(ctx, keys...).Err()
}

// Get watches and gets key.
func (tx Tx) Get(ctx context.Context, key string) *redis.StringCmd {
	return read(ctx, tx, key, func(p redis.Pipeliner) *redis.StringCmd { return p.Get(ctx, key) })
}

// Exists watches key and tells whether it exists, by 1 or 0.
func (tx Tx) Exists(ctx context.Context, key string) *redis.IntCmd {
	return read(ctx, tx, key, func(p redis.Pipeliner) *redis.IntCmd { return p.Exists(ctx, key) })
}

// HGet watches key and gets one field of the hash.
func (tx Tx) HGet(ctx context.Context, key, field string) *redis.StringCmd {
	return read(ctx, tx, key, func(p redis.Pipeliner) *redis.StringCmd { return p.HGet(ctx, key, field) })
}

// HMGet watches key and gets fields of the hash.
func (tx Tx) HMGet(ctx context.Context, key string, fields ...string) *redis.SliceCmd {
	return read(ctx, tx, key, func(p redis.Pipeliner) *redis.SliceCmd { return p.HMGet(ctx, key, fields...) })
}

// HGetAll watches key and gets the whole hash.
func (tx Tx) HGetAll(ctx context.Context, key string) *redis.MapStringStringCmd {
	return read(ctx, tx, key, func(p redis.Pipeliner) *redis.MapStringStringCmd { return p.HGetAll(ctx, key) })
}

// read runs one command. A round trip that fails sets the command's error.
func read[C redis.Cmder](ctx context.Context, tx Tx, key string, f func(redis.Pipeliner) C) C {
	var cmd C
	if err := tx.Read(ctx, func(p redis.Pipeliner) { cmd = f(p) }, key); err != nil && cmd.Err() == nil {
		cmd.SetErr(err) // the WATCH failed
	}
	return cmd
}
