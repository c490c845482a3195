package orchestrator

import (
	"testing"
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// What an owner has read is told by inputs, and by acknowledgements of what
// lies between them, in whatever order the two come.
func TestProgressCountsWhatWasReadAndWhatIsOurs(t *testing.T) {
	t.Parallel()
	input, link := true, false
	type step struct {
		input    bool
		sequence uint64
		read     uint64
	}
	for name, steps := range map[string][]step{
		"by turns":                        {{input, 5, 5}, {link, 6, 6}, {input, 7, 7}, {link, 8, 8}},
		"acknowledged before it is read":  {{input, 5, 5}, {link, 7, 5}, {link, 8, 5}, {input, 6, 8}},
		"acknowledged out of order":       {{link, 8, 4}, {link, 6, 4}, {link, 7, 4}, {input, 5, 8}},
		"acknowledged long after":         {{input, 9, 9}, {link, 6, 9}, {link, 10, 10}},
		"somebody else's lies in between": {{input, 5, 5}, {link, 7, 5}, {input, 9, 9}, {link, 10, 10}},
	} {
		var p progress
		p.resume(Position{To: 4, Stamp: Stamp{Sequence: 4}}, time.Time{})
		for _, s := range steps {
			if s.input {
				p.handled(Message{Sequence: s.sequence})
			} else {
				p.acknowledged(&flight{draft: Draft{Header: protocol.Header{protocol.HeaderDecision: {"d"}}}}, s.sequence)
			}
			if p.read != s.read || p.shown.Load() != s.read {
				t.Errorf("%s: after %d it has read %d, want %d", name, s.sequence, p.read, s.read)
			}
		}
		if len(p.ahead) > 0 || p.seen.Link > p.read || p.seen.Decision != "d" {
			t.Errorf("%s: %v is ahead, seen %+v", name, p.ahead, p.seen)
		}
	}
}

// After a takeover more may have been seen than is read yet.
func TestProgressForgetsNothingThatWasSeenBefore(t *testing.T) {
	t.Parallel()
	var p progress
	p.resume(Position{To: 4, Stamp: Stamp{Sequence: 9, Link: 10, Decision: "before"}}, time.Unix(1, 0))
	p.handled(Message{Sequence: 5})
	if want := (Stamp{Created: time.Unix(1, 0), Sequence: 9, Link: 10, Decision: "before"}); p.seen != want || p.read != 5 {
		t.Errorf("seen %+v, want %+v; read %d", p.seen, want, p.read)
	}
}
