package participants_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// answering returns a participant whose charge is f.
func answering(t *testing.T, j *journal, f func(context.Context, amount) (receipt, error), options ...participants.Option) *participants.Participant {
	t.Helper()
	p := participants.New(natstest.Connect(t, j.server), "payment", append([]participants.Option{silent()}, options...)...)
	participants.Handle(p, charge, f)
	return p
}

// acks announces every acknowledgement of any kind that reaches the server.
func (j *journal) acks() <-chan *nats.Msg {
	j.t.Helper()
	acks := make(chan *nats.Msg, 10_000)
	if _, err := j.nc.ChanSubscribe("$JS.ACK.>", acks); err != nil {
		j.t.Fatal(err)
	}
	if err := j.nc.Flush(); err != nil {
		j.t.Fatal(err)
	}
	return acks
}

func (j *journal) next(acks <-chan *nats.Msg, kind string) {
	j.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case m := <-acks:
			if bytes.HasPrefix(m.Data, []byte(kind)) {
				return
			}
		case <-deadline:
			j.t.Fatalf("no %s within 20 s", kind)
		}
	}
}

func TestTheReplyIsStoredBeforeTheCommandIsAcknowledged(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	// A journal that is full takes no replies: an acknowledgement now would
	// lose the answer.
	stream, err := j.js.Stream(t.Context(), "SAGA-0")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	called := make(chan struct{}, 10)
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		called <- struct{}{}
		return receipt{"R-1"}, nil
	})
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	config.MaxMsgs, config.Discard = 1, jetstream.DiscardNew
	if _, err := j.js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	acks := j.acks()
	j.run(p)
	<-called
	eventually(t, "the reply was tried again", func() bool { return p.Counts().Republished > 1 })
	select {
	case m := <-acks:
		t.Fatalf("acknowledged with %s before the reply was stored", m.Data)
	default:
	}

	config.MaxMsgs = -1
	if _, err := j.js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if r := j.reply(); r.Outcome != protocol.Done {
		t.Errorf("outcome %s", r.Outcome)
	}
	j.next(acks, "+ACK")
	j.acknowledged("payment")
	if n := len(called); n != 0 {
		t.Errorf("the handler was called %d more times", n)
	}
}

func TestAReplyThatTheJournalNeverTakesEndsItsCommand(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	stream, err := j.js.Stream(t.Context(), "SAGA-0")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.MaxMsgSize = 2000
	if _, err := j.js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	p := answering(t, j, func(_ context.Context, a amount) (receipt, error) {
		return receipt{strings.Repeat("R", a.Units)}, nil
	})
	acks := j.acks()
	j.send(command("order-1", protocol.Do, 1, `{"units":3000}`))
	j.send(command("order-2", protocol.Do, 1, `{"units":3}`))
	j.run(p)
	j.next(acks, "+TERM")
	if r := j.reply(); r.Outcome != protocol.Done {
		t.Errorf("the next command: %s", r.Outcome)
	}
	j.acknowledged("payment")
	if n := p.Counts().Unstorable; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestACommandThatNobodyCanReadIsTerminatedAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	p := answering(t, j, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil })
	good := command("order-1", protocol.Do, 1, `{"units":1}`)
	bad := []func(protocol.Header){
		func(h protocol.Header) { delete(h, protocol.HeaderRun) },
		func(h protocol.Header) { h.Set(protocol.HeaderAttempt, "0") },
		func(h protocol.Header) { h.Set(protocol.HeaderDirection, "sideways") },
		func(h protocol.Header) { h.Set(protocol.HeaderStep, "a.b") },
		func(h protocol.Header) { h.Set(protocol.HeaderAction, "") },
		func(h protocol.Header) { h.Set(protocol.HeaderSettle, "failed") },
		func(h protocol.Header) { h.Set(protocol.HeaderDue, "tomorrow") },
		func(h protocol.Header) { clear(h) },
	}
	for _, spoil := range bad {
		header := make(protocol.Header)
		good.WriteHeader(header)
		spoil(header)
		j.store(good, header)
	}
	j.send(good)
	j.run(p)
	if r := j.reply(); r.Outcome != protocol.Done {
		t.Errorf("the good command: %s (%s)", r.Outcome, r.Reason)
	}
	j.acknowledged("payment")
	if c := p.Counts(); int(c.Undecodable) != len(bad) || c.Done != 1 || int(c.Received) != len(bad)+1 {
		t.Errorf("counts %+v, want %d undecodable and one done", c, len(bad))
	}
}

func TestACommandInDoubtComesAgain(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	var calls atomic.Int64
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		if calls.Add(1) < 3 {
			return receipt{}, participants.InDoubt(errors.New("commit: connection reset"))
		}
		return receipt{"R-1"}, nil
	})
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.run(p)
	if r := j.reply(); r.Outcome != protocol.Done {
		t.Errorf("outcome %s", r.Outcome)
	}
	j.acknowledged("payment")
	if n, c := calls.Load(), p.Counts(); n != 3 || c.InDoubt != 2 || c.Failed != 0 {
		t.Errorf("%d calls, counts %+v", n, c)
	}
}

func TestAConflictIsNotAnsweredAndDoesNotComeAgain(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		return receipt{}, participants.Conflict(errors.New("another request"))
	})
	acks := j.acks()
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.run(p)
	j.next(acks, "+TERM another request")
	j.acknowledged("payment")
	if c := p.Counts(); c.Conflicts != 1 || len(j.feed) != 0 {
		t.Errorf("counts %+v and %d replies", c, len(j.feed))
	}
}

func TestAHandlerThatEndsItsGoroutineDoesNotTakeTheWorkersWithIt(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	var calls atomic.Int64
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		if calls.Add(1) < 3 {
			runtime.Goexit()
		}
		return receipt{"R-1"}, nil
	}, participants.WithConcurrency(1))
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.run(p)
	if r := j.reply(); r.Outcome != protocol.Done {
		t.Errorf("outcome %s", r.Outcome)
	}
}

func TestAHandlerThatTakesLongerThanTheServerWaitsIsCalledOnce(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	_, err := j.js.CreateConsumer(t.Context(), "SAGA-0", jetstream.ConsumerConfig{
		Durable: "payment", FilterSubject: "saga.*.*.out.payment.chain",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 3 * time.Second, MaxDeliver: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	acks := j.acks()
	var calls atomic.Int64
	finish := make(chan struct{})
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		calls.Add(1)
		<-finish
		return receipt{"R-1"}, nil
	})
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.run(p)
	for range 6 { // each after a third of what the server waits
		j.next(acks, "+WPI")
	}
	close(finish)
	if r := j.reply(); r.Outcome != protocol.Done {
		t.Errorf("outcome %s", r.Outcome)
	}
	j.acknowledged("payment")
	if n := calls.Load(); n != 1 {
		t.Errorf("the handler was called %d times", n)
	}
}

func TestNoMoreHandlersRunThanAllowed(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 2)
	var running, most atomic.Int64
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		n := running.Add(1)
		defer running.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		runtime.Gosched()
		return receipt{"R-1"}, nil
	}, participants.WithConcurrency(3))
	const sagas = 300
	for n := range sagas {
		j.send(command("order-"+string(rune('a'+n%26))+strings.Repeat("x", n/26), protocol.Do, 1, `{"units":1}`))
	}
	j.run(p)
	for range sagas {
		j.reply()
	}
	if n := most.Load(); n > 3 || n < 1 {
		t.Errorf("%d handlers ran at a time, 3 are allowed", n)
	}
}

func TestTheHandlerKnowsItsCommand(t *testing.T) {
	t.Parallel()
	var got protocol.Command
	var known bool
	p := participants.New(nil, "payment", silent())
	participants.Handle(p, charge, func(ctx context.Context, _ amount) (receipt, error) {
		got, known = participants.CommandFrom(ctx)
		return receipt{}, nil
	})
	c := command("order-1", protocol.Do, 2, `{"units":1}`)
	if _, err := p.Answer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if !known || got.Key() != "order-1/7/pay/do" || got.Attempt != c.Attempt {
		t.Errorf("command %+v", got)
	}
	if _, known := participants.CommandFrom(t.Context()); known {
		t.Error("a command outside a handler")
	}
}

// A logged is what a participant has logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

func (l *logged) option() participants.Option {
	return participants.WithLogger(slog.New(slog.NewTextHandler(l, nil)))
}
