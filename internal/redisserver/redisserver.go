// Package redisserver runs real redis-server processes.
package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/process"
)

// ErrNone says that there is no redis-server to start.
var ErrNone = errors.New("there is no redis-server to start: install one (apt-get install redis-server, or brew install redis)")

// A Server is a redis-server that answers.
type Server struct {
	*process.Process
	Addr string // host and port
}

// patience is how long a server may take to answer for the first time.
const patience = 10 * time.Second

// Start starts a server at a free port of this machine, with its files in dir
// and the options that are given, each beginning with "--" as on its command line.
func Start(ctx context.Context, dir string, options ...string) (*Server, error) {
	// Between our look for a free port and the server's bind another process
	// may take it; then the server exits and the next port is tried.
	for try := 1; ; try++ {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		s, err := StartAt(ctx, addr, dir, options...)
		if err == nil || errors.Is(err, ErrNone) || ctx.Err() != nil || try == 10 {
			return s, err
		}
	}
}

// StartAt is Start at an address that is known.
func StartAt(ctx context.Context, addr, dir string, options ...string) (*Server, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNone
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	p, err := process.Start(exec.Command(binary, append([]string{
		"--bind", host, "--port", port, "--dir", dir, "--save", "", "--maxmemory-policy", "noeviction",
	}, options...)...))
	if err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	s := &Server{p, addr}
	if err := s.await(ctx); err != nil {
		_ = p.Kill() // it may have ended
		return nil, err
	}
	return s, nil
}

// await waits until the server at our port answers and is the process that we
// started, not a stranger that was there before.
func (s *Server) await(ctx context.Context) error {
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1})
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := rdb.Info(ctx, "server").Result()
		switch {
		case err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", s.PID())):
			return nil
		case err == nil:
			return errors.New("another server answers at the port of redis-server")
		}
		select {
		case <-s.Ended():
			return fmt.Errorf("redis-server ended: %s", s.Said())
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// freeAddr returns an address of this machine where nobody listens right now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
