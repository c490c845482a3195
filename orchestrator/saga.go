package orchestrator

import (
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A saga is an instance in its owner's memory.
type saga struct {
	state   instance.State
	written *instance.State  // as the view has it, if that is known
	def     sagas.Definition // its own, once it was asked for

	queue []Pending // inputs after state.Read, in the journal's order; timers at the end
	seen  uint64    // sequence of the last input that was put into queue

	flight     *flight // the append under way: a saga has one at most
	resting    bool    // asked without input, it has nothing to add
	dirty      bool    // its row waits to be written
	dirtyBytes int     // of a dirty one: bytes of payloads that it had when it became so
	blocked    bool    // this process cannot decide its next input, and has parked it
	frozen     error   // its history cannot be read: it is left alone
	loading    bool    // its history could not be read yet: nothing is known of it
	proven     bool    // state was read from the journal, not from the view
	sure       uint64  // the journal has no link up to it that state lacks; see knows
}

// A flight is an append under way.
type flight struct {
	saga     *saga
	decision instance.Decision
	draft    Draft
	input    *Pending  // that it decides, if one; put back when another's link came first
	sequence uint64    // once it is stored; the reader's goroutine looks at it
	sent     time.Time // of the try that is under way; zero if none is
	tries    int
	park     bool
}

// is reports whether m, the last link of the flight's saga, is what it appends.
func (f *flight) is(m Message) bool {
	return m.Header.Get(protocol.HeaderDecision) == f.draft.Header.Get(protocol.HeaderDecision)
}

// own returns def for this saga alone.
func (s *saga) own(def sagas.Definition) sagas.Definition {
	if s.def.Name != def.Name || s.def.Version != def.Version {
		s.def = def.ForOne()
	}
	return s.def
}

func (s *saga) id() string { return s.state.ID }

// push queues an input, unless it was queued or read before. Where nobody here
// can decide, it stays in the journal alone.
func (s *saga) push(p Pending) {
	if s.blocked || s.frozen != nil || p.Sequence <= s.seen || p.Sequence <= s.state.Read {
		return
	}
	s.seen = p.Sequence
	s.queue = append(s.queue, p)
}

// idle reports whether nothing about the saga is under way. One that nobody
// here can decide for is idle too: its inputs stay in the journal.
func (s *saga) idle() bool {
	return s.flight == nil && !s.loading && (s.resting && len(s.queue) == 0 || s.blocked || s.frozen != nil)
}

// over reports whether the saga has ended, and no input of it waits.
func (s *saga) over() bool {
	return s.state.Status.Over() && s.flight == nil && !s.loading && len(s.queue) == 0
}

// adopt takes what the journal says in place of what was known. It says it up
// to r.Seen; what was queued beyond, and timers, stay queued.
func (s *saga) adopt(r Replayed) {
	queue := r.Pending
	for _, p := range s.queue {
		if p.Sequence == 0 || p.Sequence > r.Seen {
			queue = append(queue, p)
		}
	}
	s.state, s.queue, s.seen = r.State, queue, max(s.seen, r.Seen)
	s.proven, s.resting, s.loading, s.blocked, s.frozen = true, false, false, false, nil
}

// bodyOf returns the body of an input that is queued.
func (s *saga) bodyOf(sequence uint64) ([]byte, bool) {
	for _, p := range s.queue {
		if p.Sequence != sequence {
			continue
		}
		switch in := p.Input.(type) {
		case instance.Reply:
			return in.Body, true
		case instance.SignalSent:
			return in.Body, true
		case instance.Control:
			return in.Output, true
		case instance.Start, instance.TimerFired:
		}
	}
	return nil, false
}
