package generate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A life is one saga being made: what it is so far, and what its participants
// will say. Its clock is its own, so that no retry is waited for.
type life struct {
	id        string
	partition int
	def       sagas.Definition
	fate      fate
	random    *rand.Rand
	clock     time.Time

	state   instance.State
	asked   []instance.Command // and not answered yet
	bodies  map[uint64][]byte  // of commands, by the sequence of their links
	started bool
	input   instance.Input        // the next to decide
	after   func(sequence uint64) // what the message under way changes once it is stored
}

// newLife begins the i-th saga, which is the same for the same seed.
func newLife(i int, name string, seed uint64, definitions []sagas.Definition, partitions int, now time.Time) *life {
	r := rand.New(rand.NewPCG(seed, uint64(i)))
	id := fmt.Sprintf("%s-%08d", name, i)
	return &life{
		id: id, partition: protocol.Partition(id, partitions), random: r, clock: now.UTC().Truncate(time.Millisecond),
		def: definitions[r.IntN(len(definitions))], fate: drawFate(r), bodies: map[uint64][]byte{},
	}
}

// next returns the message that comes next, or nil if nothing more does. Once
// it is stored, store is to be called.
func (l *life) next(subjects protocol.Subjects) (*orchestrator.Draft, error) {
	if !l.started {
		return l.start(subjects)
	}
	// First whatever is ready, then an answer, then the time.
	d, err := instance.Decide(l.def, l.state, l.input, instance.Moment{At: l.clock, Random: l.random.Float64()})
	if err != nil {
		return nil, fmt.Errorf("saga %s: %w", l.id, err)
	}
	l.input = nil
	if len(d.Events) > 0 {
		return l.link(subjects, d)
	}
	if l.state.Status.Over() || l.state.Status == instance.Stuck {
		return nil, nil
	}
	if len(l.asked) > 0 {
		return l.reply(subjects)
	}
	t, waits := l.state.NextTimer()
	if !waits || l.fate == retrying || t.Due.Sub(l.clock) > patience/2 {
		return nil, nil // it is left as it is
	}
	l.clock = t.Due
	l.input = instance.TimerFired{Attempt: t.Attempt}
	return l.next(subjects)
}

// store takes the sequence under which the message was stored.
func (l *life) store(sequence uint64) {
	l.clock = l.clock.Add(time.Duration(1+l.random.IntN(20)) * time.Millisecond)
	l.after(sequence)
}

func (l *life) start(subjects protocol.Subjects) (*orchestrator.Draft, error) {
	r := l.random
	customer := "c" + strconv.Itoa(r.IntN(50_000))
	tags := map[string]string{"customer": customer, "region": [...]string{"eu", "eu", "us", "apac"}[r.IntN(4)]}
	tagsText, err := json.Marshal(tags)
	if err != nil {
		return nil, err
	}
	body, err := protocol.Encode(order{Customer: customer, Article: "article-" + strconv.Itoa(r.IntN(2000)), Units: 1 + r.IntN(9), Cents: 100 + r.IntN(100_000)})
	if err != nil {
		return nil, err
	}
	h := protocol.Header{}
	h.Set(protocol.HeaderDefinition, l.def.Name)
	h.Set(protocol.HeaderVersion, strconv.Itoa(l.def.Version))
	h.Set(protocol.HeaderDecision, strconv.FormatUint(r.Uint64(), 36))
	h.Set(protocol.HeaderContentType, protocol.ContentTypeJSON)
	h.Set(protocol.HeaderTags, string(tagsText))
	l.after = func(sequence uint64) {
		l.started, l.input = true, instance.Start{Sequence: sequence}
		l.state = instance.Begin(instance.Request{
			ID: l.id, Sequence: sequence, Time: l.clock, Definition: l.def.Name, Version: l.def.Version, Tags: tags, Input: body,
		})
	}
	return &orchestrator.Draft{Subject: subjects.Start(l.partition, l.id), Header: h, Body: body, Chain: subjects.Chain(l.partition, l.id)}, nil
}

// link records a decision.
func (l *life) link(subjects protocol.Subjects, d instance.Decision) (*orchestrator.Draft, error) {
	if d.Command != nil && d.Command.Again != 0 {
		d.Command.Body = l.bodies[d.Command.Again]
	}
	draft, err := orchestrator.LinkDraft(subjects, l.partition, &l.state, d)
	if err != nil {
		return nil, err
	}
	l.after = func(sequence uint64) {
		l.state = instance.Stored(*d.After, sequence)
		if d.Command != nil {
			l.bodies[sequence] = d.Command.Body
			l.asked = append(l.asked, *d.Command)
		}
	}
	return &draft, nil
}

// reply answers the command that was asked first, unless the saga's fate is
// that nobody does.
func (l *life) reply(subjects protocol.Subjects) (*orchestrator.Draft, error) {
	c := l.asked[0]
	r, answered := l.fate.answer(l.random, c)
	if !answered {
		return nil, nil
	}
	r.Attempt, r.Took = c.Attempt, time.Duration(1+l.random.IntN(5000))*time.Microsecond
	h := protocol.Header{}
	r.WriteHeader(h)
	l.after = func(sequence uint64) {
		l.asked = l.asked[1:]
		l.input = instance.Reply{Sequence: sequence, Participant: c.Participant, Reply: r}
	}
	return &orchestrator.Draft{Subject: subjects.Reply(l.partition, l.id, c.Participant), Header: h, Body: r.Body}, nil
}
