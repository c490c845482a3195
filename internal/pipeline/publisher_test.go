package pipeline

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/natstest"
)

// A silent subject has a subscriber that does not answer.
func silent(t *testing.T, nc *nats.Conn) {
	t.Helper()
	if _, err := nc.SubscribeSync("silent"); err != nil {
		t.Fatal(err)
	}
}

func TestEveryMessageThatIsNotAnsweredHasATimeOutOfItsOwn(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	silent(t, nc)
	p, err := New(nc, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	answers := make(chan error, 10)
	publish := func() {
		p.Publish(&nats.Msg{Subject: "silent"}, func(_ uint64, err error) { answers <- err })
	}
	began := time.Now()
	publish()
	<-time.After(30 * time.Millisecond) // so that the second's time ends later than the first's
	publish()
	for range 2 {
		select {
		case err := <-answers:
			if !errors.Is(err, ErrInDoubt) || time.Since(began) < 100*time.Millisecond {
				t.Errorf("answered after %v: %v", time.Since(began), err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a message was not answered")
		}
	}
	publish() // the timer, which had nothing to wait for, goes again
	if err := <-answers; !errors.Is(err, ErrInDoubt) {
		t.Error(err)
	}
}

func TestAnAnsweredMessageIsNotAnsweredAgain(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	p, err := New(nc, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan uint64, 10)
	number := p.wait(func(sequence uint64, _ error) { answers <- sequence })
	p.answer(number, 7, nil)
	p.answer(number, 8, nil)
	p.expire()
	p.fail(nats.ErrDisconnected)
	p.Close()
	if first := <-answers; first != 7 || len(answers) != 0 {
		t.Errorf("answered with %d, then %d times more", first, len(answers))
	}
}

// Answers come in any order, and more than once. Whoever waits gets the one
// that is meant, and what is kept of the others goes.
func TestAnswersFindWhoWaitsInAnyOrder(t *testing.T) {
	t.Parallel()
	p, err := New(natstest.Connect(t, natstest.Start(t)), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const inFlight, rounds = 100, 50
	answered := map[uint64]uint64{} // by number, the sequence
	lost, stays := 0, 0
	waits := map[uint64]bool{}
	wait := func(gone *int) {
		var number uint64
		number = p.wait(func(sequence uint64, err error) {
			if err != nil {
				*gone++
				return
			}
			if answered[number] != 0 {
				t.Errorf("number %d is answered again", number)
			}
			answered[number] = sequence
		})
		if waits[number] || answered[number] != 0 {
			t.Fatalf("two have number %d", number)
		}
		waits[number] = true
	}
	answer := func(number uint64) {
		p.answer(number, number+1000, nil)
		delete(waits, number)
	}
	for range rounds {
		for len(waits) < inFlight {
			wait(&lost)
		}
		n := 0
		for number := range waits { // in random order
			if n++; n > inFlight/2 {
				break
			}
			answer(number)
			answer(number)
		}
		p.answer(0, 1, nil)
		p.answer(1<<62, 1, nil)
		if p.expire(); len(p.queue) > 40*inFlight {
			t.Fatalf("%d are kept of %d that wait", len(p.queue), len(waits))
		}
	}
	for number, sequence := range answered {
		if sequence != number+1000 {
			t.Errorf("number %d got the answer to %d", number, sequence-1000)
		}
	}
	p.fail(nats.ErrDisconnected)
	if lost != len(waits) || len(p.queue) != 0 {
		t.Errorf("%d of %d were told that the connection was lost, %d are kept", lost, len(waits), len(p.queue))
	}
	wait(&stays)
	if p.expire(); stays != 0 || len(p.queue) != 1 {
		t.Errorf("one that waits after that is told %d times; %d are kept", stays, len(p.queue))
	}
}

// Its acknowledgement cannot come any more, so nobody waits for the time-out.
func TestWhatWaitsFailsWhenItsConnectionIsLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*server.Server, *nats.Conn, *Publisher){
		"the server goes away":       func(s *server.Server, _ *nats.Conn, _ *Publisher) { natstest.Stop(s) },
		"the connection is closed":   func(_ *server.Server, nc *nats.Conn, _ *Publisher) { nc.Close() },
		"the publisher is closed":    func(_ *server.Server, _ *nats.Conn, p *Publisher) { p.Close() },
		"it is closed after another": func(_ *server.Server, nc *nats.Conn, p *Publisher) { nc.Close(); p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := natstest.Start(t)
			nc := natstest.Connect(t, s)
			silent(t, nc)
			p, err := New(nc, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			answers := make(chan error, 10)
			p.Publish(&nats.Msg{Subject: "silent"}, func(_ uint64, err error) { answers <- err })
			if err := nc.Flush(); err != nil {
				t.Fatal(err)
			}
			lose(s, nc, p)
			select {
			case err := <-answers:
				if !errors.Is(err, ErrInDoubt) {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it still waits")
			}
		})
	}
}
