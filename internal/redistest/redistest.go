// Package redistest starts real redis-server processes for tests.
package redistest

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redisserver"
)

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
	dir     string
	options []string
	running *redisserver.Server // or killed
}

// New starts a server; see Start. Its options are those of its command line.
func New(t testing.TB, options ...string) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), options: append([]string{"--appendonly", "no"}, options...)}
	var err error
	if s.running, err = redisserver.Start(t.Context(), s.dir, s.options...); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	t.Cleanup(s.Kill)
	return s
}

// Addr is the server's host and port, the same after a Restart.
func (s *Server) Addr() string { return s.running.Addr }

// Client returns a client of s, closed when the test ends.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	return Dial(t, s.Addr())
}

// Dial returns a client of whatever server is there, closed when the test ends.
// It waits longer for an answer than a client usually does: on a machine that
// does a lot else, a slow script is no fault.
func Dial(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Kill ends the server as kill -9 does. A server that does not run stays so.
func (s *Server) Kill() { _ = s.running.Kill() }

// Restart kills the server and starts it again at the same address, empty.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	again, err := redisserver.StartAt(t.Context(), s.Addr(), s.dir, s.options...)
	if err != nil {
		t.Fatalf("redistest: restart: %v", err)
	}
	s.running = again
}
