package orchestrator

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// progress is the part of an owner that knows how far into the journal it is.
// Once it is live it reads inputs alone, and knows its own links by their
// acknowledgements, which may come before an input that was stored earlier.
type progress struct {
	read  uint64                 // everything up to it was handled, or is a link of ours
	ahead []uint64               // links of ours beyond read, in order
	shown atomic.Uint64          // read, for whoever asks
	whole uint64                 // links too were read up to it: of every saga all is known
	seen  Stamp                  // what the journal must still have
	link  atomic.Pointer[flight] // the newest link of ours: seen has it too
}

// resume begins after a position, in a stream that was made at created.
func (p *progress) resume(at Position, created time.Time) {
	p.read, p.whole, p.seen = at.To, at.To, at.Stamp
	p.seen.Created = created
	p.shown.Store(p.read)
}

// handled takes note of a message that was read: what was asked for comes in
// order, so nothing that lies before it is to come.
func (p *progress) handled(m Message) {
	if m.Sequence > p.seen.Sequence { // else it was seen before the takeover
		p.seen.Sequence, p.seen.Time = m.Sequence, m.Time
	}
	p.reach(m.Sequence)
}

// acknowledged takes note of a link of ours that is stored, or a purge record,
// which no filter lets through either.
func (p *progress) acknowledged(f *flight, sequence uint64) {
	if sequence > p.seen.Link {
		p.seen.Link, p.seen.Decision = sequence, f.draft.Header.Get(protocol.HeaderDecision)
		f.sequence = sequence
		p.link.Store(f)
	}
	at := len(p.ahead) // acknowledgements come in order, but for those in doubt
	for at > 0 && p.ahead[at-1] > sequence {
		at--
	}
	p.ahead = slices.Insert(p.ahead, at, sequence)
	p.reach(p.read)
}

// reach moves read to sequence, and over the links of ours that follow.
func (p *progress) reach(sequence uint64) {
	p.read = max(p.read, sequence)
	for len(p.ahead) > 0 && p.ahead[0] <= p.read+1 {
		p.read = max(p.read, p.ahead[0])
		p.ahead = p.ahead[1:]
	}
	p.shown.Store(p.read)
}
