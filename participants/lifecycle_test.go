package participants_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
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

func TestRunWaitsForTheJournal(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 0)
	j.count = 2
	var l logged
	p := answering(t, j, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil }, l.option())
	j.run(p)
	eventually(t, "it says that it waits", func() bool { return l.has(`msg="waiting for the journal" stream=SAGA-0`) })
	j.makeStream(0)
	eventually(t, "it says that a partition is not there", func() bool { return l.has("stream=SAGA-1") })
	j.makeStream(1)
	for _, id := range []string{"order-1", "order-2"} { // one in each partition
		j.send(command(id, protocol.Do, 1, `{"units":1}`))
		if r := j.reply(); r.Outcome != protocol.Done {
			t.Errorf("outcome %s", r.Outcome)
		}
	}
	if protocol.Partition("order-1", 2) == protocol.Partition("order-2", 2) {
		t.Error("the test's two sagas are in one partition")
	}
}

func TestAConsumerThatIsDeletedIsMadeAgainBehindWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	var calls atomic.Int64
	p := answering(t, j, func(context.Context, amount) (receipt, error) {
		calls.Add(1)
		return receipt{"R-1"}, nil
	})
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	stop := j.run(p)
	j.reply()
	j.acknowledged("payment")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	p = answering(t, j, func(context.Context, amount) (receipt, error) {
		calls.Add(1)
		return receipt{"R-1"}, nil
	})
	j.run(p) // which sees how far the consumer is
	j.send(command("order-2", protocol.Do, 1, `{"units":1}`))
	j.reply()
	if err := j.js.DeleteConsumer(t.Context(), "SAGA-0", "payment"); err != nil {
		t.Fatal(err)
	}
	j.send(command("order-3", protocol.Do, 1, `{"units":1}`))
	for range 20 { // order-2 may come again, order-3 must come
		if m := j.message(); strings.Contains(m.Subject, ".order-3.") {
			break
		} else if strings.Contains(m.Subject, ".order-1.") {
			t.Error("what was acknowledged long ago came again")
		}
	}
	j.acknowledged("payment")
	if n := calls.Load(); n != 3 && n != 4 {
		t.Errorf("%d calls, want one of each command, and of order-2 two at most", n)
	}
}

func TestAJournalThatIsMadeAnewIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	f := func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil }
	stop := j.run(answering(t, j, f))
	for n := range 10 {
		j.send(command(fmt.Sprint("order-", n), protocol.Do, 1, `{"units":1}`))
		j.reply()
	}
	j.acknowledged("payment")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	p := answering(t, j, f) // which begins with ten commands acknowledged
	j.run(p)
	j.send(command("order-10", protocol.Do, 1, `{"units":1}`))
	j.reply()
	if err := j.js.DeleteStream(t.Context(), "SAGA-0"); err != nil {
		t.Fatal(err)
	}
	j.makeStream(0)
	j.send(command("order-11", protocol.Do, 1, `{"units":1}`))
	if m := j.message(); !strings.Contains(m.Subject, ".order-11.") {
		t.Errorf("a reply to %s", m.Subject)
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

func TestRunSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	other := protocol.NewAction[amount, receipt]("shipping", "ship")
	bad := protocol.NewAction[amount, receipt]("payment", "a.b")
	f := func(context.Context, amount) (receipt, error) { return receipt{}, nil }
	p := participants.New(nil, "start",
		participants.WithConcurrency(0), participants.WithPrefix("a.b"), participants.WithLogger(nil), participants.WithTracerProvider(nil),
		participants.WithVersion("one"), participants.WithHeartbeat(0), participants.WithGrace(-1), participants.WithDomain("*"))
	participants.Handle(p, other, f)
	participants.Handle(p, bad, f)
	err := p.Run(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`participants: invalid name: participant "start" is a word of the protocol`,
		`participants: concurrency 0 is not between 1 and 4096`,
		`participants: invalid name: prefix "a.b" has "." at byte 1; A-Z a-z 0-9 _ and - are allowed`,
		`participants: the logger is nil`,
		`participants: the tracer provider is nil`,
		`participants: version "one" is not of the form 1.2.3`,
		`participants: heartbeat 0s is not positive`,
		`participants: grace -1ns is negative`,
		`participants: invalid name: domain "*" has "*" at byte 0; A-Z a-z 0-9 _ and - are allowed`,
		`participants: action ship is of participant shipping, not of start`,
		`participants: invalid name: action "a.b" has "." at byte 1; A-Z a-z 0-9 _ and - are allowed`,
		`participants: start has no handler`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}

	p = participants.New(nil, "payment")
	participants.Handle(p, charge, f)
	if err := p.Run(t.Context()); err == nil || err.Error() != "participants: payment has no connection" {
		t.Errorf("without a connection: %v", err)
	}
	participants.Handle(p, charge, participants.Do(f))
	participants.Handle(p, refund, participants.Handler[amount, protocol.None]{})
	want = []string{"participants: action charge has two handlers to do it", "participants: action refund has no handler"}
	if diff := cmp.Diff(want, strings.Split(p.Check().Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAnActionThatNobodyKnowsFailsAndSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	p := participants.New(nil, "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{}, nil })
	participants.Handle(p, refund, participants.Undo(func(context.Context, amount) error { return nil }))
	c := command("order-1", protocol.Do, 1, `{"units":1}`)
	c.Action = "reserve"
	r, err := p.Answer(t.Context(), c)
	if want := "payment cannot do reserve; it can: do charge, undo refund"; err != nil || r.Outcome != protocol.Failed || r.Reason != want {
		t.Errorf("%s (%s), %v; want failed (%s)", r.Outcome, r.Reason, err, want)
	}
	c = command("order-1", protocol.Undo, 1, `{"units":1}`)
	c.Action = "charge"
	r, err = p.Answer(t.Context(), c)
	if want := "payment cannot undo charge; it can: do charge, undo refund"; err != nil || r.Outcome != protocol.Failed || r.Reason != want {
		t.Errorf("%s (%s), %v; want failed (%s)", r.Outcome, r.Reason, err, want)
	}
}

func TestSettlingAStepWithoutBarrierAnswersAccordingly(t *testing.T) {
	t.Parallel()
	p := participants.New(nil, "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) {
		t.Error("charge was called")
		return receipt{}, nil
	})
	participants.Handle(p, refund, participants.Undo(func(context.Context, amount) error {
		t.Error("refund was called")
		return nil
	}))
	barred := protocol.NewAction[amount, protocol.None]("payment", "barred")
	participants.Handle(p, barred, participants.NewHandler[amount, protocol.None](protocol.Do,
		func(context.Context, protocol.Command, amount) (participants.Answer, error) {
			t.Error("a request that cannot be decoded came through")
			return participants.Answer{}, nil
		}))
	for _, tt := range []struct {
		direction protocol.Direction
		action    string
		as        protocol.Outcome
		want      protocol.Outcome
		reason    string
	}{
		{protocol.Do, "charge", protocol.Done, protocol.Done, ""},
		{protocol.Do, "charge", protocol.Undone, protocol.Refused, "settled by hand"},
		{protocol.Undo, "refund", protocol.Undone, protocol.Undone, ""},
		{protocol.Undo, "refund", protocol.Done, protocol.Rejected, "undo cannot be settled as done"},
		{protocol.Do, "barred", protocol.Done, protocol.Rejected, "the request cannot be decoded: JSON is cut short or malformed; nothing was settled"},
	} {
		c := command("order-1", tt.direction, 1, `not json`) // which a plain handler does not need
		c.Settle, c.Action = tt.as, tt.action
		r, err := p.Answer(t.Context(), c)
		if err != nil || r.Outcome != tt.want || r.Reason != tt.reason {
			t.Errorf("%s %s as %s: %s (%s), %v; want %s (%s)", tt.direction, tt.action, tt.as, r.Outcome, r.Reason, err, tt.want, tt.reason)
		}
	}
}

func TestAnAnswerThatIsNoneIsAConflict(t *testing.T) {
	t.Parallel()
	var a participants.Answer
	p := participants.New(nil, "payment", silent())
	participants.Handle(p, refund, participants.NewHandler[amount, protocol.None](protocol.Undo,
		func(context.Context, protocol.Command, amount) (participants.Answer, error) { return a, nil }))
	for _, a = range []participants.Answer{
		{Outcome: protocol.Done}, {Outcome: protocol.Unknown}, {}, {Outcome: "finished"},
		{Outcome: protocol.Undone, Output: make([]byte, protocol.MaxPayload+1)},
	} {
		if r, err := p.Answer(t.Context(), command("order-1", protocol.Undo, 1, `{}`)); !participants.IsConflict(err) {
			t.Errorf("%s: %v, %v; want a conflict", a.Outcome, r, err)
		}
	}
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

func TestAMissingPermissionIsSaid(t *testing.T) {
	t.Parallel()
	users := func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "journal", Password: "j"},
			{Username: "payment", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{
				Deny: []string{"$JS.API.CONSUMER.CREATE.>"},
			}}},
		}
		o.NoAuthUser = "journal"
	}
	j := newJournal(t, 1, users)
	nc := natstest.Connect(t, j.server, nats.UserInfo("payment", "p"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	p := participants.New(nc, "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil })
	err := p.Run(t.Context())
	if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), "$JS.API.CONSUMER.CREATE.SAGA-0.payment.saga.*.*.out.payment.chain") {
		t.Errorf("Run: %v", err)
	}
}

func TestAConsumerThatIsNotAsItShouldBeIsUsedAndSaid(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	_, err := j.js.CreateConsumer(t.Context(), "SAGA-0", jetstream.ConsumerConfig{
		Durable: "payment", FilterSubject: "saga.0.*.out.payment.chain", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	var l logged
	p := answering(t, j, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil },
		l.option(), participants.WithHeartbeat(20*time.Second))
	j.run(p)
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.reply()
	for _, want := range []string{
		`field="filter subject" is=saga.0.*.out.payment.chain should_be=saga.*.*.out.payment.chain`,
		`field="max deliver" is=3 should_be=-1`,
		`field="ack wait" is=30s should_be=1m0s`,
	} {
		if !l.has(want) {
			t.Errorf("not said: %s", want)
		}
	}
}

func TestTwoInstancesShareTheCommands(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	both := make(chan string, 2)
	meet := make(chan struct{})
	for _, name := range []string{"one", "two"} {
		j.run(answering(t, j, func(context.Context, amount) (receipt, error) {
			both <- name
			<-meet
			return receipt{name}, nil
		}, participants.WithConcurrency(1)))
	}
	for n := range 4 {
		j.send(command(fmt.Sprint("order-", n), protocol.Do, 1, `{"units":1}`))
	}
	if a, b := <-both, <-both; a == b {
		t.Errorf("both commands went to %s", a)
	}
	close(meet)
	go func() {
		for range both { // the others
		}
	}()
	for range 4 {
		j.reply()
	}
	close(both)
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
	want := map[string]string{"region": "eu", "amends-actions": "do charge", "amends-durable": "payment", "amends-sdk": "go/" + participants.SDKVersion}
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
