package orchestratortest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// hostileIDs name more than one saga, or none.
var hostileIDs = []string{"", "*", ">", "a.>", "a b", "-", "a\x00b", strings.Repeat("x", 65)}

// journalHistories is about single sagas.
var journalHistories = []journalCase{
	{"a history is one saga's messages in order", func(t *journalTest) {
		a := t.put(t.start("a"))
		t.put(t.start("b"))
		t.put(t.reply("a"))
		t.put(t.start("ab"))
		t.put(t.link("a", a))
		t.same("from the first", []uint64{1, 3, 5}, t.history("a", 0))
		t.same("from 3", []uint64{3, 5}, t.history("a", 3))
		t.same("from 4", []uint64{5}, t.history("a", 4))
		t.same("from beyond", []uint64{}, t.history("a", 6))
		t.same("of nobody", []uint64{}, t.history("c", 0))
	}},
	{"a history has its messages as they were stored", func(t *journalTest) {
		t.put(t.link("a", t.put(t.start("a"))))
		messages, err := t.p.History(t.Context(), "a", 2)
		if err != nil || len(messages) != 1 {
			t.Fatalf("history: %d messages, %v", len(messages), err)
		}
		t.same("message", t.get(2), messages[0])
	}},
	{"a long history is whole", func(t *journalTest) {
		const long = 1300
		var answers []<-chan appended
		for i := range long {
			draft := t.reply("a")
			draft.Body = []byte(fmt.Sprint(i))
			answers = append(answers, t.begin(draft))
		}
		for _, a := range answers {
			if _, err := t.answer(a); err != nil {
				t.Fatal(err)
			}
		}
		messages, err := t.p.History(t.Context(), "a", 0)
		if err != nil || len(messages) != long {
			t.Fatalf("history: %d messages, %v; want %d", len(messages), err, long)
		}
		for i, m := range messages {
			if m.Sequence != uint64(i+1) || string(m.Body) != fmt.Sprint(i) {
				t.Fatalf("message %d has the sequence %d and the body %s", i, m.Sequence, m.Body)
			}
		}
	}},
	{"a history of large messages is whole", func(t *journalTest) {
		for range 20 {
			draft := t.reply("a")
			draft.Body = make([]byte, 500<<10)
			t.put(draft)
		}
		t.same("messages", 20, len(t.history("a", 0)))
	}},
	{"the last link is the last of the chain", func(t *journalTest) {
		if _, err := t.p.Last(t.Context(), "a"); !errors.Is(err, orchestrator.ErrNotFound) {
			t.Errorf("before the start: %v, want: %v", err, orchestrator.ErrNotFound)
		}
		start := t.put(t.start("a"))
		t.put(t.reply("a"))
		t.same("after the start", start, t.last("a").Sequence)
		link := t.put(t.on(t.subjects.Link(0, "a", "payment"), "a", start))
		t.put(t.start("b"))
		t.same("after a link", t.get(link), t.last("a"))
	}},
	{"a message is found by its sequence", func(t *journalTest) {
		t.put(t.start("a"))
		m := t.get(1)
		t.same("subject", t.subjects.Start(0, "a"), m.Subject)
		for _, sequence := range []uint64{0, 2} {
			if _, err := t.p.Get(t.Context(), sequence); !errors.Is(err, orchestrator.ErrNotFound) {
				t.Errorf("get %d: %v, want: %v", sequence, err, orchestrator.ErrNotFound)
			}
		}
	}},
	{"the tail says where the stream begins and ends", func(t *journalTest) {
		empty := t.tail()
		t.same("empty", orchestrator.Tail{Created: empty.Created, First: 1, Last: 0}, empty)
		if empty.Created.IsZero() {
			t.Error("nobody knows when the stream was made")
		}
		for _, id := range []string{"a", "b", "c"} {
			t.put(t.start(id))
		}
		t.same("full", orchestrator.Tail{Created: empty.Created, First: 1, Last: 3}, t.tail())
		t.purge("a", 10)
		t.same("without its head", orchestrator.Tail{Created: empty.Created, First: 2, Last: 3}, t.tail())
		t.purge("b", 10)
		t.purge("c", 10)
		t.same("purged", orchestrator.Tail{Created: empty.Created, First: 4, Last: 3}, t.tail())
	}},
	{"ids that name more than one saga are refused", func(t *journalTest) {
		t.put(t.start("a"))
		for _, id := range hostileIDs {
			if _, err := t.p.History(t.Context(), id, 0); !errors.Is(err, protocol.ErrName) {
				t.Errorf("history of %q: %v", id, err)
			}
			if _, err := t.p.Last(t.Context(), id); !errors.Is(err, protocol.ErrName) {
				t.Errorf("last link of %q: %v", id, err)
			}
			if err := t.p.Purge(t.Context(), id, 100); !errors.Is(err, protocol.ErrName) {
				t.Errorf("purge of %q: %v", id, err)
			}
		}
		t.same("history", []uint64{1}, t.history("a", 0))
	}},
}

func (t *journalTest) last(id string) orchestrator.Message {
	t.Helper()
	m, err := t.p.Last(t.Context(), id)
	if err != nil {
		t.Fatalf("last link of %s: %v", id, err)
	}
	return m
}

func (t *journalTest) purge(id string, before uint64) {
	t.Helper()
	if err := t.p.Purge(t.Context(), id, before); err != nil {
		t.Fatalf("purge %s: %v", id, err)
	}
}

// journalPurging is about histories that leave.
var journalPurging = []journalCase{
	{"a purge takes one saga's messages below its bound", func(t *journalTest) {
		a := t.put(t.start("a"))
		t.put(t.start("b"))
		t.put(t.start("ab"))
		link := t.put(t.link("a", a))
		late := t.put(t.reply("a"))
		t.purge("a", link+1)
		t.same("a", []uint64{late}, t.history("a", 0))
		t.same("b", []uint64{2}, t.history("b", 0))
		t.same("ab", []uint64{3}, t.history("ab", 0))
		if _, err := t.p.Get(t.Context(), a); !errors.Is(err, orchestrator.ErrNotFound) {
			t.Errorf("get %d: %v, want: %v", a, err, orchestrator.ErrNotFound)
		}
		if _, err := t.p.Last(t.Context(), "a"); !errors.Is(err, orchestrator.ErrNotFound) {
			t.Errorf("last link: %v, want: %v", err, orchestrator.ErrNotFound)
		}
	}},
	{"a repeated purge cannot touch a new run", func(t *journalTest) {
		link := t.put(t.link("a", t.put(t.start("a"))))
		t.purge("a", link+1)
		again := t.put(t.start("a"))
		second := t.put(t.link("a", again))
		t.purge("a", link+1)
		t.same("history", []uint64{again, second}, t.history("a", 0))
	}},
	{"a purge below nothing takes nothing", func(t *journalTest) {
		t.put(t.start("a"))
		t.purge("a", 0)
		t.purge("a", 1)
		t.same("history", []uint64{1}, t.history("a", 0))
	}},
	{"trimming keeps the newest canaries and records", func(t *journalTest) {
		t.put(t.start("a"))
		for range 3 {
			t.put(orchestrator.Draft{Subject: t.subjects.Canary(0)})
			t.put(orchestrator.Draft{Subject: t.subjects.Purged(0)})
		}
		t.trim(1, 2)
		t.same("left", []uint64{1, 5, 6, 7}, t.all())
		t.trim(1, 2)
		t.same("trimmed again", []uint64{1, 5, 6, 7}, t.all())
		t.trim(0, 1)
		t.same("without canaries", []uint64{1, 7}, t.all())
	}},
	{"the oldest and the newest record of purges are found", func(t *journalTest) {
		if records, err := t.p.Purges(t.Context()); err != nil || len(records) != 0 {
			t.Fatalf("purges = %d, %v; want none", len(records), err)
		}
		var records []orchestrator.Message
		for n, want := range [][]uint64{{1}, {1, 4}, {1, 7}} {
			t.put(orchestrator.Draft{Subject: t.subjects.Purged(0), Body: []byte(fmt.Sprint("record ", n))})
			t.put(orchestrator.Draft{Subject: t.subjects.Canary(0)})
			t.put(t.start(fmt.Sprint("s-", n)))
			var err error
			if records, err = t.p.Purges(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.same("sequences", want, sequences(records))
		}
		t.same("record", t.get(7), records[1])
		t.same("kind", protocol.KindPurged, records[1].Address.Kind)
	}},
	{"providing consumers again changes nothing", func(t *journalTest) {
		for range 2 {
			if err := t.j.Provision(t.Context(), []string{"payment", "shipping"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := t.j.Provision(t.Context(), []string{"*"}); !errors.Is(err, protocol.ErrName) {
			t.Errorf("provision *: %v", err)
		}
	}},
}

func (t *journalTest) trim(canaries, purges uint64) {
	t.Helper()
	if err := t.p.Trim(t.Context(), canaries, purges); err != nil {
		t.Fatalf("trim: %v", err)
	}
}

// all returns the sequences of everything that is stored.
func (t *journalTest) all() []uint64 {
	t.Helper()
	list := []uint64{}
	for sequence := uint64(1); sequence <= t.tail().Last; sequence++ {
		if _, err := t.p.Get(t.Context(), sequence); err == nil {
			list = append(list, sequence)
		}
	}
	return list
}
