// Package redistest starts real redis-server processes for tests.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long a server may take to answer its first PING.
const patience = 10 * time.Second

// Start starts a redis-server that lives as long as the test and keeps nothing
// on disk, and returns its host and port. Without redis-server in the PATH the
// test fails: a suite that skips itself proves nothing.
func Start(t testing.TB) (addr string) {
	t.Helper()
	return New(t).Addr()
}

// Client returns a client of a server of its own.
func Client(t testing.TB) *redis.Client {
	t.Helper()
	return New(t).Client(t)
}

// A Server is a redis-server that a test may kill and start again.
type Server struct {
	binary, dir, port string
	proc              *process // nil when it does not run
}

// New starts a server; see Start.
func New(t testing.TB) *Server {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("redistest: %v; install it with: apt-get install redis-server (or: brew install redis)", err)
	}
	s := &Server{binary: binary, dir: t.TempDir()}
	t.Cleanup(s.Kill)
	// Between our look for a free port and the server's bind another process
	// may take it; then the server exits and the next port is tried.
	for range 10 {
		if s.port, err = freePort(); err != nil {
			break
		}
		if err = s.start(); err == nil {
			return s
		}
	}
	t.Fatalf("redistest: %v", err)
	return nil
}

// Addr is the server's host and port, the same after a Restart.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

// Client returns a client of s, closed when the test ends.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr()})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Kill ends the server as kill -9 does. A server that does not run stays so.
func (s *Server) Kill() {
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

// Restart kills the server and starts it again at the same address, empty.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	if err := s.start(); err != nil {
		t.Fatalf("redistest: restart: %v", err)
	}
}

func (s *Server) start() error {
	p, err := startProcess(exec.Command(s.binary,
		"--bind", "127.0.0.1", "--port", s.port, "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"))
	if err != nil {
		return err
	}
	if err := s.await(p); err != nil {
		p.kill()
		return err
	}
	s.proc = p
	return nil
}

// await waits until the server at our port answers and is the process that we
// started, not a stranger that was there before.
func (s *Server) await(p *process) error {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := c.Info(ctx, "server").Result()
		switch {
		case err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", p.pid())):
			return nil
		case err == nil:
			return errors.New("another server answers at our port")
		}
		select {
		case <-p.done:
			return fmt.Errorf("redis-server ended: %s", p.output.String())
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}
