package spans

import (
	"errors"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Saga follows one saga through its messages. The zero value knows nothing.
type Saga struct {
	Key
	Definition string // "" if it was never begun: then it is only what somebody claims
	Version    string

	begun   bool
	last    uint64    // sequence of the last input: a link may come after the reply to it
	chain   uint64    // sequence of the last link
	stamp   time.Time // when it was decided; of a start, when it was stored
	open    map[way]*Attempt
	replies []answer          // that no link has read
	planned map[way]time.Time // when retries are to begin
	made    []trace.SpanContext
	effect  time.Time // when the first step had taken effect
	count   int       // attempts
}

// A way is one direction of a step. It has one attempt at a time.
type way struct {
	step      string
	direction protocol.Direction
}

// An answer is a reply that no link has read yet.
type answer struct {
	sequence uint64
	stamp    time.Time
	took     time.Duration
	trace    trace.SpanContext
}

// Bounds of what is kept of one saga: a participant may answer as often as it
// likes, and a backend takes 128 links of a span.
const (
	maxReplies = 64
	maxMade    = 128
)

// ErrGap says that a message does not follow on from those before it: the
// saga's history has to be read anew.
var ErrGap = errors.New("messages of the saga are missing")

// Events are those of a link; see Add.
type Events = []instance.Event

// A Fact is something that a message has brought about.
//
//sumtype:decl
type Fact interface{ isFact() }

type (
	// Begun is the first decision.
	Begun struct {
		At      time.Time
		Message orchestrator.Message
	}
	// Requested is a command that was sent.
	Requested struct{ *Attempt }
	// Closed is an attempt that is over.
	Closed struct{ *Attempt }
	// Ended is a saga that is over.
	Ended struct {
		At      time.Time
		Outcome instance.Status
	}
)

func (Begun) isFact()     {}
func (Requested) isFact() {}
func (Closed) isFact()    {}
func (Ended) isFact()     {}

// An Attempt is one try at a step.
type Attempt struct {
	protocol.Attempt
	Participant string
	Action      string
	Address     protocol.Address // of the command

	Sequence uint64        // of the command
	Decided  time.Time     // not before what it was decided from
	Due      time.Time     // when its outcome becomes unknown; may be zero
	Late     time.Duration // of a retry: after the time it was scheduled for

	Closed  time.Time // when that was decided; zero while it is open
	Outcome protocol.Outcome
	Overdue time.Duration // of one that timed out: how long after Due that was decided

	answer  answer // that closed it, if one did
	planned bool   // Late means something
}

// Scheduled reports whether the attempt waited for its time.
func (a *Attempt) Scheduled() bool { return a.planned }

// Started is when the saga's start was stored; zero if it is not known.
func (s *Saga) Started() time.Time { return s.Key.Started }

// Effect is when the first step had taken effect; zero if none had.
func (s *Saga) Effect() time.Time { return s.effect }

// Open returns how many attempts wait for an answer.
func (s *Saga) Open() int { return len(s.open) }

// Known reports whether the saga's start was seen.
func (s *Saga) Known() bool { return s.Run != 0 }

// Add takes the saga's next message and returns what it brought about. A
// message that was taken before brings nothing. Events are a link's, if they
// are known already. ErrGap leaves s as it was.
func (s *Saga) Add(m orchestrator.Message, events Events) ([]Fact, error) {
	if m.Address.Kind == protocol.KindLink && m.Sequence <= s.chain || m.Address.Kind != protocol.KindLink && m.Sequence <= s.last {
		return nil, nil
	}
	switch kind := m.Address.Kind; {
	case kind == protocol.KindStart && (!s.Known() || orchestrator.Genuine(m)):
		s.start(m) // also a new run, if the id's history has left
	case !s.Known():
		return nil, nil // of an earlier run
	case kind == protocol.KindStart:
		s.chain, s.stamp = m.Sequence, m.Time
	case kind == protocol.KindLink:
		return s.link(m, events)
	case kind == protocol.KindReply:
		s.reply(m)
	}
	s.last = m.Sequence
	return nil, nil
}

func (s *Saga) start(m orchestrator.Message) {
	*s = Saga{
		Key: Key{
			ID: m.Address.ID, Run: m.Sequence, Started: m.Time.UTC(),
			Client: ParseParent(m.Header.Get(protocol.HeaderTraceParent)),
		},
		chain: m.Sequence, stamp: m.Time, open: map[way]*Attempt{},
	}
}

func (s *Saga) reply(m orchestrator.Message) {
	a := answer{sequence: m.Sequence, stamp: m.Time, trace: ParseParent(m.Header.Get(protocol.HeaderTraceParent))}
	if r, err := protocol.ReadReply(m.Header, m.Body); err == nil {
		a.took = r.Took
	}
	if len(s.replies) >= maxReplies {
		s.replies = s.replies[1:]
	}
	s.replies = append(s.replies, a)
}

func (s *Saga) link(m orchestrator.Message, events Events) ([]Fact, error) {
	h := m.Header
	if h.Get(protocol.HeaderExpectedSequence) != strconv.FormatUint(s.chain, 10) {
		return nil, ErrGap
	}
	if events == nil {
		var err error
		if events, err = orchestrator.DecodeEvents(h.Get(protocol.HeaderEvents)); err != nil {
			return nil, err // of a later version, say: nothing can be told of it
		}
	}
	f := follower{saga: s, m: m, decided: s.decided(m)}
	s.chain, s.stamp = m.Sequence, f.decided
	if !s.begun {
		s.begun = true
		f.facts = append(f.facts, Begun{f.decided, m})
	}
	for _, ev := range events {
		f.event(ev)
	}
	f.command()
	s.forget(h.Get(protocol.HeaderRead))
	return f.facts, nil
}

// decided is when m, a link, was decided by its publisher's clock, which goes
// by milliseconds and may be another than the journal's. It cannot have been
// before the link and the replies that it was decided from. When it was stored,
// its publisher does not know.
func (s *Saga) decided(m orchestrator.Message) time.Time {
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get(protocol.HeaderTime))
	if err != nil {
		return m.Time
	}
	if at.Before(s.stamp) {
		at = s.stamp
	}
	read, _ := strconv.ParseUint(m.Header.Get(protocol.HeaderRead), 10, 64)
	for _, r := range s.replies {
		if r.sequence <= read && at.Before(r.stamp) {
			at = r.stamp
		}
	}
	return at
}

// forget drops the replies that a link has read.
func (s *Saga) forget(read string) {
	n, err := strconv.ParseUint(read, 10, 64)
	for err == nil && len(s.replies) > 0 && s.replies[0].sequence <= n {
		s.replies = s.replies[1:]
	}
}
