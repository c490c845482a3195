package redisview_test

import (
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// fragile lets the contract suite damage a view in Redis.
type fragile struct {
	*redisview.View
	t      *testing.T
	rdb    redis.UniversalClient
	prefix string
}

func open(t *testing.T, rdb redis.UniversalClient, opts ...redisview.Option) fragile {
	t.Helper()
	v, err := redisview.Open(t.Context(), rdb, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return fragile{v, t, rdb, redisview.DefaultPrefix}
}

func (f fragile) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f fragile) Flush() { f.must(f.rdb.FlushAll(f.t.Context()).Err()) }

func (f fragile) LoseTimers(p int) { f.must(f.rdb.Del(f.t.Context(), f.key(p, "timers")).Err()) }

func (f fragile) LoseRow(p int, id string) {
	f.must(f.rdb.HDel(f.t.Context(), f.key(p, "rows"), id).Err())
}

// Snapshot keeps the keys of partition 0 aside.
func (f fragile) Snapshot() (restore func()) {
	parts := []string{"meta", "rows", "timers", "index"}
	for _, part := range parts {
		f.must(f.rdb.Copy(f.t.Context(), f.key(0, part), "aside:"+f.key(0, part), 0, true).Err())
	}
	return func() {
		for _, part := range parts {
			f.must(f.rdb.Del(f.t.Context(), f.key(0, part)).Err())
			f.must(f.rdb.Copy(f.t.Context(), "aside:"+f.key(0, part), f.key(0, part), 0, true).Err())
		}
	}
}

func (f fragile) key(p int, part string) string {
	return fmt.Sprintf("%s{%d}:%s", f.prefix, p, part)
}

func TestView(t *testing.T) {
	t.Parallel()
	orchestratortest.TestView(t, func(t *testing.T) orchestratortest.FragileView {
		return open(t, redistest.Client(t))
	})
}

func TestViewOnMiniredis(t *testing.T) {
	t.Parallel()
	orchestratortest.TestView(t, func(t *testing.T) orchestratortest.FragileView {
		return open(t, redistest.Dial(t, miniredis.RunT(t).Addr()))
	})
}
