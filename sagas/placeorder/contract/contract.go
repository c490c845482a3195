// Package contract is what the place-order saga and its three participants
// agree on: the actions, one line each, and what they say to each other. It
// imports the protocol alone, so a participant that uses it pulls in nothing of
// the orchestrator.
package contract

import "github.com/amends-io/amends/participants/protocol"

// Names of the participants.
const (
	Inventory = "inventory"
	Payment   = "payment"
	Shipping  = "shipping"
)

// Actions. Ship has nothing that undoes it: it is the saga's pivot.
var (
	Reserve = protocol.NewAction[ReserveRequest, Reservation](Inventory, "reserve")
	Release = protocol.NewAction[ReleaseRequest, protocol.None](Inventory, "release")
	Charge  = protocol.NewAction[ChargeRequest, Receipt](Payment, "charge")
	Refund  = protocol.NewAction[RefundRequest, protocol.None](Payment, "refund")
	Ship    = protocol.NewAction[ShipRequest, Parcel](Shipping, "ship")
)

// A ReserveRequest asks to set units of an article aside for an order.
type ReserveRequest struct {
	Order   string `json:"order"`
	Article string `json:"article"`
	Units   int64  `json:"units"`
}

// A Reservation is stock that is set aside.
type Reservation struct {
	ID string `json:"reservation"`
}

// A ReleaseRequest asks to put back what was reserved. It says all that the
// participant needs, as nobody may know whether the reservation was made.
type ReleaseRequest struct {
	Order   string `json:"order"`
	Article string `json:"article"`
	Units   int64  `json:"units"`
}

// A ChargeRequest asks to charge a customer's account with an amount.
type ChargeRequest struct {
	Order    string `json:"order"`
	Customer string `json:"customer"`
	Amount   Money  `json:"amount"`
}

// A Receipt is an amount that was charged.
type Receipt struct {
	ID string `json:"receipt"`
}

// A RefundRequest asks to pay back what was charged.
type RefundRequest struct {
	Order    string `json:"order"`
	Customer string `json:"customer"`
	Amount   Money  `json:"amount"`
}

// A ShipRequest asks to send what was reserved and paid for.
type ShipRequest struct {
	Order       string `json:"order"`
	Country     string `json:"country"`
	Units       int64  `json:"units"`
	Reservation string `json:"reservation"`
	Receipt     string `json:"receipt"`
}

// A Parcel is on its way.
type Parcel struct {
	ID string `json:"parcel"`
}
