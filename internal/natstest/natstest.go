// Package natstest starts nats-servers with JetStream inside a test's process.
package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// patience is how long a server may take to accept connections.
const patience = 10 * time.Second

// An Option changes the configuration of a server before it starts.
type Option func(*server.Options)

// StoreDir keeps JetStream's files in dir, so that a second server can go on
// where the first one stopped.
func StoreDir(dir string) Option {
	return func(o *server.Options) { o.StoreDir = dir }
}

// Port listens on a port of one's own choice, for a server that comes back.
func Port(port int) Option {
	return func(o *server.Options) { o.Port = port }
}

// Start starts a server on a random port of the loopback that keeps its files
// in a directory of the test, and stops it when the test ends.
func Start(t testing.TB, options ...Option) *server.Server {
	t.Helper()
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(),
		NoLog: true, NoSigs: true,
	}
	for _, option := range options {
		option(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatalf("natstest: %v", err)
	}
	s.Start()
	t.Cleanup(func() { Stop(s) })
	if !s.ReadyForConnections(patience) {
		t.Fatalf("natstest: the server accepts no connections within %v", patience)
	}
	return s
}

// Stop stops s and waits until its files are closed. It may be called twice.
func Stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// Connect returns a connection to s that the end of the test closes. It is set
// up as a program of ours would be: it comes back for ever, and buffers nothing
// while it is away, because a stale publish is worse than an error.
func Connect(t testing.TB, s *server.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	return Dial(t, s.ClientURL(), options...)
}

// Dial is Connect to a URL.
func Dial(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.Name(t.Name()),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(20 * time.Millisecond),
		nats.ReconnectBufSize(-1),
	}, options...)...)
	if err != nil {
		t.Fatalf("natstest: %v", err)
	}
	t.Cleanup(nc.Close)
	return nc
}
