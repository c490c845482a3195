package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas/placeorder"
)

// A scribe writes a journal by hand, message by message.
type scribe struct {
	journal  Journal
	subjects protocol.Subjects
	sequence uint64
	last     uint64 // link
}

func newScribe() *scribe { return &scribe{journal: Journal{Lives: make(map[string]*Life)}} }

func (s *scribe) write(subject string, h protocol.Header, body string) *scribe {
	s.sequence++
	s.journal.add(s.subjects, message{subject, s.sequence, h, []byte(body)})
	return s
}

// chained are the headers of a link that follows the last one.
func (s *scribe) chained() protocol.Header {
	h := protocol.Header{}
	h.Set(protocol.HeaderExpectedSequence, fmt.Sprint(s.last))
	h.Set(protocol.HeaderExpectedSubject, s.subjects.Chain(0, "1"))
	h.Set(protocol.HeaderRun, "1")
	return h
}

func (s *scribe) start() *scribe {
	s.write(s.subjects.Start(0, "1"), s.chained(), `{"number":"1","customer":"c","article":"a","units":3,"price":20000}`)
	s.last = s.sequence
	return s
}

// link writes a decision: events, and a command if step is not empty.
func (s *scribe) link(events, step string, d protocol.Direction, change ...func(protocol.Header)) *scribe {
	h, to := s.chained(), protocol.NoOne
	if step != "" {
		to = "somebody"
		protocol.Command{Saga: "1", Definition: "place-order", Version: 1, Action: "act", Attempt: attempt(step, d)}.WriteHeader(h)
	}
	h.Set(protocol.HeaderEvents, events)
	for _, c := range change {
		c(h)
	}
	s.write(s.subjects.Link(0, "1", to), h, "{}")
	s.last = s.sequence
	return s
}

func (s *scribe) reply(step string, d protocol.Direction, o protocol.Outcome) *scribe {
	h := protocol.Header{}
	protocol.Reply{Attempt: attempt(step, d), Outcome: o}.WriteHeader(h)
	return s.write(s.subjects.Reply(0, "1", "somebody"), h, "{}")
}

func attempt(step string, d protocol.Direction) protocol.Attempt {
	return protocol.Attempt{Run: 1, Step: step, Direction: d, Number: 1}
}

const (
	reserve   = placeorder.StepReserve
	charge    = placeorder.StepCharge
	ship      = placeorder.StepShip
	requested = `[{"ActionRequested":{}}]`
	returned  = `[{"TurnedBack":{"step":"ship","reason":"parcel too large: 3"}},{"CompensationRequested":{}}]`
	completed = `[{"ActionDone":{}},{"SagaCompleted":{}}]`
	undone    = `[{"CompensationDone":{}},{"SagaCompensated":{}}]`
)

func forward() *scribe {
	return newScribe().start().
		link(`[{"Started":{}},{"ActionRequested":{}}]`, reserve, protocol.Do).reply(reserve, protocol.Do, protocol.Done).
		link(requested, charge, protocol.Do).reply(charge, protocol.Do, protocol.Done).
		link(requested, ship, protocol.Do)
}

func back() *scribe {
	return forward().reply(ship, protocol.Do, protocol.Refused).
		link(returned, charge, protocol.Undo).reply(charge, protocol.Undo, protocol.Undone).
		link(`[{"CompensationDone":{}}]`, reserve, protocol.Undo)
}

func TestALifeIsReadFromItsMessages(t *testing.T) {
	t.Parallel()
	there := forward().reply(ship, protocol.Do, protocol.Done).link(completed, "", "")
	again := back().reply(reserve, protocol.Undo, protocol.Undone).reply(reserve, protocol.Undo, protocol.Undone).link(undone, "", "")
	for _, tt := range []struct {
		journal  Journal
		messages int
		end      string
		reason   string
		steps    [3]Fate
	}{
		{there.journal, 8, Completed, "", [3]Fate{{Done: true}, {Done: true}, {Done: true}}},
		{again.journal, 13, Compensated, "parcel too large: 3", [3]Fate{{Done: true, Undone: true}, {Done: true, Undone: true}, {Refused: true}}},
	} {
		l := tt.journal.Lives["1"]
		got := []any{l.Messages, l.End, l.Reason, l.Steps, l.Faults, l.Broken, tt.journal.Odd, l.Order.Units, l.Run}
		want := []any{tt.messages, tt.end, tt.reason, tt.steps, []string(nil), []string(nil), []string(nil), int64(3), uint64(1)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestWhatASagaMustNotDoIsSeen(t *testing.T) {
	t.Parallel()
	set := func(key, value string) func(protocol.Header) {
		return func(h protocol.Header) { h.Set(key, value) }
	}
	for want, s := range map[string]*scribe{
		"completed, and yet ship is not done":      forward().link(completed, "", ""),
		"compensated, and yet reserve-stock is":    back().link(undone, "", ""),
		"do charge/1 while reserve-stock is":       newScribe().start().link(requested, reserve, protocol.Do).link(requested, charge, protocol.Do),
		"undo reserve-stock/1 while charge is":     forward().link(returned, reserve, protocol.Undo),
		"undo charge/1 without turning back":       forward().link(requested, charge, protocol.Undo),
		"do ship/1 after it turned back":           back().link(requested, ship, protocol.Do),
		"decided after the end":                    forward().reply(ship, protocol.Do, protocol.Done).link(completed, "", "").link(completed, "", ""),
		"reply to do ship/1, which was not":        newScribe().start().reply(ship, protocol.Do, protocol.Done),
		"do charge/1 is answered in two ways":      forward().reply(charge, protocol.Do, protocol.Refused),
		"a command of no step":                     newScribe().start().link(requested, "pack", protocol.Do),
		"a reply of no step":                       newScribe().start().reply("pack", protocol.Do, protocol.Done),
		"the demo sends no signal":                 newScribe().start().write("saga.0.1.in.signal.s", nil, ""),
		"the order of":                             newScribe().write("saga.0.1.in.start.chain", newScribe().chained(), `{"number":"2"}`),
		"expects \"7\", the link before it is":     forward().link(completed, "", "", set(protocol.HeaderExpectedSequence, "7")),
		"its condition is on another chain":        forward().link(completed, "", "", set(protocol.HeaderExpectedSubject, "saga.0.2.*.*.chain")),
		"of run \"9\", not 1":                      forward().link(completed, "", "", set(protocol.HeaderRun, "9")),
		"its events":                               forward().link("[", "", ""),
		"started again":                            newScribe().start().start(),
		"a reply of 1, which was never started":    newScribe().reply(ship, protocol.Do, protocol.Done),
		"subject \"saga.0.1.in\" is none of the":   newScribe().write("saga.0.1.in", nil, ""),
		"a link of 1, which was never started":     newScribe().link(completed, "", ""),
		"expects \"0\", the link before it is 1":   newScribe().start().link(requested, reserve, protocol.Do, set(protocol.HeaderExpectedSequence, "0")),
		"undo charge/1 is answered in two ways":    back().reply(charge, protocol.Undo, protocol.NothingToUndo),
		"do reserve-stock/1 is answered in two wa": forward().reply(reserve, protocol.Do, protocol.Refused),
	} {
		said := append([]string(nil), s.journal.Odd...)
		for _, l := range s.journal.Lives {
			said = append(append(said, l.Faults...), l.Broken...)
		}
		if text := strings.Join(said, "\n"); !strings.Contains(text, want) {
			t.Errorf("not seen: %s\nsaid: %s", want, text)
		}
	}
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := Number(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
