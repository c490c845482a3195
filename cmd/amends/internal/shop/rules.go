package shop

import (
	"errors"

	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// Why an order turns back.
var (
	ErrOutOfStock = errors.New("out of stock")
	ErrCredit     = errors.New("credit limit reached")
	ErrTooLarge   = errors.New("parcel too large")
)

// Rules. Measured on the real orders, about one in ten turns back by one of
// them, whether a hundred orders are placed or all. That needs rules which are
// relative to the orders: of limits that are fixed, few orders would reach any
// and all orders would exhaust each.
const (
	// shortOf is how many orders' goods are ordered for one order whose
	// goods nobody laid in.
	shortOf = 25
	// creditOf is how many orders a customer is good for, for one it is not.
	creditOf = 33
	// MaxParcel is the most units that can be sent to one customer at once.
	MaxParcel = 1000
)

// Plan says how much of each article is laid in, and how much credit each
// customer has: enough for all orders but a few. Which orders those will be
// nobody knows before; it is first come, first served.
func Plan(orders []placeorder.Order) (stock map[string]int64, credit map[string]contract.Money) {
	stock, credit = make(map[string]int64), make(map[string]contract.Money)
	for i, o := range orders {
		units, amount := o.Units, o.Amount()
		if i%shortOf == shortOf/2 {
			units = 0
		}
		if i%creditOf == creditOf/4 {
			amount = 0
		}
		stock[o.Article] += units
		credit[o.Customer] += amount
	}
	return stock, credit
}
