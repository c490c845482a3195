package participants_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

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

// What the server denies to another participant of the connection is nothing
// that this one cannot go on without.
func TestWhatIsDeniedToAnotherEndsNobody(t *testing.T) {
	t.Parallel()
	users := func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "journal", Password: "j"},
			{Username: "shop", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{
				Deny: []string{"$JS.API.CONSUMER.CREATE.SAGA-0.payments.>"},
			}}},
		}
		o.NoAuthUser = "journal"
	}
	j := newJournal(t, 1, users)
	nc := natstest.Connect(t, j.server, nats.UserInfo("shop", "p"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	p := participants.New(nc, "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil })
	j.run(p)
	j.send(command("order-1", protocol.Do, 1, `{"units":1}`))
	j.reply()
	other := participants.New(nc, "payments", silent())
	participants.Handle(other, protocol.NewAction[amount, receipt]("payments", "charge"), func(context.Context, amount) (receipt, error) { return receipt{}, nil })
	if err := other.Run(t.Context()); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Fatalf("Run: %v", err)
	}
	if err := j.js.DeleteConsumer(t.Context(), "SAGA-0", "payment"); err != nil {
		t.Fatal(err)
	}
	j.send(command("order-2", protocol.Do, 2, `{"units":1}`))
	for j.reply().Attempt.Number != 2 { // the first may come again
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
