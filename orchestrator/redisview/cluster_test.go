package redisview_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/orchestrator/redisview"
)

func TestViewOnACluster(t *testing.T) {
	t.Parallel()
	addr := startCluster(t)
	var prefixes atomic.Int64 // a cluster takes long to start, so the tests share it
	orchestratortest.TestView(t, func(t *testing.T) orchestratortest.FragileView {
		prefix := fmt.Sprintf("test-%d:", prefixes.Add(1))
		v := open(t, cluster(t, addr), redisview.WithPrefix(prefix))
		v.prefix = prefix
		return sharing{v}
	})
}

// sharing is a view that flushes nothing but its own keys.
type sharing struct{ fragile }

func (f sharing) Flush() {
	for p := range 2 {
		f.must(f.rdb.Del(f.t.Context(), f.key(p, "meta"), f.key(p, "rows"), f.key(p, "timers"), f.key(p, "index")).Err())
	}
}

func cluster(t *testing.T, addr string) *redis.ClusterClient {
	t.Helper()
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ReadTimeout: time.Minute})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// startCluster starts a cluster of one server that has every slot, so that keys
// of different slots in one command are refused as in a larger one.
func startCluster(t *testing.T) (addr string) {
	t.Helper()
	// The cluster's own port would be too high for most of those that are free.
	server := redistest.New(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t))
	rdb := server.Client(t)
	if err := rdb.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "the cluster is ready", func() bool {
		return strings.Contains(rdb.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	return server.Addr()
}

func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !true() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it does not come to pass that %s", what)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
