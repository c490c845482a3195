package orchestratortest

import (
	"errors"
	"fmt"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// journalReading is about what readers see.
var journalReading = []journalCase{
	{"a reader sees everything in order, and what comes later", func(t *journalTest) {
		a := t.put(t.start("a"))
		t.put(t.start("b"))
		r := t.read(0)
		t.same("old", []uint64{1, 2}, r.take(2))
		t.put(t.link("a", a))
		t.put(t.reply("b"))
		t.same("new", []uint64{3, 4}, r.take(2))
		r.close()
	}},
	{"a reader begins where it is told to", func(t *journalTest) {
		for _, id := range []string{"a", "b", "c"} {
			t.put(t.start(id))
		}
		r := t.read(3)
		t.same("sequences", []uint64{3}, r.take(1))
		r.close()
	}},
	{"a reader may begin at the end", func(t *journalTest) {
		t.put(t.start("a"))
		r := t.read(2)
		t.put(t.start("b"))
		t.same("sequences", []uint64{2}, r.take(1))
		r.close()
	}},
	{"a reader of an empty journal waits", func(t *journalTest) {
		r := t.read(1)
		t.put(t.start("a"))
		t.same("sequences", []uint64{1}, r.take(1))
		r.close()
	}},
	{"a reader that begins beyond the end is interrupted", func(t *journalTest) {
		t.put(t.start("a"))
		r := t.read(3)
		if err := r.end(); !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Errorf("Read = %v, want: %v", err, orchestrator.ErrInterrupted)
		}
	}},
	{"a reader sees messages as they were stored", func(t *journalTest) {
		before := t.put(t.start("a"))
		draft := t.on(t.subjects.Link(0, "a", "payment"), "a", before)
		t.put(draft)
		r := t.read(2)
		m := r.next()
		r.close()
		if since := time.Since(m.Time); since < -time.Minute || since > time.Minute {
			t.Errorf("its stamp is %v", m.Time)
		}
		t.same("as Get has it", t.get(2), m)
		t.same("message", orchestrator.Message{
			Sequence: 2, Time: m.Time, Subject: draft.Subject, Body: []byte("body"),
			Address: protocol.Address{Partition: 0, ID: "a", Kind: protocol.KindLink, Name: "payment"},
			Header: protocol.Header{
				protocol.HeaderDecision:         {"d"},
				protocol.HeaderExpectedSequence: {"1"},
				protocol.HeaderExpectedSubject:  {draft.Chain},
			},
		}, m)
	}},
	{"a message without headers and body is handed out", func(t *journalTest) {
		t.put(orchestrator.Draft{Subject: t.subjects.Reply(0, "a", "payment")})
		r := t.read(1)
		m := r.next()
		r.close()
		t.same("headers and body", 0, len(m.Header)+len(m.Body))
		t.same("kind", protocol.KindReply, m.Address.Kind)
	}},
	{"a message whose headers pose as the server's is handed out as it is", func(t *journalTest) {
		forged := protocol.Header{
			"Status": {"100"}, "Description": {"Idle Heartbeat"}, "Nats-Last-Consumer": {"77"},
			"Nats-Sequence": {"99"}, "Nats-Subject": {"other"}, "Nats-Last-Sequence": {"12"}, "Nats-Num-Pending": {"0"},
		}
		t.put(orchestrator.Draft{Subject: t.subjects.Reply(0, "a", "payment"), Header: forged})
		t.put(t.start("a"))
		r := t.read(1)
		m := r.next()
		t.same("headers", forged, m.Header)
		t.same("next", []uint64{2}, r.take(1))
		r.close()
		messages, err := t.p.History(t.Context(), "a", 0)
		if err != nil || len(messages) != 2 {
			t.Fatalf("history: %d messages, %v", len(messages), err)
		}
		t.same("history", m, messages[0])
	}},
	{"unknown subjects are handed out as such", func(t *journalTest) {
		bogus := t.subjects.Start(0, "a") + ".bogus"
		t.put(orchestrator.Draft{Subject: bogus})
		r := t.read(1)
		m := r.next()
		r.close()
		t.same("kind", protocol.KindUnknown, m.Address.Kind)
		t.same("subject", bogus, m.Subject)
	}},
	{"a reader steps over what was purged", func(t *journalTest) {
		for _, id := range []string{"a", "b", "c", "d"} {
			t.put(t.start(id))
		}
		for _, id := range []string{"a", "c"} {
			if err := t.p.Purge(t.Context(), id, 100); err != nil {
				t.Fatal(err)
			}
		}
		r := t.read(1)
		t.same("sequences", []uint64{2, 4}, r.take(2))
		r.close()
	}},
	{"a reader ends with its handler's error", func(t *journalTest) {
		t.put(t.start("a"))
		t.put(t.start("b"))
		boom, calls := errors.New("boom"), 0
		err := t.p.Read(t.Context(), 1, func(orchestrator.Message) error { calls++; return boom })
		if !errors.Is(err, boom) || calls != 1 {
			t.Errorf("Read = %v after %d calls, want %v after 1", err, calls, boom)
		}
	}},
	{"many messages come in order and without holes", func(t *journalTest) {
		const many = 5000
		r := t.read(1)
		for i := range many {
			t.begin(t.reply(fmt.Sprintf("s%d", i%7)))
		}
		r.through(1, many)
		r.close()
	}},
	{"a reader of inputs sees starts, replies, requests and canaries alone", func(t *journalTest) {
		a := t.put(t.start("a"))
		t.put(t.link("a", a))
		r := t.inputs(1)
		t.put(t.reply("a"))
		t.put(orchestrator.Draft{Subject: t.subjects.Purged(0)})
		t.put(orchestrator.Draft{Subject: t.subjects.Control(0, "a", "c")})
		t.put(t.on(t.subjects.Link(0, "a", "payment"), "a", 2))
		t.put(orchestrator.Draft{Subject: t.subjects.Canary(0)})
		t.put(orchestrator.Draft{Subject: t.subjects.Reply(0, "a", "payment") + ".bogus"})
		t.same("sequences", []uint64{1, 3, 5, 7, 8}, r.take(5))
		r.close()
		from := t.inputs(2)
		t.same("from a link on", []uint64{3}, from.take(1))
		from.cancel()
		if err := t.inputs(10).end(); !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Errorf("beyond the end: %v, want: %v", err, orchestrator.ErrInterrupted)
		}
	}},
	{"a reader of inputs can be interrupted, and goes on", func(t *journalTest) {
		a := t.put(t.start("a"))
		r := t.inputs(1)
		t.same("before", []uint64{1}, r.take(1))
		t.features.Interrupt(t.T, t.j)
		if err := r.end(); !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Fatalf("ReadInputs = %v, want: %v", err, orchestrator.ErrInterrupted)
		}
		t.put(t.link("a", a))
		again := t.inputs(2)
		t.put(t.start("b"))
		t.same("after", []uint64{3}, again.take(1))
		again.close()
	}},
	{"two readers see the same", func(t *journalTest) {
		first, second := t.read(1), t.read(1)
		t.put(t.start("a"))
		t.same("first", []uint64{1}, first.take(1))
		t.same("second", []uint64{1}, second.take(1))
		first.close()
		second.close()
	}},
	{"a reader can be interrupted, and goes on", func(t *journalTest) {
		t.put(t.start("a"))
		r := t.read(1)
		t.same("before", []uint64{1}, r.take(1))
		t.features.Interrupt(t.T, t.j)
		if err := r.end(); !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Fatalf("Read = %v, want: %v", err, orchestrator.ErrInterrupted)
		}
		again := t.read(2)
		t.put(t.start("b"))
		t.same("after", []uint64{2}, again.take(1))
		again.close()
	}},
}
