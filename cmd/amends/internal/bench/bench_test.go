package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

func TestPercentilesAreOfAllSamples(t *testing.T) {
	t.Parallel()
	var samples []time.Duration
	for n := range 200 {
		samples = append(samples, time.Duration(n+1)*time.Millisecond)
	}
	for p, want := range map[int]float64{0: 1, 50: 100, 99: 198, 100: 200} {
		if got := percentile(samples, p); got != want {
			t.Errorf("p%d = %v, want %v", p, got, want)
		}
	}
	if got := percentile(samples[:1], 50); got != 1 {
		t.Errorf("p50 of one = %v", got)
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("p50 of none = %v", got)
	}
}

func TestALoadIsAClosedLoop(t *testing.T) {
	t.Parallel()
	var running, most, over atomic.Int64
	l := load{Path: Happy, InFlight: 7, Sagas: 500, Tag: "t"}
	result, err := l.run(t.Context(), func(context.Context, string, string) error {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		over.Add(1)
		return nil
	})
	if err != nil || result.Sagas != 500 || over.Load() != 500 || most.Load() > 7 || result.Last != "t-00000500" {
		t.Errorf("%+v, %v; %d at once, %d over", result, err, most.Load(), over.Load())
	}
	lost := errors.New("lost")
	if _, err := l.run(t.Context(), func(_ context.Context, _, id string) error {
		if strings.HasSuffix(id, "9") {
			return lost
		}
		return nil
	}); !errors.Is(err, lost) {
		t.Errorf("a saga that failed: %v", err)
	}
}

// size is what a header takes on the wire.
func size(h protocol.Header) (n int) {
	for name, values := range h {
		n += len(name) + len(values[0]) + len(": \r\n")
	}
	return n
}

func conditional(more map[string]string) protocol.Header {
	h := protocol.Header{}
	h.Set(protocol.HeaderExpectedSequence, "1234")
	h.Set(protocol.HeaderExpectedSubject, "b123.0.some-id.*.*.chain")
	for name, value := range more {
		h.Set(name, value)
	}
	return h
}

func TestTheBarePipelinePlaysASagasMessagesWithoutTheirConditions(t *testing.T) {
	t.Parallel()
	link := map[string]string{protocol.HeaderRun: "1234", protocol.HeaderStep: "reserve", protocol.HeaderDirection: "do"}
	var history []orchestrator.Message
	add := func(kind protocol.Kind, name string, h protocol.Header) {
		history = append(history, orchestrator.Message{
			Sequence: uint64(len(history) + 1), Address: protocol.Address{ID: "old", Kind: kind, Name: name}, Header: h,
		})
	}
	add(protocol.KindStart, "", conditional(nil))
	for _, name := range participantNames {
		add(protocol.KindLink, name, conditional(link))
		add(protocol.KindReply, name, protocol.Header{})
	}
	add(protocol.KindLink, protocol.NoOne, conditional(link))
	s, err := newScore(history)
	if err != nil {
		t.Fatal(err)
	}
	for after, n := range s.Links {
		if n.Header.Get(protocol.HeaderExpectedSequence) != "" || size(n.Header) != size(conditional(link)) {
			t.Errorf("after %q: %v", after, n.Header)
		}
	}
	subjects := protocol.Subjects{Prefix: "b123"}
	after := orchestrator.Message{Sequence: 77, Address: protocol.Address{ID: "new", Kind: protocol.KindStart}}
	for i, want := range append(participantNames, protocol.NoOne) {
		d, err := s.next(subjects, after, time.Now())
		if err != nil || d.Subject != subjects.Link(0, "new", want) || d.Chain != "" || d.Header.Get(protocol.HeaderRun) != "77" {
			t.Fatalf("message %d: %+v, %v", i, d, err)
		}
		h := protocol.Header{}
		protocol.Reply{Attempt: protocol.Attempt{Run: 77, Step: "s", Direction: protocol.Do, Number: 1}, Outcome: protocol.Done}.WriteHeader(h)
		after = orchestrator.Message{Sequence: 80, Address: protocol.Address{ID: "new", Kind: protocol.KindReply, Name: want}, Header: h}
	}
	after.Header.Set(protocol.HeaderOutcome, string(protocol.Failed))
	if _, err := s.next(subjects, after, time.Now()); err == nil {
		t.Error("a reply that is none of the score's was taken")
	}
	if _, err := newScore(history[:4]); err == nil {
		t.Error("half a saga was taken")
	}
}

// Whoever started a part may be gone before it has said what part to be.
func TestAPartEndsWithItsInput(t *testing.T) {
	t.Parallel()
	dial := func(string) (*nats.Conn, error) { return nil, errors.New("no server") }
	var out bytes.Buffer
	if err := Serve(t.Context(), strings.NewReader(""), &out, dial); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	for line, want := range map[string]string{
		`{"role":"client","name":"client"}`:                                "no server",
		fmt.Sprintf(`{"role":"nats","name":"nats","dir":%q}`, t.TempDir()): `"url":"nats://`,
	} {
		out.Reset()
		if err := Serve(t.Context(), strings.NewReader(line), &out, dial); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %s, %v", line, &out, err)
		}
	}
}

func TestWhatARunCostIsPerSaga(t *testing.T) {
	t.Parallel()
	before := sample{machine: 1000, cpu: map[string]float64{"nats": 100, "client": 10}, last: 1000, bytes: 5000}
	after := sample{machine: 1560, cpu: map[string]float64{"nats": 150, "client": 20}, last: 1000 + 8*100 + 2, bytes: 5000 + 400_000 + 60, canaries: 2, canariesSize: 60}
	r := newRun(load{Path: Happy, InFlight: 16}, loaded{Sagas: 100, Seconds: 0.5}, before, after)
	if r.Messages != 8 || r.Bytes != 4000 || r.Rate != 200 || r.CPU != 0.6 || r.CPUByPart["nats"] != 0.5 || r.Others == nil || *r.Others != 1 {
		t.Errorf("%+v", r)
	}
}

func TestTheMachinesCPUIsAllThatWasNotIdle(t *testing.T) {
	t.Parallel()
	for stat, want := range map[string]float64{
		"cpu  1 2 3 4000 5000 6 7 8 0 0\ncpu0 1 2\n": 270,
		"cpu0 1 2 3 4 5 6 7 8\n":                     0,
		"cpu 1 2 x 4 5 6 7 8\n":                      0,
		"":                                           0,
	} {
		if got, ok := busy(stat); got != want || ok != (want > 0) {
			t.Errorf("%q: %v, %t, want %v", stat, got, ok, want)
		}
	}
}
