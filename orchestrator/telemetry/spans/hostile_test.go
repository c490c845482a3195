package spans_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/telemetry/spans"
	"github.com/amends-io/amends/participants/protocol"
)

// A message that is missing is noticed by the next link, and nothing is told
// that would have to be told otherwise later.
func TestAGapIsNoticed(t *testing.T) {
	history := journal(t, "completed")
	whole := all(t, history)
	for i, missing := range history {
		if missing.Address.Kind != protocol.KindLink {
			continue
		}
		var sg spans.Saga
		var told int
		var err error
		for k, m := range history {
			if k == i || err != nil {
				continue
			}
			var facts []spans.Fact
			facts, err = sg.Add(m, nil)
			for _, f := range facts {
				for _, s := range sg.Of(protocol.Subjects{}, f) {
					told++
					if !slices.ContainsFunc(whole, func(o spans.Span) bool { return o.Context.Equal(s.Context) && o.End.Equal(s.End) }) {
						t.Errorf("without link %d: %s ends at %v", missing.Sequence, s.Name, s.End)
					}
				}
			}
		}
		if last := i == len(history)-1; !last && !errors.Is(err, spans.ErrGap) || told >= len(whole) {
			t.Errorf("without link %d: %v, %d spans", missing.Sequence, err, told)
		}
	}
}

// What was read before changes nothing when it comes again.
func TestRepeatedMessagesTellNothing(t *testing.T) {
	history := journal(t, "resolved")
	var twice []orchestrator.Message
	for i := range history {
		twice = append(twice, history[:i+1]...)
	}
	if got, want := len(all(t, twice)), len(all(t, history)); got != want {
		t.Errorf("%d spans, want %d", got, want)
	}
}

// A participant cannot hang its reply elsewhere, nor claim more time than the
// command was there for; and it can answer as often as it likes.
func TestRepliesCannotReachOutOfTheirAttempt(t *testing.T) {
	const foreign = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	history := journal(t, "completed")
	for _, m := range history {
		if m.Address.Kind == protocol.KindReply {
			m.Header.Set(protocol.HeaderTraceParent, foreign)
			m.Header.Set(protocol.HeaderTook, "9000000000000000")
		}
	}
	begins := map[string]int64{}
	for _, s := range all(t, history) {
		if strings.HasPrefix(s.Name, "send ") {
			begins[s.Context.SpanID().String()] = s.End.UnixNano()
		}
		if s.Parent.TraceID().String() == foreign[3:35] {
			t.Errorf("%s has a parent of the participant's choice", s.Name)
		}
		if stored, ok := begins[s.Parent.SpanID().String()]; ok && s.Start.UnixNano() < stored {
			t.Errorf("%s begins before its command was stored", s.Name)
		}
	}
	var sg spans.Saga
	add := func(m orchestrator.Message) {
		if _, err := sg.Add(m, nil); err != nil {
			t.Fatal(err)
		}
	}
	add(history[0])
	for n := range 10_000 {
		m := orchestrator.Message{Sequence: history[0].Sequence + 1 + uint64(n), Address: protocol.Address{ID: "o-1", Kind: protocol.KindReply, Name: "payment"}}
		m.Header = protocol.Header{protocol.HeaderReason: {fmt.Sprint(n)}}
		add(m)
	}
}

// A second start that the journal took without its condition begins no run.
func TestAForgedStartBeginsNothing(t *testing.T) {
	history := journal(t, "completed")
	var sg spans.Saga
	for _, m := range history[:3] {
		if _, err := sg.Add(m, nil); err != nil {
			t.Fatal(err)
		}
	}
	run := sg.Run
	forged := history[0]
	forged.Sequence = history[2].Sequence + 1
	forged.Header = protocol.Header{protocol.HeaderExpectedSequence: {"0"}, protocol.HeaderExpectedSubject: {"saga.0.other.*.*.chain"}}
	if _, err := sg.Add(forged, nil); err != nil || sg.Run != run {
		t.Errorf("run %d, %v, want %d", sg.Run, err, run)
	}
}
