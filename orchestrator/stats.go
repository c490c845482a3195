package orchestrator

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// maxRejected is how many rejected inputs are remembered.
const maxRejected = 1000

// stats is what an orchestrator counts. Its methods may be called from any
// goroutine.
type stats struct {
	links, stale, doubts, conflicts, reloads, rivals atomic.Uint64
	timers, orphans, rejects, alarms, purged         atomic.Uint64

	mu         sync.Mutex
	rejected   []Rejected // the newest, oldest first
	partitions map[int]PartitionStatus
	reads      map[int]*atomic.Uint64 // how far each is
}

// Rejected is an input that can be none. It stays in the journal.
type Rejected struct {
	Partition int       `json:"partition"`
	Sequence  uint64    `json:"sequence"`
	Time      time.Time `json:"time"`
	Subject   string    `json:"subject"`
	Reason    string    `json:"reason"`
}

// Status is what an orchestrator does at the moment.
type Status struct {
	Member     string            `json:"member"`
	Partitions []PartitionStatus `json:"partitions"` // that it owns
	Counts     Counts            `json:"counts"`
}

// Counts are totals since the process began.
type Counts struct {
	Links     uint64 `json:"links"`     // decisions stored
	Stale     uint64 `json:"stale"`     // inputs that changed nothing: late or twice
	Rejected  uint64 `json:"rejected"`  // inputs that could be none
	Orphans   uint64 `json:"orphans"`   // of them, inputs without a start
	Timers    uint64 `json:"timers"`    // timers that fired
	Doubts    uint64 `json:"doubts"`    // appends whose outcome had to be read back
	Conflicts uint64 `json:"conflicts"` // appends that lost to somebody else's
	Rivals    uint64 `json:"rivals"`    // links of somebody else, found while we own the partition
	Reloads   uint64 `json:"reloads"`   // sagas read anew from the journal
	Purged    uint64 `json:"purged"`    // histories that left
	Alarms    uint64 `json:"alarms"`
}

// PartitionStatus is what the owner of a partition knows of it.
type PartitionStatus struct {
	Partition int       `json:"partition"`
	Live      bool      `json:"live"`           // caught up: it decides
	Position  uint64    `json:"position"`       // of the view
	Read      uint64    `json:"read"`           // all up to it was handled, or is a link of its owner
	End       uint64    `json:"end,omitempty"`  // where catching up ends
	Since     time.Time `json:"since,omitzero"` // when it was taken over
	Healthy   bool      `json:"healthy"`        // its canaries are stored
	Rows      uint64    `json:"rows"`           // written since it was taken over
	Sagas     int       `json:"sagas"`          // in memory, when the view was written last
	Appends   int       `json:"appends"`        // under way then
}

func newStats() *stats {
	return &stats{partitions: make(map[int]PartitionStatus), reads: make(map[int]*atomic.Uint64)}
}

func (s *stats) change(p int, f func(*PartitionStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, ok := s.partitions[p]
	if ok {
		f(&status)
		s.partitions[p] = status
	}
}

func (s *stats) begin(p int, position, end uint64, read *atomic.Uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads[p] = read
	s.partitions[p] = PartitionStatus{Partition: p, Position: position, End: end, Since: time.Now(), Healthy: true}
}

func (s *stats) finish(p int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.partitions, p)
	delete(s.reads, p)
}

func (s *stats) caughtUp(p int) { s.change(p, func(st *PartitionStatus) { st.Live = true }) }

func (s *stats) healthy(p int, ok bool) {
	s.change(p, func(st *PartitionStatus) { st.Healthy = ok })
}

func (s *stats) wrote(p int, w Write, sagas, appends int) {
	s.change(p, func(st *PartitionStatus) {
		st.Position = w.Position.To
		st.Rows += uint64(len(w.Rows))
		st.Sagas, st.Appends = sagas, appends
	})
}

func (s *stats) reject(r Rejected) {
	s.rejects.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rejected) >= maxRejected {
		s.rejected = slices.Delete(s.rejected, 0, maxRejected/10)
	}
	s.rejected = append(s.rejected, r)
}

func (s *stats) list() []Rejected {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rejected)
}

func (s *stats) status() Status {
	out := Status{Counts: Counts{
		Links: s.links.Load(), Stale: s.stale.Load(), Rejected: s.rejects.Load(), Orphans: s.orphans.Load(),
		Timers: s.timers.Load(), Doubts: s.doubts.Load(), Conflicts: s.conflicts.Load(), Rivals: s.rivals.Load(),
		Reloads: s.reloads.Load(), Purged: s.purged.Load(), Alarms: s.alarms.Load(),
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range slices.Sorted(maps.Keys(s.partitions)) {
		status := s.partitions[p]
		status.Read = s.reads[p].Load()
		out.Partitions = append(out.Partitions, status)
	}
	return out
}

// reject counts a message that can be no input, and remembers it.
func (o *owner) reject(m Message, err error) {
	reason := protocol.Text(err.Error(), protocol.MaxReason)
	o.stats.reject(Rejected{o.p, m.Sequence, m.Time, protocol.Text(m.Subject, 512), reason})
	o.log.Warn("an input is rejected; the journal keeps it", "sequence", m.Sequence, "subject", protocol.Text(m.Subject, 512), "reason", reason)
}

// drop counts an input that causes no decision.
func (o *owner) drop(sg *saga, p Pending, err error) {
	if p.Sequence == 0 { // a timer whose time was not right
		if t, ok := sg.state.NextTimer(); ok {
			o.timers.add(sg.id(), t.Due.UnixMilli())
		}
		return
	}
	if errors.Is(err, instance.ErrStale) || errors.Is(err, instance.ErrOver) {
		o.stats.stale.Add(1)
		return
	}
	o.reject(Message{Sequence: p.Sequence, Time: o.cfg.Now(), Subject: o.subjectOf(sg, p)}, err)
}

// subjectOf is the subject that an input was published to.
func (o *owner) subjectOf(sg *saga, p Pending) string {
	switch in := p.Input.(type) {
	case instance.Reply:
		return o.subjects.Reply(o.p, sg.id(), in.Participant)
	case instance.SignalSent:
		return o.subjects.Signal(o.p, sg.id(), "…")
	case instance.Control:
		return o.subjects.Control(o.p, sg.id(), "…")
	case instance.Start, instance.TimerFired:
	}
	return o.subjects.Start(o.p, sg.id())
}

// alarm tells what a person should look at, about one saga or, with nil, more.
func (o *owner) alarm(sg *saga, what string, args ...any) {
	o.stats.alarms.Add(1)
	o.log.ErrorContext(o.about(sg), what, args...)
}
