package orchestratortest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// JournalFeatures says how a journal is tested.
type JournalFeatures struct {
	// Bubble runs each test inside a synctest bubble.
	Bubble bool
	// Interrupt does what must end every Read and Watch of that journal.
	Interrupt func(t *testing.T, j orchestrator.Journal)
}

// journalPatience is how long a test waits for what must come.
const journalPatience = 20 * time.Second

type journalCase struct {
	name string
	run  func(*journalTest)
}

// TestJournal runs what every implementation of orchestrator.Journal must
// hold. Each journal that open returns is empty and has two partitions. It may
// have a method Subjects; without one its prefix is the default.
func TestJournal(t *testing.T, features JournalFeatures, open func(t *testing.T) orchestrator.Journal) {
	for _, c := range slices.Concat(journalConditions, journalBounds, journalReading, journalHistories, journalPurging, journalLeases, journalRegistry) {
		t.Run(c.name, func(t *testing.T) {
			run := func(t *testing.T) {
				j := open(t)
				c.run(&journalTest{T: t, j: j, p: j.Partition(0), subjects: subjectsOf(j), features: features})
			}
			if features.Bubble {
				synctest.Test(t, run)
				return
			}
			t.Parallel()
			run(t)
		})
	}
}

func subjectsOf(j orchestrator.Journal) protocol.Subjects {
	if s, ok := j.(interface{ Subjects() protocol.Subjects }); ok {
		return s.Subjects()
	}
	return protocol.Subjects{}
}

// A journalTest uses partition 0 of a journal.
type journalTest struct {
	*testing.T
	j        orchestrator.Journal
	p        orchestrator.Partition
	subjects protocol.Subjects
	features JournalFeatures
}

type appended struct {
	sequence uint64
	err      error
}

// begin appends d, and returns where its only answer comes.
func (t *journalTest) begin(d orchestrator.Draft) <-chan appended {
	answers := make(chan appended, 2)
	t.p.Append(d, func(sequence uint64, err error) { answers <- appended{sequence, err} })
	return answers
}

func (t *journalTest) answer(answers <-chan appended) (uint64, error) {
	t.Helper()
	select {
	case a := <-answers:
		return a.sequence, a.err
	case <-time.After(journalPatience):
		t.Fatal("an append was not answered")
		return 0, nil
	}
}

func (t *journalTest) append(d orchestrator.Draft) (uint64, error) {
	t.Helper()
	return t.answer(t.begin(d))
}

// put appends d, which must be stored.
func (t *journalTest) put(d orchestrator.Draft) uint64 {
	t.Helper()
	sequence, err := t.append(d)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return sequence
}

// refused appends d, which must fail with want.
func (t *journalTest) refused(d orchestrator.Draft, want error) {
	t.Helper()
	if sequence, err := t.append(d); !errors.Is(err, want) {
		t.Fatalf("append to %s on condition %s %d: %d, %v; want: %v", d.Subject, d.Chain, d.Expect, sequence, err, want)
	}
}

// start is the request to start id.
func (t *journalTest) start(id string) orchestrator.Draft {
	return t.on(t.subjects.Start(0, id), id, 0)
}

// link is a decision of id after the link expect.
func (t *journalTest) link(id string, expect uint64) orchestrator.Draft {
	return t.on(t.subjects.Link(0, id, protocol.NoOne), id, expect)
}

// reply is an input of id, without condition.
func (t *journalTest) reply(id string) orchestrator.Draft {
	return orchestrator.Draft{Subject: t.subjects.Reply(0, id, "payment"), Body: []byte("reply")}
}

func (t *journalTest) on(subject, id string, expect uint64) orchestrator.Draft {
	return orchestrator.Draft{
		Subject: subject, Body: []byte("body"), Header: protocol.Header{protocol.HeaderDecision: {"d"}},
		Chain: t.subjects.Chain(0, id), Expect: expect,
	}
}

// history returns what one saga has, from the first message on.
func (t *journalTest) history(id string, from uint64) []uint64 {
	t.Helper()
	messages, err := t.p.History(t.Context(), id, from)
	if err != nil {
		t.Fatalf("history of %s: %v", id, err)
	}
	return sequences(messages)
}

func sequences(messages []orchestrator.Message) []uint64 {
	list := []uint64{}
	for _, m := range messages {
		list = append(list, m.Sequence)
	}
	return list
}

func (t *journalTest) tail() orchestrator.Tail {
	t.Helper()
	tail, err := t.p.Tail(t.Context())
	if err != nil {
		t.Fatalf("tail: %v", err)
	}
	return tail
}

func (t *journalTest) same(what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// A reading is a Read under way.
type reading struct {
	t        *journalTest
	messages chan orchestrator.Message
	ended    chan error
	cancel   context.CancelFunc
}

// read begins to read; the test ends it, if nothing else does.
func (t *journalTest) read(from uint64) *reading { return t.reading(t.p.Read, from) }

// inputs begins to read inputs alone.
func (t *journalTest) inputs(from uint64) *reading { return t.reading(t.p.ReadInputs, from) }

func (t *journalTest) reading(read func(context.Context, uint64, func(orchestrator.Message) error) error, from uint64) *reading {
	ctx, cancel := context.WithCancel(t.Context())
	r := &reading{t, make(chan orchestrator.Message, 1<<16), make(chan error, 1), cancel}
	go func() {
		r.ended <- read(ctx, from, func(m orchestrator.Message) error {
			r.messages <- m
			return nil
		})
	}()
	return r
}

func (r *reading) next() orchestrator.Message {
	r.t.Helper()
	select {
	case m := <-r.messages:
		return m
	case err := <-r.ended:
		r.t.Fatalf("Read ended: %v", err)
	case <-time.After(journalPatience):
		r.t.Fatal("Read hands nothing out")
	}
	return orchestrator.Message{}
}

// through reads every message from one to another. What interrupts it on a busy
// machine is no fault while it gets on: it goes on where it was, as an owner does.
func (r *reading) through(from, to uint64) {
	r.t.Helper()
	next := from
	handle := func(m orchestrator.Message) {
		if m.Sequence != next {
			r.t.Fatalf("message %d came, want %d", m.Sequence, next)
		}
		next++
	}
	for next <= to {
		select {
		case m := <-r.messages:
			handle(m)
		case err := <-r.ended:
			for len(r.messages) > 0 { // handed out before it ended
				handle(<-r.messages)
			}
			if !errors.Is(err, orchestrator.ErrInterrupted) || next == from {
				r.t.Fatalf("Read ended: %v", err)
			}
			from = next
			*r = *r.t.read(from)
		case <-time.After(journalPatience):
			r.t.Fatal("Read hands nothing out")
		}
	}
}

func (r *reading) take(n int) []uint64 {
	r.t.Helper()
	list := []uint64{}
	for range n {
		list = append(list, r.next().Sequence)
	}
	return list
}

func (r *reading) end() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(journalPatience):
		r.t.Fatal("Read does not end")
		return nil
	}
}

// close ends the reading, which handed out nothing more than was looked at.
func (r *reading) close() {
	r.t.Helper()
	r.cancel()
	if err := r.end(); !errors.Is(err, context.Canceled) {
		r.t.Errorf("Read ended with %v, want: %v", err, context.Canceled)
	}
	if len(r.messages) > 0 {
		r.t.Errorf("Read handed out message %d too", (<-r.messages).Sequence)
	}
}
