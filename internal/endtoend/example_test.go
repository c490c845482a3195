package endtoend_test

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// What the README quotes: the test beside this file compares them, and runs it.

// begin README saga
type Trip struct{ ID, Room, Seat string }
type Booking struct{ Number string }

// The contract: what both sides agree on, one line an action.
var (
	BookRoom   = protocol.NewAction[Trip, Booking]("hotel", "book")
	CancelRoom = protocol.NewAction[Trip, protocol.None]("hotel", "cancel")
	BookSeat   = protocol.NewAction[Trip, Booking]("airline", "book")
)

// The saga: what is done, in which order, and how it is undone.
var BookTrip = sagas.Define("book-trip", 1,
	sagas.Step("room", BookRoom,
		func(t Trip) Trip { return t },
		func(t *Trip, b Booking) { t.Room = b.Number }).
		UndoneBy(sagas.By(CancelRoom, func(t Trip, _ *Booking) Trip { return t })),
	sagas.Step("seat", BookSeat, // from here on there is no way back
		func(t Trip) Trip { return t },
		func(t *Trip, b Booking) { t.Seat = b.Number }).Pivot(),
)

// A participant: any service with a NATS connection.
func hotel(nc *nats.Conn) *participants.Participant {
	p := participants.New(nc, "hotel")
	participants.Handle(p, BookRoom, func(ctx context.Context, t Trip) (Booking, error) {
		return Booking{"room 7"}, nil // participants.Refuse(err) turns the saga back
	})
	participants.Handle(p, CancelRoom, participants.Undo(func(ctx context.Context, t Trip) error {
		return nil
	}))
	return p // p.Run(ctx) serves until ctx is over
}

// A client.
func bookTrip(ctx context.Context, nc *nats.Conn, id string) error {
	c, err := client.New(nc)
	if err != nil {
		return err
	}
	defer c.Close()
	trip, err := client.Start(ctx, c, BookTrip, Trip{ID: id}, client.ID(id)) // idempotent by id
	if err != nil {
		return err
	}
	end, err := trip.Wait(ctx)
	fmt.Println(end.Status, end.Value.Room, end.Value.Seat, end.Reason)
	return err
}

// end README saga
