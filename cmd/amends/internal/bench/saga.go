package bench

import (
	"context"
	"errors"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/participants/redisbarrier"
	"github.com/amends-io/amends/sagas"
)

// An order is a saga's input, and what each participant is sent: about 80
// bytes of JSON.
type order struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Article  string `json:"article"`
	Units    int    `json:"units"`
	Refuse   bool   `json:"refuse"` // shipping refuses it
}

func newOrder(id string, refuse bool) order {
	return order{ID: id, Customer: "c-17850", Article: "85123A", Units: 6, Refuse: refuse}
}

type receipt struct {
	Number string `json:"number"`
}

var (
	reserve = protocol.NewAction[order, receipt]("inventory", "reserve")
	release = protocol.NewAction[order, protocol.None]("inventory", "release")
	charge  = protocol.NewAction[order, receipt]("payment", "charge")
	refund  = protocol.NewAction[order, protocol.None]("payment", "refund")
	ship    = protocol.NewAction[order, receipt]("shipping", "ship")
	recall  = protocol.NewAction[order, protocol.None]("shipping", "recall")
)

func same(o order) order { return o }

func undoneBy(a protocol.Action[order, protocol.None]) sagas.UndoOf[order, receipt] {
	return sagas.By(a, func(o order, _ *receipt) order { return o })
}

// placeOrder can be undone at each step: when the third is refused, two are.
var placeOrder = sagas.Define("bench-order", 1,
	sagas.Step("reserve", reserve, same, nil).UndoneBy(undoneBy(release)),
	sagas.Step("charge", charge, same, nil).UndoneBy(undoneBy(refund)),
	sagas.Step("ship", ship, same, nil).UndoneBy(undoneBy(recall)),
)

// A deed is what a participant does and how it undoes it.
type deed struct {
	do   protocol.Action[order, receipt]
	undo protocol.Action[order, protocol.None]
}

// Parts are those whose CPU is told, in the order of a saga's way.
var Parts = append([]string{roleClient, roleNATS, roleOrchestrator, roleRedis}, participantNames...)

// Names of the participants, in the order of their steps.
var participantNames = []string{reserve.Participant(), charge.Participant(), ship.Participant()}

var deeds = map[string]deed{
	reserve.Participant(): {reserve, release},
	charge.Participant():  {charge, refund},
	ship.Participant():    {ship, recall},
}

// concurrency is how many commands a participant works on at a time. Handlers
// answer at once, so this bounds how many it fetches ahead.
const concurrency = 1024

var errTooLarge = errors.New("the parcel is too large")

// answer is what every participant does: nothing.
func answer(o order) (receipt, error) {
	if o.Refuse {
		return receipt{}, participants.Refuse(errTooLarge)
	}
	return receipt{"n-" + o.ID}, nil
}

// newParticipant returns the participant of that name. With rdb it has a
// barrier in Redis, whose rows are its only effect.
func newParticipant(nc *nats.Conn, rdb redis.UniversalClient, name, prefix string) *participants.Participant {
	p := participants.New(nc, name, participants.WithPrefix(prefix), participants.WithConcurrency(concurrency),
		participants.WithLogger(slog.New(slog.DiscardHandler)))
	d := deeds[name]
	refuses := name == ship.Participant()
	do := func(o order) (receipt, error) {
		o.Refuse = o.Refuse && refuses
		return answer(o)
	}
	if rdb == nil {
		participants.Handle(p, d.do, func(_ context.Context, o order) (receipt, error) { return do(o) })
		participants.Handle(p, d.undo, participants.Undo(func(context.Context, order) error { return nil }))
		return p
	}
	barrier := redisbarrier.New(rdb, redisbarrier.WithExpiry(barrierExpiry))
	tag := func(o order) string { return name + "/" + prefix + "/" + o.ID }
	participants.Handle(p, d.do, redisbarrier.Do(barrier, tag,
		func(_ context.Context, _ redisbarrier.Tx, o order) (receipt, error) { return do(o) }))
	participants.Handle(p, d.undo, redisbarrier.Undo(barrier, tag,
		func(context.Context, redisbarrier.Tx, order, *receipt) error { return nil }))
	return p
}
