package redisview

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Measure tells took of every command of rdb: its name, PIPELINE or MULTI for
// several at once, and how long its answer took. It is told no arguments.
func Measure(rdb redis.UniversalClient, took func(operation string, d time.Duration, err error)) {
	rdb.AddHook(stopwatch(took))
}

type stopwatch func(operation string, d time.Duration, err error)

func (s stopwatch) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (s stopwatch) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmd)
		s(strings.ToUpper(cmd.Name()), time.Since(began), failure(err))
		return err
	}
}

func (s stopwatch) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmds)
		operation := "PIPELINE"
		if len(cmds) > 0 && cmds[0].Name() == "multi" {
			operation = "MULTI"
		}
		s(operation, time.Since(began), failure(err))
		return err
	}
}

// failure is err, unless it says only that there is nothing, or that a script
// has to be sent whole.
func failure(err error) error {
	if errors.Is(err, redis.Nil) || err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		return nil
	}
	return err
}
