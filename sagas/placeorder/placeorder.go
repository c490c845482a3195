// Package placeorder is the sample saga that `amends demo` runs: an order is
// placed when its goods are reserved, its customer is charged, and its parcel
// is on the way. Up to the parcel everything can be undone.
//
//	reserve-stock ──► charge ──► ship (pivot)
//	  release          refund
package placeorder

import (
	"errors"
	"fmt"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// Names of the steps.
const (
	StepReserve = "reserve-stock"
	StepCharge  = "charge"
	StepShip    = "ship"
)

// MaxUnits bounds an order's units.
const MaxUnits = 10_000_000

// An Order is the saga's data: what the client says, and what the steps add.
type Order struct {
	Number   string         `json:"number"` // of the invoice: the saga's id
	Date     string         `json:"date"`
	Customer string         `json:"customer"`
	Country  string         `json:"country"`
	Article  string         `json:"article"`
	Units    int64          `json:"units"`
	Price    contract.Money `json:"price"` // of one unit

	Reservation string `json:"-"`
	Receipt     string `json:"-"`
	Parcel      string `json:"-"`
}

// Amount is what the order comes to.
func (o Order) Amount() contract.Money { return contract.Money(o.Units) * o.Price }

// Check reports everything because of which o cannot be placed.
func (o Order) Check() error {
	var errs []error
	for _, id := range [...]struct{ what, text string }{
		{"number", o.Number}, {"customer", o.Customer}, {"article", o.Article},
	} {
		if err := protocol.CheckID(id.text); err != nil {
			errs = append(errs, fmt.Errorf("the order's %s: %w", id.what, err))
		}
	}
	switch {
	case o.Units < 1 || o.Units > MaxUnits:
		errs = append(errs, fmt.Errorf("%d units, want 1 to %d", o.Units, MaxUnits))
	case o.Price < 1 || o.Price > contract.MaxMoney:
		errs = append(errs, fmt.Errorf("a price of %v, want %v to %v", o.Price, contract.Money(1), contract.MaxMoney))
	case o.Price > contract.MaxMoney/contract.Money(o.Units): // before the product, which could overflow
		errs = append(errs, fmt.Errorf("%d units at %v come to more than %v", o.Units, o.Price, contract.MaxMoney))
	}
	return errors.Join(errs...)
}

// PlaceOrder is the definition.
var PlaceOrder = sagas.Define("place-order", 1,
	sagas.Step(StepReserve, contract.Reserve,
		func(o Order) contract.ReserveRequest {
			return contract.ReserveRequest{Order: o.Number, Article: o.Article, Units: o.Units}
		},
		func(o *Order, r contract.Reservation) { o.Reservation = r.ID }).
		UndoneBy(sagas.By(contract.Release, func(o Order, _ *contract.Reservation) contract.ReleaseRequest {
			return contract.ReleaseRequest{Order: o.Number, Article: o.Article, Units: o.Units}
		})),
	sagas.Step(StepCharge, contract.Charge,
		func(o Order) contract.ChargeRequest {
			return contract.ChargeRequest{Order: o.Number, Customer: o.Customer, Amount: o.Amount()}
		},
		func(o *Order, r contract.Receipt) { o.Receipt = r.ID }).
		UndoneBy(sagas.By(contract.Refund, func(o Order, _ *contract.Receipt) contract.RefundRequest {
			return contract.RefundRequest{Order: o.Number, Customer: o.Customer, Amount: o.Amount()}
		})),
	sagas.Step(StepShip, contract.Ship,
		func(o Order) contract.ShipRequest {
			return contract.ShipRequest{
				Order: o.Number, Country: o.Country, Units: o.Units,
				Reservation: o.Reservation, Receipt: o.Receipt,
			}
		},
		func(o *Order, p contract.Parcel) { o.Parcel = p.ID }).
		Pivot(),
).Check(Order.Check)
