package orchestratortest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// journalConditions is about who may append.
var journalConditions = []journalCase{
	{"a link is stored after the link that it expects", func(t *journalTest) {
		start := t.put(t.start("a"))
		first := t.put(t.link("a", start))
		t.same("sequences", []uint64{1, 2}, []uint64{start, first})
	}},
	{"a link that expects an older one is refused", func(t *journalTest) {
		start := t.put(t.start("a"))
		first := t.put(t.link("a", start))
		t.refused(t.link("a", start), orchestrator.ErrConflict)
		t.refused(t.link("a", first+1), orchestrator.ErrConflict)
		t.same("history", []uint64{start, first}, t.history("a", 0))
	}},
	{"a second start is refused", func(t *journalTest) {
		start := t.put(t.start("a"))
		t.refused(t.start("a"), orchestrator.ErrConflict)
		t.put(t.link("a", start))
		t.refused(t.start("a"), orchestrator.ErrConflict)
	}},
	{"links to any participant are one chain", func(t *journalTest) {
		start := t.put(t.start("a"))
		t.put(t.on(t.subjects.Link(0, "a", "payment"), "a", start))
		t.refused(t.on(t.subjects.Link(0, "a", "shipping"), "a", start), orchestrator.ErrConflict)
	}},
	{"inputs do not move the chain", func(t *journalTest) {
		start := t.put(t.start("a"))
		t.put(t.reply("a"))
		t.put(orchestrator.Draft{Subject: t.subjects.Signal(0, "a", "s1")})
		t.put(t.link("a", start))
	}},
	{"sagas with a common beginning of the id have their own chains", func(t *journalTest) {
		a, ab := t.put(t.start("a")), t.put(t.start("ab"))
		t.put(t.link("a", a))
		t.put(t.link("ab", ab))
	}},
	{"an input that expects nothing on its own subject is stored once", func(t *journalTest) {
		subject := t.subjects.Control(0, "a", "c1")
		t.put(orchestrator.Draft{Subject: subject, Chain: subject})
		t.refused(orchestrator.Draft{Subject: subject, Chain: subject}, orchestrator.ErrConflict)
		t.put(orchestrator.Draft{Subject: t.subjects.Control(0, "a", "c2"), Chain: t.subjects.Control(0, "a", "c2")})
	}},
	{"nothing but a start can be appended to a history that was purged", func(t *journalTest) {
		start := t.put(t.start("a"))
		if err := t.p.Purge(t.Context(), "a", start+1); err != nil {
			t.Fatal(err)
		}
		t.refused(t.link("a", start), orchestrator.ErrConflict)
		again := t.put(t.start("a"))
		t.put(t.link("a", again))
	}},
	{"each partition has its own sequences", func(t *journalTest) {
		t.put(t.start("a"))
		t.p = t.j.Partition(1)
		sequence := t.put(orchestrator.Draft{Subject: t.subjects.Start(1, "b"), Chain: t.subjects.Chain(1, "b")})
		t.same("sequence", uint64(1), sequence)
	}},
	{"a message of another partition is refused", func(t *journalTest) {
		sequence, err := t.append(orchestrator.Draft{Subject: t.subjects.Start(1, "b")})
		if err == nil || errors.Is(err, orchestrator.ErrInDoubt) || errors.Is(err, orchestrator.ErrConflict) {
			t.Errorf("append = %d, %v; want an error that stops the partition", sequence, err)
		}
	}},
	{"the condition is stored with the message, of a draft that is sent again too", func(t *journalTest) {
		start := t.put(t.start("a"))
		draft := t.link("a", start)
		m := t.get(t.put(draft))
		t.refused(draft, orchestrator.ErrConflict)
		t.same("stored", protocol.Header{
			protocol.HeaderDecision:         {"d"},
			protocol.HeaderExpectedSequence: {"1"},
			protocol.HeaderExpectedSubject:  {t.subjects.Chain(0, "a")},
		}, m.Header)
	}},
	{"what was stored does not change with the draft", func(t *journalTest) {
		draft := t.link("a", t.put(t.start("a")))
		sequence := t.put(draft)
		draft.Body[0] = '!'
		draft.Header.Set(protocol.HeaderDecision, "other")
		m := t.get(sequence)
		t.same("body", "body", string(m.Body))
		t.same("decision", "d", m.Header.Get(protocol.HeaderDecision))
	}},
	{"of racing links exactly one wins", raceLinks},
	{"appends of many sagas are under way at once", pipeline},
}

func (t *journalTest) get(sequence uint64) orchestrator.Message {
	t.Helper()
	m, err := t.p.Get(t.Context(), sequence)
	if err != nil {
		t.Fatalf("get %d: %v", sequence, err)
	}
	return m
}

// raceLinks lets three writers race for each of 500 links.
func raceLinks(t *journalTest) {
	expect := t.put(t.start("a"))
	for range 500 {
		var racers [3]<-chan appended
		for i := range racers {
			racers[i] = t.begin(t.link("a", expect))
		}
		wins := 0
		for _, answers := range racers {
			switch sequence, err := t.answer(answers); {
			case err == nil:
				wins++
				expect = sequence
			case !errors.Is(err, orchestrator.ErrConflict):
				t.Fatalf("append: %v", err)
			}
		}
		if wins != 1 {
			t.Fatalf("%d of three racing links were stored", wins)
		}
	}
	if n := len(t.history("a", 0)); n != 501 {
		t.Errorf("the chain has %d links, want 501", n)
	}
}

// pipeline appends the starts of 300 sagas at once, then a link of each.
func pipeline(t *journalTest) {
	const sagas = 300
	answers := make([]<-chan appended, sagas)
	last := make([]uint64, sagas)
	for round := range 3 {
		for i := range sagas {
			id := fmt.Sprintf("saga-%d", i)
			draft := t.link(id, last[i])
			if round == 0 {
				draft = t.start(id)
			}
			answers[i] = t.begin(draft)
		}
		for i := range sagas {
			sequence, err := t.answer(answers[i])
			if err != nil {
				t.Fatalf("round %d, saga %d: %v", round, i, err)
			}
			last[i] = sequence
		}
	}
	t.same("tail", uint64(3*sagas), t.tail().Last)
	for i := range sagas {
		select {
		case a := <-answers[i]:
			t.Fatalf("an append was answered twice: %d, %v", a.sequence, a.err)
		default:
		}
	}
}

// journalBounds is about what is too much.
var journalBounds = []journalCase{
	{"a message that is too large is too much", func(t *journalTest) {
		draft := t.link("a", t.put(t.start("a")))
		draft.Body = make([]byte, 2<<20)
		t.refused(draft, orchestrator.ErrTooMuch)
		draft.Body = make([]byte, protocol.MaxPayload)
		draft.Header.Set(protocol.HeaderEvents, strings.Repeat("e", protocol.MaxHeaders-200))
		t.put(draft)
	}},
	{"headers that are too large are too much", func(t *journalTest) {
		draft := t.link("a", t.put(t.start("a")))
		draft.Header.Set(protocol.HeaderEvents, strings.Repeat("e", 1<<16))
		t.refused(draft, orchestrator.ErrTooMuch)
	}},
	{"a subject that is full is too much", func(t *journalTest) {
		const bound, more = 16384, 3
		subject := t.subjects.Reply(0, "a", "payment")
		answers := make([]<-chan appended, bound+more)
		for i := range answers {
			answers[i] = t.begin(orchestrator.Draft{Subject: subject})
		}
		for i := range answers {
			switch _, err := t.answer(answers[i]); {
			case i < bound && err != nil:
				t.Fatalf("message %d: %v", i+1, err)
			case i >= bound && !errors.Is(err, orchestrator.ErrTooMuch):
				t.Fatalf("message %d: %v, want: %v", i+1, err, orchestrator.ErrTooMuch)
			}
		}
		t.put(t.start("a")) // another subject of the same saga has room
	}},
}
