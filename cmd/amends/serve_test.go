package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/amends-io/amends/internal/natstest"
)

// served is a 'serve' in this process.
type served struct {
	stderr *watched
	stop   context.CancelFunc
	code   chan int
}

func (s *system) serve(args ...string) *served {
	ctx, cancel := context.WithCancel(context.Background())
	r := &served{stderr: &watched{}, stop: cancel, code: make(chan int, 1)}
	go func() {
		r.code <- run(ctx, env{
			stdin: strings.NewReader(""), stdout: r.stderr, stderr: r.stderr,
			getenv: func(name string) string { return s.variables[name] },
		}, append([]string{"serve"}, args...))
	}()
	s.t.Cleanup(cancel)
	return r
}

func (r *served) ends(t testing.TB) int {
	t.Helper()
	select {
	case code := <-r.code:
		return code
	case <-time.After(20 * time.Second):
		t.Fatalf("serve does not end:\n%s", r.stderr.String())
		return 0
	}
}

// says waits until text is logged.
func (r *served) says(t testing.TB, text string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(20 * time.Second)
	for !strings.Contains(r.stderr.String(), text) {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("serve does not say %q:\n%s", text, r.stderr.String())
		}
	}
}

const validOrder = `{"number":"o-1","customer":"ann","article":"cup","units":1,"price":100,"date":"2026-01-01","country":"SE"}`

func TestServeDrivesSagasUntilItIsToldToStop(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	m := s.serve("--name", "m1", "--log", "json", "--retention", "720h")
	s.until(func(out string) bool { return strings.Count(out, "live for") == 2 }, "status")
	s.must("start", "place-order", validOrder, "--id", "o-1")
	s.until(func(out string) bool { return strings.Contains(out, "reserve-stock") }, "get", "o-1")
	s.until(func(out string) bool { return out == "o-1\n" }, "list", "-o", "name", "--status", "running")
	m.stop()
	if code := m.ends(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(m.stderr.String()) {
		objects(t, line)
	}
	has(t, m.stderr.String(), `"member":"m1"`)
	s.ends(exitError, "status") // nobody is left
}

func TestServeSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	for _, test := range []struct {
		change func(map[string]string)
		args   []string
		code   int
		want   string
	}{
		{args: []string{"--log", "xml"}, code: exitUsage, want: "neither text nor json"},
		{args: []string{"--name", "a b"}, code: exitUsage, want: "member"},
		{args: []string{"--retention", "-1h"}, code: exitUsage, want: "a time of -1h"},
		{args: []string{"--server", "nats://127.0.0.1:1", "--wait-for-servers", "0s"}, code: exitError, want: "NATS at nats://127.0.0.1:1 does not answer"},
		{args: []string{"--require-replicas", "3"}, code: exitError, want: "1 replicas"},
		{args: []string{"--prefix", "other"}, code: exitError, want: "amends init"},
		{args: []string{"--redis", "redis://127.0.0.1:1", "--wait-for-servers", "0s"}, code: exitError, want: "REDIS_URL"},
		{args: []string{"--redis", "http://x"}, code: exitUsage, want: "address of Redis"},
		{args: []string{"extra"}, code: exitUsage, want: "no argument"},
	} {
		m := s.serve(test.args...)
		if code := m.ends(t); code != test.code || !strings.Contains(m.stderr.String(), test.want) {
			t.Errorf("serve %v: exit code %d, want %d and %q:\n%s", test.args, code, test.code, test.want, m.stderr.String())
		}
	}
}

// What starts everything together starts it in any order.
func TestServeWaitsForItsServers(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.redis.Close()
	m := s.serve()
	m.says(t, "waiting for a server")
	if err := s.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	m.says(t, "msg=serving")
	m.stop()
	if code := m.ends(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	m = s.serve("--server", address.String())
	m.says(t, "waiting for a server")
	natstest.Start(t, natstest.Port(address.Port))
	if code := m.ends(t); code != exitError || !strings.Contains(m.stderr.String(), "amends init") {
		t.Errorf("exit code %d, and nothing that says how to make the journal:\n%s", code, m.stderr.String())
	}
}

func TestInitMakesTheJournalOnce(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.must("init", "--partitions", "2") // again
	has(t, s.ends(exitError, "init", "--partitions", "3").stderr, "amends-partitions")
	s.ends(exitUsage, "init", "--partitions", "0", "--dry-run")
	r := s.ends(exitOK, "init", "--partitions", "2", "--prefix", "shop", "--dry-run")
	has(t, r.stderr, "nats stream add SHOP-0", "nats stream add SHOP-1", "nats kv add AMENDS-SHOP-LEASES")
	if n := len(objects(t, r.stdout)); n != 2 {
		t.Errorf("%d configurations, want 2", n)
	}
	has(t, s.ends(exitError, "get", "e", "--prefix", "shop").stderr, "there is no journal")
}
