package participants_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

func TestStoppingFinishesWhatIsInFlightAndGivesBackTheRest(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	entered, finish := make(chan struct{}, 10), make(chan struct{})
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		entered <- struct{}{}
		<-finish
		return receipt{"R-1"}, nil
	}, participants.WithConcurrency(1))
	acks := j.acks()
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.send(command("order-2", protocol.Do, 1, `{"units":1}`))
	stop := j.run(p)
	<-entered
	eventually(t, "the second command was delivered", func() bool { return p.Counts().Received == 2 })

	stopped := make(chan error)
	go func() { stopped <- stop() }()
	j.next(acks, "-NAK") // the second, which no worker has begun
	close(finish)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if m := j.message(); !strings.Contains(m.Subject, ".order-1.") {
		t.Errorf("a reply to %s", m.Subject)
	}
	if len(entered) != 0 || len(j.feed) != 0 {
		t.Error("the second command was carried out after the stop")
	}
	consumer, err := j.js.Consumer(t.Context(), "SAGA-0", "payment")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first command is acknowledged", func() bool {
		i, err := consumer.Info(t.Context())
		return err == nil && i.AckFloor.Stream == 1
	})
	if c := p.Counts(); c.Running != 0 {
		t.Errorf("%d still running", c.Running)
	}

	again := answering(t, j, func(context.Context, amount) (receipt, error) { return receipt{"R-2"}, nil })
	j.run(again)
	if m := j.message(); !strings.Contains(m.Subject, ".order-2.") {
		t.Errorf("a reply to %s", m.Subject)
	}
}

func TestStoppingGivesBackWhatIsFetchedAhead(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	finish := make(chan struct{})
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		<-finish
		return receipt{"R-1"}, nil
	}, participants.WithConcurrency(2))
	for n := range 10 {
		j.send(command(fmt.Sprint("order-", n), protocol.Do, 1, `{"units":1}`))
	}
	acks := j.acks()
	stop := j.run(p)
	var delivered int
	eventually(t, "two are carried out, one waits for a worker, and one is fetched ahead", func() bool {
		c, err := j.js.Consumer(t.Context(), "SAGA-0", "payment")
		if err != nil {
			return false
		}
		delivered = c.CachedInfo().NumAckPending
		return p.Counts().Received == 3 && delivered >= 4
	})
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	for range delivered - 2 {
		j.next(acks, "-NAK")
	}
	close(finish)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

// What Run wrote last has reached the server when it returns: a program that

// ends then loses no acknowledgement.

func TestRunEndsWithAFlush(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	var tap tap
	p := participants.New(natstest.Connect(t, j.server, nats.SetCustomDialer(&tap)), "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil })
	stop := j.run(p)
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.reply()
	j.acknowledged("payment")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	var last string
	eventually(t, "the last thing written is a ping", func() bool {
		tap.mu.Lock()
		defer tap.mu.Unlock()
		for _, f := range tap.frames {
			if f.out {
				last = f.line
			}
		}
		return last == "PING"
	})
}

func TestAHandlerThatDoesNotEndIsToldSoAndThenLeftBehind(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	entered := make(chan struct{}, 10)
	heeds := answering(t, j, func(ctx context.Context, _ amount) (receipt, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return receipt{}, ctx.Err()
	}, participants.WithGrace(0))
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	stop := j.run(heeds)
	<-entered
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if n := len(j.feed); n != 0 {
		t.Errorf("%d replies from a handler that was told to give up", n)
	}

	release := make(chan struct{})
	defer close(release)
	deaf := answering(t, j, func(context.Context, amount) (receipt, error) {
		entered <- struct{}{}
		<-release
		return receipt{}, nil
	}, participants.WithGrace(0))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- deaf.Run(ctx) }()
	<-entered
	cancel()
	want := "participants: 1 commands were still in flight after the grace period of 0s"
	if err := <-ended; err == nil || err.Error() != want {
		t.Errorf("Run: %v, want %s", err, want)
	}
}

func TestRepliesSurviveARestartOfTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := newJournal(t, 1, natstest.StoreDir(dir))
	port := natstest.Port(j.server.Addr().(*net.TCPAddr).Port)
	entered, finish := make(chan struct{}, 10), make(chan struct{})
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		entered <- struct{}{}
		<-finish
		return receipt{"R-1"}, nil
	})
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.run(p)
	<-entered
	natstest.Stop(j.server)
	close(finish) // the reply finds no server
	eventually(t, "the reply was tried", func() bool { return p.Counts().Republished > 0 })
	natstest.Start(t, natstest.StoreDir(dir), port)
	eventually(t, "the reply is stored", func() bool {
		s, err := j.js.Stream(t.Context(), "SAGA-0")
		if err != nil {
			return false
		}
		m, err := s.GetLastMsgForSubject(t.Context(), "saga.0.order-1.in.payment")
		return err == nil && m.Header.Get(protocol.HeaderOutcome) == "done"
	})
}

func TestARunWhoseConnectionIsClosedEnds(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	nc := natstest.Connect(t, j.server)
	p := participants.New(nc, "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil })
	ended := make(chan error)
	go func() { ended <- p.Run(t.Context()) }()
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.reply()
	nc.Close()
	if err := <-ended; !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Run: %v", err)
	}
	if err := p.Run(t.Context()); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Run again: %v", err)
	}
}

func TestTheMicroServiceSaysWhatTheParticipantCanAndDid(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	p := answering(t, j, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil },
		participants.WithVersion("1.2.3"), participants.WithMetadata(map[string]string{"region": "eu"}))
	stop := j.run(p)
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.reply()
	eventually(t, "it is counted", func() bool { return p.Counts().Done == 1 })

	ask := func(subject string, v any) {
		t.Helper()
		m, err := j.nc.Request(subject, nil, 5*time.Second)
		if err != nil {
			t.Fatal(subject, err)
		}
		if err := json.Unmarshal(m.Data, v); err != nil {
			t.Fatal(err)
		}
	}
	var info micro.Info
	ask("$SRV.INFO.payment", &info)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"region": "eu", "amends-host": host, "amends-actions": "do charge", "amends-durable": "payment", "amends-sdk": "go/" + participants.SDKVersion}
	if diff := cmp.Diff(want, info.Metadata); diff != "" || info.Version != "1.2.3" {
		t.Errorf("version %s, metadata (-want +got):\n%s", info.Version, diff)
	}
	var stats micro.Stats
	ask("$SRV.STATS.payment", &stats)
	var told, asked participants.Counts
	if err := json.Unmarshal(stats.Endpoints[0].Data, &told); err != nil {
		t.Fatal(err)
	}
	ask("amends.participant.saga.payment.counts", &asked)
	for _, c := range []participants.Counts{told, asked} {
		if c.Done != 1 || c.Received != 1 {
			t.Errorf("counts %+v", c)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := j.nc.Request("$SRV.PING.payment", nil, time.Second); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("after the stop: %v", err)
	}
}
