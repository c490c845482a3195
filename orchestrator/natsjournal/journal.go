package natsjournal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// minAPILevel is that of nats-server 2.14, older ones lose acknowledged messages.
const minAPILevel = 4

// minPayload is what the largest message of the protocol needs.
const minPayload = protocol.MaxPayload + 64<<10

// A Journal is an open journal on one connection, which stays the caller's.
type Journal struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	leader   leader.API
	timeout  time.Duration
	subjects protocol.Subjects

	streams   []*stream
	publisher *pipeline.Publisher
	replies   *replies
	leases    *leases
	registry  *registry
}

var _ orchestrator.Journal = (*Journal)(nil)

type settings struct {
	prefix  string
	api     string
	timeout time.Duration
	create  *Layout
	ttl     time.Duration
}

// An Option changes how a journal is opened.
type Option func(*settings)

// WithPrefix opens the journal whose subjects have another first token.
func WithPrefix(prefix string) Option { return func(s *settings) { s.prefix = prefix } }

// WithCreate makes the journal where it is missing. It is for tests and
// demonstrations; elsewhere a person decides that, once.
func WithCreate(partitions, replicas int) Option {
	return func(s *settings) { s.create = &Layout{Partitions: partitions, Replicas: replicas} }
}

// WithLeaseTTL sets the life of leases, if the journal is made on the way.
func WithLeaseTTL(d time.Duration) Option { return func(s *settings) { s.ttl = d } }

// WithTimeout sets how long an append may wait for its acknowledgement before
// it is in doubt, and how long a request may take whose context has no end.
func WithTimeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// WithDomain uses JetStream's domain of that name.
func WithDomain(domain string) Option { return WithAPIPrefix("$JS." + domain + ".API") }

// WithAPIPrefix uses JetStream's API below another prefix.
func WithAPIPrefix(prefix string) Option { return func(s *settings) { s.api = prefix + "." } }

// DefaultTimeout is that of WithTimeout.
const DefaultTimeout = 5 * time.Second

// Open opens a journal that exists, or with WithCreate makes it. The
// connection must have been made with ReconnectBufSize(-1), see ConnectOptions.
func Open(ctx context.Context, nc *nats.Conn, options ...Option) (*Journal, error) {
	s := settings{prefix: protocol.DefaultPrefix, api: jetstream.DefaultAPIPrefix, timeout: DefaultTimeout}
	for _, option := range options {
		option(&s)
	}
	if nc.Opts.ReconnectBufSize >= 0 {
		return nil, errors.New("open journal: the connection would send stale publishes after a reconnect; make it with nats.ReconnectBufSize(-1)")
	}
	js, err := jetstream.NewWithAPIPrefix(nc, s.api[:len(s.api)-1], jetstream.WithDefaultTimeout(s.timeout))
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{nc: nc, js: js, timeout: s.timeout, subjects: protocol.Subjects{Prefix: s.prefix}}
	j.leader = leader.API{Conn: nc, Prefix: s.api, Subjects: j.subjects}
	if err := j.open(ctx, s); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context, s settings) error {
	if err := protocol.CheckName("prefix", s.prefix); err != nil {
		return err
	}
	if err := j.checkServer(ctx); err != nil {
		return err
	}
	if s.create != nil {
		s.create.Prefix, s.create.LeaseTTL = s.prefix, s.ttl
		if err := s.create.create(ctx, j.js); err != nil {
			return err
		}
	}
	if err := j.find(ctx); err != nil {
		return err
	}
	return j.listen()
}

// checkServer looks at what the server can do, never at its version: another
// one may answer the next request.
func (j *Journal) checkServer(ctx context.Context) error {
	info, err := j.js.AccountInfo(ctx)
	if err != nil {
		return fmt.Errorf("ask for JetStream: %w", err)
	}
	if info.API.Level < minAPILevel {
		return fmt.Errorf("the server's JetStream API level is %d, want at least %d (nats-server 2.14.9 or 2.15.2)", info.API.Level, minAPILevel)
	}
	if max := j.nc.MaxPayload(); max < minPayload {
		return fmt.Errorf("the server takes messages of %d bytes, want at least %d (max_payload)", max, minPayload)
	}
	return nil
}

// find looks for the journal's streams and buckets, and checks them.
func (j *Journal) find(ctx context.Context) error {
	info, err := j.info(ctx, j.subjects.Stream(0))
	if err != nil {
		return missing(err, j.subjects)
	}
	n, err := protocol.Partitions(info.Config.Metadata)
	if err != nil {
		return fmt.Errorf("stream %s: %w", info.Config.Name, err)
	}
	layout := Layout{Prefix: j.subjects.Prefix, Partitions: n}
	for p, want := range layout.Streams() {
		if info, err = j.info(ctx, want.Name); err != nil {
			return missing(err, j.subjects)
		}
		if err := check(want, info.Config); err != nil {
			return err
		}
		j.streams = append(j.streams, &stream{
			journal: j, partition: p, name: want.Name, subjects: strings.TrimSuffix(j.subjects.Partition(p), ">"),
			batches: info.Config.AllowAtomicPublish,
		})
	}
	if j.leases, err = j.openLeases(ctx); err != nil {
		return missing(err, j.subjects)
	}
	if j.registry, err = j.openRegistry(ctx); err != nil {
		return missing(err, j.subjects)
	}
	return nil
}

// listen subscribes to the answers.
func (j *Journal) listen() (err error) {
	if j.publisher, err = pipeline.New(j.nc, j.timeout); err != nil {
		return err
	}
	for _, s := range j.streams {
		s.publish = j.publisher.Publish
		if s.batches {
			s.publish = pipeline.NewGroup(j.publisher).Publish
		}
	}
	if j.replies, err = newReplies(j.nc); err != nil {
		j.publisher.Close()
		return err
	}
	return nil
}

// Close ends the journal's own use of the connection. Appends under way are in doubt.
func (j *Journal) Close() {
	j.publisher.Close()
	_ = j.replies.sub.Unsubscribe() // fails only if the connection is closed
}

// Subjects returns the builder of the journal's subjects.
func (j *Journal) Subjects() protocol.Subjects { return j.subjects }

// Partitions implements orchestrator.Journal.
func (j *Journal) Partitions() int { return len(j.streams) }

// Partition implements orchestrator.Journal.
func (j *Journal) Partition(p int) orchestrator.Partition { return j.streams[p] }

// Leases implements orchestrator.Journal.
func (j *Journal) Leases() orchestrator.Leases { return j.leases }

// Registry implements orchestrator.Journal.
func (j *Journal) Registry() orchestrator.Registry { return j.registry }

// A stream is one partition.
type stream struct {
	journal   *Journal
	partition int
	name      string
	subjects  string // what they begin with
	batches   bool   // it takes atomic ones
	publish   func(*nats.Msg, func(uint64, error))
}

var _ orchestrator.Partition = (*stream)(nil)
