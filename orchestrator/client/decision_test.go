package client_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A hand writes the journal as orchestrators do, in an order of the test's own.
type hand struct {
	*world
	nc   *nats.Conn
	id   string
	run  uint64
	last uint64
}

func (w *world) byHand(h client.Handle[order]) *hand {
	return &hand{w, w.conn(), h.ID(), h.Run(), h.Run()}
}

func (h *hand) publish(subject string, header nats.Header) uint64 {
	h.t.Helper()
	m, err := h.nc.RequestMsgWithContext(h.t.Context(), &nats.Msg{Subject: subject, Header: header})
	if err != nil {
		h.t.Fatal(err)
	}
	var ack struct {
		Sequence uint64 `json:"seq"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil || ack.Sequence == 0 {
		h.t.Fatalf("%s, %v", m.Data, err)
	}
	return ack.Sequence
}

// link appends a decision that has read up to that sequence.
func (h *hand) link(read uint64, events string) {
	h.t.Helper()
	p := protocol.Partition(h.id, 4)
	status := "running"
	if events == ended {
		status = "compensated"
	}
	number := func(n uint64) []string { return []string{strconv.FormatUint(n, 10)} }
	h.last = h.publish(protocol.Subjects{}.Link(p, h.id, protocol.NoOne), nats.Header{
		protocol.HeaderRun: number(h.run), protocol.HeaderRead: number(read), protocol.HeaderEvents: {events},
		protocol.HeaderStatus: {status}, protocol.HeaderTime: {"2026-01-01T00:00:00Z"}, protocol.HeaderDecision: {"d"},
		protocol.HeaderExpectedSequence: number(h.last), protocol.HeaderExpectedSubject: {protocol.Subjects{}.Chain(p, h.id)},
	})
}

// suspend asks for it in the background, and returns once that is stored.
func (h *hand) suspend(s client.Saga, input string) (stored uint64, decided <-chan error) {
	h.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := s.Suspend(h.t.Context(), client.By{Who: "ann", Input: input})
		done <- err
	}()
	h.until("the request is stored", func() bool {
		for _, m := range h.messages(h.id) {
			if m.Address.Kind == protocol.KindControl && m.Address.Name == input {
				stored = m.Sequence
			}
		}
		return stored != 0
	})
	return stored, done
}

const (
	started = `[{"Started":{"fingerprint":"f"}}]`
	ended   = `[{"TurnedBack":{"reason":"x"}},{"SagaCompensated":{}}]`
)

// The end was decided before the request was looked at, and stored behind it.
func TestARequestThatTheEndOvertakesIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(w.client(client.WithEvery(never)), order{ID: "o"})
	h := w.byHand(s)
	h.link(h.run, started)
	_, decided := h.suspend(s.Saga, "i")
	h.link(h.run, ended)
	var over *client.OverError
	if err := <-decided; !errors.As(err, &over) || over.Status != instance.Compensated {
		t.Errorf("got %v", err)
	}
}

// A decision that has read past a request without a word about it: nobody will
// ever decide it.
func TestARequestThatWasReadPastIsRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(w.client(client.WithEvery(never)), order{ID: "o"})
	h := w.byHand(s)
	h.link(h.run, started)
	first, decided := h.suspend(s.Saga, "i")
	second, other := h.suspend(s.Saga, "j")
	h.link(first-1, `[{"SignalReceived":{"name":"n","input":1}}]`) // not about it, and not past it
	h.link(second, `[{"Suspended":{"by":"ann","input":`+strconv.FormatUint(second, 10)+`}}]`)
	if err := <-decided; !errors.Is(err, client.ErrRejected) {
		t.Errorf("got %v", err)
	}
	if err := <-other; err != nil {
		t.Errorf("the one that was decided: got %v", err)
	}
}

// The request was stored behind the end, by a client that did not know of it.
func TestARequestBehindTheEndIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(w.client(client.WithEvery(never)), order{ID: "o"})
	h := w.byHand(s)
	h.link(h.run, started)
	h.link(h.run, ended)
	h.publish(protocol.Subjects{}.Control(protocol.Partition("o", 4), "o", "i"), nats.Header{
		protocol.HeaderVerb: {"suspend"}, protocol.HeaderBy: {"ann"},
	})
	if _, err := s.Suspend(t.Context(), client.By{Who: "ann", Input: "i"}); !errors.Is(err, client.ErrOver) {
		t.Errorf("got %v", err)
	}
}
