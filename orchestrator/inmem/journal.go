// Package inmem has the orchestrator's ports in memory, for tests and simulation:
// with the semantics of JetStream and Redis, and with faults on demand.
package inmem

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds that a journal has unless it is told otherwise: those of a server.
const (
	DefaultMaxMessage    = 1 << 20
	DefaultMaxPerSubject = 16384
	DefaultLeaseTTL      = 2 * time.Second

	maxHeader = 1<<16 - 1
)

// An Option changes a journal before it is used.
type Option func(*store)

// MaxMessage bounds the bytes of one message, headers included.
func MaxMessage(bytes int) Option { return func(s *store) { s.maxMessage = bytes } }

// MaxPerSubject bounds the messages of one subject.
func MaxPerSubject(n int) Option { return func(s *store) { s.maxPerSubject = n } }

// LeaseTTL sets how long a lease lives without being renewed.
func LeaseTTL(d time.Duration) Option { return func(s *store) { s.leases.ttl = d } }

// Prefix sets the first token of the journal's subjects.
func Prefix(prefix string) Option { return func(s *store) { s.subjects.Prefix = prefix } }

// A Journal is one connection to a journal in memory, with faults of its own.
// It starts no goroutine that outlives the callbacks it owes, and blocks on
// channels only, so it can be used inside a synctest bubble.
type Journal struct {
	store *store
	faults
	acks acks
}

var _ orchestrator.Journal = (*Journal)(nil)

// NewJournal returns an empty journal with so many partitions.
func NewJournal(partitions int, options ...Option) *Journal {
	s := &store{
		maxMessage: DefaultMaxMessage, maxPerSubject: DefaultMaxPerSubject,
		durables: map[string]*durable{},
		leases:   newLeases(DefaultLeaseTTL),
	}
	for _, option := range options {
		option(s)
	}
	for range partitions {
		s.streams = append(s.streams, s.newStream())
	}
	return &Journal{store: s}
}

// Connect returns another connection to the same journal, as another process
// would have: faults that are set on one do not touch the other.
func (j *Journal) Connect() *Journal { return &Journal{store: j.store} }

// Partitions implements orchestrator.Journal.
func (j *Journal) Partitions() int { return len(j.store.streams) }

// Subjects returns the builder of the journal's subjects.
func (j *Journal) Subjects() protocol.Subjects { return j.store.subjects }

// Partition implements orchestrator.Journal.
func (j *Journal) Partition(p int) orchestrator.Partition {
	return partition{j, p, j.store.streams[p]}
}

// Leases implements orchestrator.Journal.
func (j *Journal) Leases() orchestrator.Leases { return leases{j, j.store.leases} }

// Registry implements orchestrator.Journal.
func (j *Journal) Registry() orchestrator.Registry { return registry{j, &j.store.definitions} }

// Provision implements orchestrator.Journal.
func (j *Journal) Provision(ctx context.Context, participants []string) error {
	if err := j.reach(ctx); err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	for _, name := range participants {
		if err := protocol.CheckName("participant", name); err != nil {
			return fmt.Errorf("provision: %w", err)
		}
	}
	s := j.store
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range participants {
		if s.durables[name] == nil {
			s.durables[name] = &durable{next: make([]uint64, len(s.streams))}
		}
	}
	s.grown.wake()
	return nil
}

// Provisioned returns the participants that can receive commands, sorted.
func (j *Journal) Provisioned() []string {
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	names := make([]string, 0, len(j.store.durables))
	for name := range j.store.durables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A partition is the view that one connection has of one stream.
type partition struct {
	journal *Journal
	number  int
	*stream
}

// Announce implements orchestrator.Announcer: nobody listens in memory.
func (partition) Announce([]byte) {}

// Acks answers appends one after the other, in the order of the answers, as
// one connection does. Its goroutine lives while there are any.
type acks struct {
	mu      sync.Mutex
	queue   []func()
	running bool
}

func (a *acks) push(answer func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = append(a.queue, answer)
	if !a.running {
		a.running = true
		go a.drain()
	}
}

func (a *acks) drain() {
	for {
		a.mu.Lock()
		queue := a.queue
		a.queue = nil
		a.running = len(queue) > 0
		a.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, answer := range queue {
			answer()
		}
	}
}
