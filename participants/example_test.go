package participants_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os/signal"
	"syscall"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// A package of contracts, which both sides import, declares these.
type (
	ChargeRequest struct {
		Order string `json:"order"`
		Cents int64  `json:"cents"`
	}
	Charge struct {
		ID string `json:"id"`
	}
)

var (
	ChargeCard = protocol.NewAction[ChargeRequest, Charge]("payment", "charge")
	RefundCard = protocol.NewAction[ChargeRequest, protocol.None]("payment", "refund")
)

var errDeclined = errors.New("card declined")

func chargeCard(ctx context.Context, r ChargeRequest) (Charge, error) {
	if r.Cents > 100_00 {
		return Charge{}, participants.Refuse(errDeclined)
	}
	command, _ := participants.CommandFrom(ctx)
	return Charge{ID: "charged by " + command.Key()}, nil // the key makes a second call recognisable
}

func refundCard(context.Context, ChargeRequest) error { return nil }

// A service that carries out two actions, until it is told to stop.
func Example() {
	nc, err := nats.Connect(nats.DefaultURL, participants.ConnectOptions("payment")...)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	p := participants.New(nc, "payment", participants.WithVersion("1.0.0"))
	participants.Handle(p, ChargeCard, chargeCard)
	participants.Handle(p, RefundCard, participants.Undo(refundCard))

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := p.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// A participant without a connection answers commands, as tests do.
func ExampleParticipant_Answer() {
	p := participants.New(nil, "payment")
	participants.Handle(p, ChargeCard, chargeCard)
	for _, cents := range []int64{12_50, 125_00} {
		body, _ := protocol.Encode(ChargeRequest{Order: "order-1", Cents: cents})
		reply, _ := p.Answer(context.Background(), protocol.Command{
			Saga: "order-1", Participant: "payment", Action: "charge", Body: body,
			Attempt: protocol.Attempt{Run: 7, Step: "pay", Direction: protocol.Do, Number: 1},
		})
		fmt.Println(reply.Outcome, reply.Reason, string(reply.Body))
	}
	// Output:
	// done  {"id":"charged by order-1/7/pay/do"}
	// refused card declined
}
