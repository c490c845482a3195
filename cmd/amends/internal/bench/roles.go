package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/embedded"
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

// ErrNoRedis says that there is no redis-server to start.
var ErrNoRedis = errors.New("there is no redis-server to start: install one (apt-get install redis-server, or brew install redis), or set REDIS_URL")

// openRedis starts a real redis-server that keeps an AOF as most do.
func openRedis(ctx context.Context, s setup, fail func(error)) (*worker, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoRedis
	}
	// Between our look for a free port and the server's bind somebody may take
	// it; then the next one is tried.
	for range 5 {
		var w *worker
		if w, err = startRedis(ctx, binary, s.Dir, fail); err == nil {
			return w, nil
		}
	}
	return nil, err
}

func startRedis(ctx context.Context, binary, dir string, fail func(error)) (*worker, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "--bind", "127.0.0.1", "--port", port, "--dir", dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction")
	p, err := startProcess(cmd)
	if err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	w := &worker{url: "redis://" + net.JoinHostPort("127.0.0.1", port) + "/0"}
	rdb := redis.NewClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", port)})
	w.close = func() {
		_ = rdb.Close()
		p.kill()
	}
	w.cpu = func(ctx context.Context) (float64, error) { return redisCPU(ctx, rdb) }
	if err := awaitRedis(ctx, rdb, p); err != nil {
		w.close()
		return nil, err
	}
	go func() {
		<-p.ended
		fail(errors.New("redis-server ended: " + p.said.String()))
	}()
	return w, nil
}

// awaitRedis waits until the server at our port answers and is our process.
func awaitRedis(ctx context.Context, rdb *redis.Client, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := rdb.Info(ctx, "server").Result()
		switch {
		case err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", p.pid())):
			return nil
		case err == nil:
			return errors.New("another server answers at the port of redis-server")
		}
		select {
		case <-p.ended:
			return fmt.Errorf("redis-server ended: %s", p.said.String())
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// redisCPU is what the server has used, those included that rewrote its AOF.
func redisCPU(ctx context.Context, rdb *redis.Client) (ms float64, err error) {
	info, err := rdb.Info(ctx, "cpu").Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "used_cpu_sys", "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children":
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, fmt.Errorf("INFO cpu: %s: %w", name, err)
			}
			ms += 1000 * seconds
		}
	}
	return ms, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
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
