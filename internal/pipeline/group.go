package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Headers of an atomic batch (NATS ADR-50).
const (
	headerBatch    = "Nats-Batch-Id"
	headerSequence = "Nats-Batch-Sequence"
	headerCommit   = "Nats-Batch-Commit"
)

// Headers of a condition.
const (
	headerExpected = "Nats-Expected-Last-Subject-Sequence"
	headerSubject  = "Nats-Expected-Last-Subject-Sequence-Subject"
)

// Bounds of a batch. Below the least, single messages are faster: the server
// stages each batch in files of its own.
const (
	batchLeast = 12
	batchMost  = 256
	batchBytes = 4 << 20
)

// A Group publishes to one stream that takes atomic batches, as a group commit:
// while the server makes one batch last, the next one gathers. That pays where
// each store waits for a disk. A condition that does not hold refuses a whole
// batch, so one that is refused is sent again as single messages.
type Group struct {
	publisher *Publisher

	mu      sync.Mutex
	waiting []entry
	flying  int // entries under way
}

type entry struct {
	m     *nats.Msg
	done  func(uint64, error)
	until time.Time // then it is not sent any more
}

// NewGroup returns a group that sends through p.
func NewGroup(p *Publisher) *Group { return &Group{publisher: p} }

// Publish is Publisher.Publish. The message may wait for those under way, but
// no longer than for an acknowledgement: while the journal takes nothing, more
// would come than go, and be stored long after their senders gave up.
func (g *Group) Publish(m *nats.Msg, done func(sequence uint64, err error)) {
	g.mu.Lock()
	g.waiting = append(g.waiting, entry{m, done, time.Now().Add(g.publisher.timeout)})
	next := g.next()
	g.mu.Unlock()
	g.send(next)
}

// next takes what can be sent now. The caller has locked g.
func (g *Group) next() []entry {
	if g.flying > 0 {
		return nil
	}
	n, size, on := 0, 0, make(map[string]bool)
	for n < min(len(g.waiting), batchMost) && (n == 0 || size < batchBytes) {
		m := g.waiting[n].m
		// Of one batch the server would store both of two messages that are
		// on the same condition.
		if subject := condition(m); subject != "" {
			if on[subject] {
				break
			}
			on[subject] = true
		}
		size += m.Size()
		n++
	}
	batch := g.waiting[:n:n]
	if g.waiting = g.waiting[n:]; len(g.waiting) == 0 {
		g.waiting = nil
	}
	g.flying = n
	return batch
}

// late takes what has waited too long. The caller has locked g.
func (g *Group) late() []entry {
	n, now := 0, time.Now()
	for n < len(g.waiting) && g.waiting[n].until.Before(now) {
		n++
	}
	late := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return late
}

// condition returns the subject whose last message m expects, if it does.
func condition(m *nats.Msg) string {
	if list := m.Header[headerSubject]; len(list) > 0 {
		return list[0]
	}
	if len(m.Header[headerExpected]) > 0 {
		return m.Subject
	}
	return ""
}

func (g *Group) send(batch []entry) {
	if len(batch) < batchLeast || !g.commit(batch) {
		for _, e := range batch {
			g.single(e)
		}
	}
}

func (g *Group) single(e entry) {
	g.publisher.Publish(e.m, func(sequence uint64, err error) {
		e.done(sequence, err)
		g.landed(1)
	})
}

// landed makes room, and sends what has gathered.
func (g *Group) landed(n int) {
	g.mu.Lock()
	g.flying -= n
	late := g.late()
	next := g.next()
	g.mu.Unlock()
	g.send(next)
	for _, e := range late {
		e.done(0, fmt.Errorf("not sent within %v: %w", g.publisher.timeout, ErrInDoubt))
	}
}

// commit sends a batch. It reports false if a message of it could not be sent:
// then no commit was, and the server forgets what came.
func (g *Group) commit(batch []entry) bool {
	id, last := g.publisher.name(), len(batch)-1
	for i, e := range batch[:last] {
		if g.publisher.nc.PublishMsg(member(e.m, id, i)) != nil {
			return false
		}
	}
	m := member(batch[last].m, id, last)
	m.Header[headerCommit] = []string{"1"}
	g.publisher.Publish(m, func(sequence uint64, err error) {
		if err != nil && !errors.Is(err, ErrInDoubt) {
			for _, e := range batch {
				g.single(e)
			}
			return
		}
		for i, e := range batch {
			if err != nil {
				e.done(0, err)
			} else {
				e.done(sequence-uint64(last-i), nil) // those before lie directly before the last
			}
		}
		g.landed(len(batch))
	})
	return true
}

// member returns m as number i of a batch. It is a copy: m may be sent again,
// alone.
func member(m *nats.Msg, id string, i int) *nats.Msg {
	h := maps.Clone(m.Header)
	if h == nil {
		h = nats.Header{}
	}
	h[headerBatch], h[headerSequence] = []string{id}, []string{strconv.Itoa(i + 1)}
	return &nats.Msg{Subject: m.Subject, Header: h, Data: m.Data}
}
