package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/embedded"
	"github.com/amends-io/amends/internal/redisserver"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/sagas"
)

func openNATS(s setup, cpu func(context.Context) (float64, error)) (*worker, error) {
	servers, err := embedded.Start(embedded.Config{Dir: s.Dir, Sync: s.Sync, Cluster: s.Cluster})
	if err != nil {
		return nil, err
	}
	return &worker{url: servers.NATSURL, cpu: cpu, close: servers.Close}, nil
}

// openRedis starts a real redis-server that keeps an AOF as most do.
func openRedis(ctx context.Context, s setup, fail func(error)) (*worker, error) {
	server, err := redisserver.Start(ctx, s.Dir, "--appendonly", "yes", "--appendfsync", "everysec")
	if err != nil {
		if errors.Is(err, redisserver.ErrNone) {
			err = fmt.Errorf("%w, or set REDIS_URL", err)
		}
		return nil, err
	}
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	w := &worker{url: "redis://" + server.Addr + "/0"}
	w.close = func() {
		_ = rdb.Close()
		_ = server.Kill() // fails only if it has ended
	}
	w.cpu = func(ctx context.Context) (float64, error) { return redisserver.CPU(ctx, rdb) }
	go func() {
		<-server.Ended()
		fail(errors.New("redis-server ended: " + server.Said()))
	}()
	return w, nil
}

// openOrchestrator is what 'amends serve' does.
func (w *worker) openOrchestrator(ctx context.Context, s setup, nc *nats.Conn, fail func(error)) error {
	rdb, err := w.redis(s)
	if err != nil {
		return err
	}
	m := demo.Member{
		NC: nc, Redis: rdb, Prefix: s.Prefix, KeyPrefix: demo.KeyPrefix(s.Prefix), Name: "bench", Version: "0.0.0",
		Definitions: []sagas.Definition{placeOrder.Definition}, Log: slog.New(slog.DiscardHandler),
	}
	w.background(ctx, fail, m.Run)
	return nil
}

func (w *worker) openParticipant(ctx context.Context, s setup, nc *nats.Conn, fail func(error)) error {
	var rdb redis.UniversalClient
	if s.Barrier {
		var err error
		if rdb, err = w.redis(s); err != nil {
			return err
		}
	}
	p := newParticipant(nc, rdb, s.Name, s.Prefix)
	if err := p.Check(); err != nil {
		return err
	}
	w.background(ctx, fail, p.Run)
	return nil
}

// redis connects to Redis, until w is closed.
func (w *worker) redis(s setup) (redis.UniversalClient, error) {
	rdb, err := redisview.Connect(s.Redis)
	if err != nil {
		return nil, err
	}
	before := w.close
	w.close = func() {
		_ = rdb.Close() // nothing is under way any more
		before()
	}
	return rdb, nil
}
