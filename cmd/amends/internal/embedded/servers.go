// Package embedded runs inside the process what a demonstration needs and
// nobody has to install: a NATS server whose journal is on disk, and a
// Redis-compatible store that keeps everything in memory. Both listen on the
// loopback alone, so that the CLI and redis-cli can look.
package embedded

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// Config says where the servers are. A port that is zero is drawn at random.
type Config struct {
	Dir       string // of the journal; made if it is not there
	NATSPort  int
	RedisPort int
	Log       string // file for what the NATS server logs; nowhere if empty
	Sync      bool   // the NATS server writes to disk what it acknowledges, and not within two minutes
	Cluster   Cluster
}

// A Cluster is where the NATS server finds others of its kind.
type Cluster struct {
	Port   int      // of this server's routes; no cluster if zero
	Routes []string // URLs of all servers' routes
}

// Servers run until they are closed.
type Servers struct {
	Dir      string
	NATSURL  string
	RedisURL string

	nats  *server.Server
	redis *miniredis.Miniredis
	lock  *os.File
}

const (
	host     = "127.0.0.1"
	patience = 20 * time.Second // of a server that finds a large journal
)

// Start starts both servers.
func Start(cfg Config) (_ *Servers, err error) {
	s := &Servers{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the journal's directory: %w", err)
	}
	if s.lock, err = lock(s.Dir); err != nil {
		return nil, err
	}
	if err := s.startNATS(cfg); err != nil {
		return nil, err
	}
	return s, s.startRedis(cfg)
}

func (s *Servers) startNATS(cfg Config) error {
	options := &server.Options{
		ServerName: "amends-embedded", Host: host, Port: cfg.NATSPort,
		JetStream: true, StoreDir: filepath.Join(s.Dir, "nats"),
		NoSublistCache: true, // each subject is an id's own: no entry would be found a second time
		NoLog:          cfg.Log == "", LogFile: cfg.Log, NoSigs: true,
	}
	options.SyncAlways = cfg.Sync
	if c := cfg.Cluster; c.Port != 0 {
		options.ServerName += "-" + strconv.Itoa(c.Port)
		options.Cluster = server.ClusterOpts{Name: "amends-embedded", Host: host, Port: c.Port}
		options.Routes = server.RoutesFromStr(strings.Join(c.Routes, ","))
	}
	if cfg.NATSPort == 0 {
		options.Port = server.RANDOM_PORT
	} else if err := free(cfg.NATSPort); err != nil {
		return fmt.Errorf("the NATS server's port: %w", err)
	}
	nats, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("the NATS server: %w", err)
	}
	s.nats = nats
	if cfg.Log != "" {
		nats.ConfigureLogger()
	}
	nats.Start()
	if !nats.ReadyForConnections(patience) {
		return fmt.Errorf("the NATS server took no connection for %v; its files are in %s", patience, options.StoreDir)
	}
	if !nats.JetStreamEnabled() {
		return fmt.Errorf("the NATS server cannot use its files in %s", options.StoreDir)
	}
	s.NATSURL = nats.ClientURL()
	return nil
}

// free fails if somebody listens on port. The NATS server does not tell.
func free(port int) error {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return err
	}
	return l.Close()
}

func (s *Servers) startRedis(cfg Config) error {
	s.redis = miniredis.NewMiniRedis()
	if err := s.redis.StartAddr(address(cfg.RedisPort)); err != nil {
		s.redis = nil
		return fmt.Errorf("the store's port: %w", err)
	}
	s.RedisURL = "redis://" + s.redis.Addr() + "/0"
	return nil
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// Close stops both servers and waits until the journal's files are closed. It
// may be called again.
func (s *Servers) Close() {
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
		s.nats = nil
	}
	if s.redis != nil {
		s.redis.Close()
		s.redis = nil
	}
	if s.lock != nil {
		_ = s.lock.Close() // and with it the lock
		s.lock = nil
	}
}

// ErrInUse says that another process has the directory.
var ErrInUse = errors.New("another process uses it")

// lock keeps a second server out of dir: two on one journal would destroy it.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the journal's directory: %w", err)
	}
	if err := exclusive(f); err != nil {
		return nil, errors.Join(fmt.Errorf("the journal's directory %s: %w", dir, err), f.Close())
	}
	return f, nil
}
