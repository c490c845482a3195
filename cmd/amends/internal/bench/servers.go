package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/embedded"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// begin starts the servers that are not somebody's, and connects.
func (b *bench) begin(ctx context.Context) (err error) {
	if b.redis = b.cfg.Redis; b.redis == "" {
		if b.redis, err = b.server(ctx, setup{Role: roleRedis, Dir: roleRedis}); err != nil {
			return err
		}
	}
	if !b.cfg.NATS {
		if err = b.startNATS(ctx); err != nil {
			return err
		}
	}
	if b.nc, err = b.cfg.Connect(b.nats); err != nil {
		return err
	}
	if b.js, err = jetstream.New(b.nc); err != nil {
		return err
	}
	return b.awaitLeader(ctx)
}

// leaderPatience is how long servers that were just started may take to elect
// their leader.
const leaderPatience = 30 * time.Second

// awaitLeader waits until servers that were just started have elected one: who
// asks them before gets no answer.
func (b *bench) awaitLeader(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaderPatience)
	defer cancel()
	for {
		once, cancel := context.WithTimeout(ctx, time.Second)
		_, err := b.js.AccountInfo(once)
		cancel()
		if err == nil || b.cfg.Replicas == 1 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the NATS servers elect no leader: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// startNATS starts as many servers as the journal has replicas.
func (b *bench) startNATS(ctx context.Context) error {
	var routes []string
	ports := make([]int, b.cfg.Replicas)
	for i := range ports {
		port, err := freePort()
		if err != nil {
			return err
		}
		ports[i] = port
		routes = append(routes, "nats://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	for i, port := range ports {
		set := setup{Role: roleNATS, Dir: roleNATS + strconv.Itoa(i), Sync: b.cfg.Sync}
		if len(ports) > 1 {
			set.Cluster = embedded.Cluster{Port: port, Routes: routes}
		}
		url, err := b.server(ctx, set)
		if err != nil {
			return err
		}
		if b.nats == "" {
			b.nats = url
		}
	}
	return nil
}

// server starts one, with a directory of its own.
func (b *bench) server(ctx context.Context, s setup) (url string, err error) {
	s.Name, s.Profile, s.Dir = s.Role, b.cfg.Profile, filepath.Join(b.cfg.Dir, s.Dir)
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return "", err
	}
	p, err := startPart(ctx, b.cfg.Part(""), s, b.fail)
	if err != nil {
		return "", err
	}
	b.servers = append(b.servers, p)
	return p.url, nil
}

func (b *bench) close() {
	if b.nc != nil {
		b.nc.Close()
	}
	for _, p := range b.servers {
		p.Close()
	}
}

// about says what it is that is measured.
func (b *bench) about(ctx context.Context) (Report, error) {
	rdb, err := redisview.Connect(b.redis)
	if err != nil {
		return Report{}, err
	}
	defer rdb.Close()
	if err := rdb.Ping(ctx).Err(); err != nil {
		return Report{}, fmt.Errorf("connect to Redis: %w", err)
	}
	redis := "unknown" // not every store that can be used tells
	if info, err := rdb.Info(ctx, "server").Result(); err == nil {
		_, rest, _ := strings.Cut(info, "redis_version:")
		redis, _, _ = strings.Cut(rest, "\r\n")
	}
	return Report{
		Date: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), CPUs: runtime.NumCPU(), Replicas: b.cfg.Replicas, Sync: b.cfg.Sync,
		NATS: b.nc.ConnectedServerVersion(), Redis: redis,
	}, nil
}

// draw returns the prefix of a journal that is not there yet, as long as the
// usual one: it is in every message.
func (b *bench) draw(ctx context.Context) (string, error) {
	for range 100 {
		prefix := "b" + strconv.FormatUint(36*36+rand.Uint64N(35*36*36), 36)
		_, err := b.js.Stream(ctx, natsjournal.Layout{Prefix: prefix, Partitions: 1}.Streams()[0].Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return prefix, nil
		} else if err != nil {
			return "", fmt.Errorf("look for a journal: %w", err)
		}
	}
	return "", errors.New("all prefixes are taken")
}

// forget deletes a session's journal and view. It may be called when everything
// else is over, so it has its own patience, and what it cannot delete stays.
func (b *bench) forget(prefix string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	layout := natsjournal.Layout{Prefix: prefix, Partitions: 1}
	for _, config := range layout.Streams() {
		_ = b.js.DeleteStream(ctx, config.Name)
	}
	for _, config := range layout.Buckets() {
		_ = b.js.DeleteKeyValue(ctx, config.Bucket)
	}
	rdb, err := redisview.Connect(b.redis)
	if err != nil {
		return
	}
	defer rdb.Close()
	if b.cfg.Redis == "" {
		rdb.FlushAll(ctx)
		return
	}
	if view, err := redisview.Open(ctx, rdb, redisview.WithPrefix(demo.KeyPrefix(prefix))); err == nil {
		_ = view.Partition(0).Forget(ctx)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
