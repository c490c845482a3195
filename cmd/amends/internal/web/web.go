// Package web serves the console over HTTP, beside whatever drives sagas.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/console"
	"github.com/amends-io/amends/orchestrator/console/ui"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// Parts are what verbs are asked through. They stay the caller's.
type Parts struct {
	Journal *natsjournal.Journal
	View    orchestrator.View
	Client  *client.Client
	Name    string // of this process; its host's if empty
	Log     *slog.Logger
}

// Verbs returns verbs over p, which the caller closes.
func (p Parts) Verbs() *verbs.Verbs {
	if p.Name == "" {
		p.Name, _ = os.Hostname() // without one it has no name
	}
	return verbs.New(verbs.Config{
		Journal: p.Journal, View: p.View, Sagas: p.Client.Sagas(), Fleet: p.Client, Name: p.Name, Log: p.Log,
		Durability: func(ctx context.Context) (verbs.Durability, error) {
			d, err := p.Journal.Profile(ctx)
			return verbs.Durability{Partitions: d.Partitions, Replicas: d.Replicas, Server: d.Server, APILevel: d.APILevel, Sync: d.Sync}, err
		},
	})
}

// Config says where the console is.
type Config struct {
	Verbs    *verbs.Verbs
	Feed     console.Feed
	Address  string       // host:port; port 0 is a free one
	BasePath string       // in front of every path
	Version  string       // of the program, for the pages
	ReadOnly bool         // refuse changes
	Hosts    []string     // names it goes by, beside those of the loopback
	Metrics  http.Handler // of Prometheus, at /metrics; nil if nobody asked for them
	Log      *slog.Logger
}

// A Server serves the console until it is closed.
type Server struct {
	URL string // where people find it

	http    *http.Server
	console *console.Console
	ended   chan error
	after   func() // closes the rest, of a console that is apart
}

// writeTimeout bounds an answer: one that its reader does not take holds a whole
// history. Streams have a bound of their own for each event.
const writeTimeout = 2 * time.Minute

// loopback are the names that a request to this machine's own address is for.
var loopback = []string{"localhost", "127.0.0.1", "::1"}

// Start listens, and serves.
func Start(cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("serve HTTP: %w", err)
	}
	address := listener.Addr().(*net.TCPAddr)
	hosts := cfg.Hosts
	if address.IP.IsLoopback() {
		hosts = slices.Concat(hosts, loopback)
	} else if len(hosts) == 0 {
		cfg.Log.Warn("the console has no authentication yet, and listens beyond this machine", "address", address.String())
	}
	c, err := console.New(console.Config{Verbs: cfg.Verbs, Feed: cfg.Feed, BasePath: cfg.BasePath, ReadOnly: cfg.ReadOnly, Hosts: hosts, Log: cfg.Log})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	pages, err := ui.New(ui.Config{Base: cfg.BasePath, Version: cfg.Version, ReadOnly: cfg.ReadOnly})
	if err != nil {
		c.Close()
		return nil, errors.Join(err, listener.Close())
	}
	c.Handle("/", pages)
	s := &Server{
		URL: "http://" + address.String() + cfg.BasePath, console: c, ended: make(chan error, 1),
		http: &http.Server{
			Handler: handler(c, cfg), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
			WriteTimeout:   writeTimeout,
			MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
		},
	}
	go func() { s.ended <- s.http.Serve(listener) }()
	return s, nil
}

// handler is the console, and /metrics beside it.
func handler(c http.Handler, cfg Config) http.Handler {
	if cfg.Metrics == nil {
		return c
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == cfg.BasePath+"/metrics" {
			cfg.Metrics.ServeHTTP(w, r)
			return
		}
		c.ServeHTTP(w, r)
	})
}

// Close ends the streams, finishes what is under way, and closes the rest. A
// nil server is none.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	if s.after != nil {
		defer s.after()
	}
	s.console.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
