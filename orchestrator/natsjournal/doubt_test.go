package natsjournal_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/participants/protocol"
)

type result struct {
	sequence uint64
	err      error
}

// begin appends d, and returns where its answers come.
func begin(p orchestrator.Partition, d orchestrator.Draft) <-chan result {
	answers := make(chan result, 4)
	p.Append(d, func(sequence uint64, err error) { answers <- result{sequence, err} })
	return answers
}

func answer(t *testing.T, answers <-chan result) result {
	t.Helper()
	select {
	case r := <-answers:
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("an append was not answered")
		return result{}
	}
}

func put(t *testing.T, p orchestrator.Partition, d orchestrator.Draft) uint64 {
	t.Helper()
	r := answer(t, begin(p, d))
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.sequence
}

func start(id string) orchestrator.Draft {
	var s protocol.Subjects
	return orchestrator.Draft{Subject: s.Start(0, id), Chain: s.Chain(0, id)}
}

func link(id string, expect uint64) orchestrator.Draft {
	var s protocol.Subjects
	return orchestrator.Draft{Subject: s.Link(0, id, protocol.NoOne), Chain: s.Chain(0, id), Expect: expect}
}

func inDoubt(t *testing.T, r result) {
	t.Helper()
	if !errors.Is(r.err, orchestrator.ErrInDoubt) || r.sequence != 0 {
		t.Errorf("append = %d, %v; want: %v", r.sequence, r.err, orchestrator.ErrInDoubt)
	}
}

func host(t *testing.T, clientURL string) string {
	t.Helper()
	u, err := url.Parse(clientURL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestAnAppendWhoseAcknowledgementIsLateIsInDoubtAndCanBeReadBack(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	other, _ := open(t, s)
	px := newProxy(t, host(t, s.ClientURL()))
	j, _ := dial(t, px.url(), natsjournal.WithTimeout(200*time.Millisecond))
	p := j.Partition(0)
	first := put(t, p, start("a"))

	px.hold(true)
	answers := begin(p, link("a", first))
	inDoubt(t, answer(t, answers))
	// The server has it, as another connection sees before the first hears of it.
	var last orchestrator.Message
	for last.Sequence <= first {
		var err error
		if last, err = other.Partition(0).Last(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	px.hold(false)

	// The late acknowledgement is no second answer.
	put(t, p, link("a", last.Sequence))
	select {
	case r := <-answers:
		t.Errorf("answered again: %d, %v", r.sequence, r.err)
	default:
	}
}

func TestAnAppendThatNobodyStoresIsInDoubt(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	j, nc := open(t, s)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), j.Subjects().Stream(0)); err != nil {
		t.Fatal(err)
	}
	r := answer(t, begin(j.Partition(0), start("a")))
	inDoubt(t, r)
	if !errors.Is(r.err, nats.ErrNoResponders) {
		t.Errorf("the error does not say why: %v", r.err)
	}
}

func TestAppendsUnderWayAreInDoubtWhenTheConnectionEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *natsjournal.Journal, *nats.Conn){
		"closed":        func(_ *testing.T, _ *natsjournal.Journal, nc *nats.Conn) { nc.Close() },
		"lost":          func(t *testing.T, _ *natsjournal.Journal, nc *nats.Conn) { reconnect(t, nc) },
		"journal close": func(_ *testing.T, j *natsjournal.Journal, _ *nats.Conn) { j.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := natstest.Start(t)
			px := newProxy(t, host(t, s.ClientURL()))
			j, nc := dial(t, px.url(), natsjournal.WithTimeout(time.Hour))
			px.hold(true)
			var under []<-chan result
			for _, id := range []string{"a", "b", "c"} {
				under = append(under, begin(j.Partition(0), start(id)))
			}
			px.mu.Lock()
			px.held = name != "lost" // the next connection must come through
			px.mu.Unlock()
			end(t, j, nc)
			for _, answers := range under {
				inDoubt(t, answer(t, answers))
			}
		})
	}
}

func TestAnAppendWithoutConnectionIsInDoubtAtOnce(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	j, nc := open(t, s, natsjournal.WithTimeout(time.Hour))
	changes := nc.StatusChanged(nats.RECONNECTING)
	defer nc.RemoveStatusListener(changes)
	natstest.Stop(s)
	await(t, changes, nats.RECONNECTING)
	inDoubt(t, answer(t, begin(j.Partition(0), start("a"))))
	nc.Close()
	inDoubt(t, answer(t, begin(j.Partition(0), start("b"))))
}

func TestAStreamThatIsFullStopsThePartitionInsteadOfASaga(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	j, nc := open(t, s)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	config := natsjournal.Layout{Partitions: 2}.Streams()[0]
	config.MaxBytes = 100
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	draft := start("a")
	draft.Body = make([]byte, 200)
	r := answer(t, begin(j.Partition(0), draft))
	for _, kind := range []error{orchestrator.ErrTooMuch, orchestrator.ErrInDoubt, orchestrator.ErrConflict} {
		if r.err == nil || errors.Is(r.err, kind) {
			t.Errorf("append = %d, %v", r.sequence, r.err)
		}
	}
}

func TestADraftThatTheClientRefusesIsNotInDoubt(t *testing.T) {
	t.Parallel()
	j, _ := open(t, natstest.Start(t))
	bad := start("a")
	bad.Header = protocol.Header{"no: colon": {"x"}}
	space := start("a")
	space.Subject += " x"
	for _, d := range []orchestrator.Draft{bad, space} {
		if r := answer(t, begin(j.Partition(0), d)); r.err == nil || errors.Is(r.err, orchestrator.ErrInDoubt) {
			t.Errorf("append to %q = %d, %v", d.Subject, r.sequence, r.err)
		}
	}
}
