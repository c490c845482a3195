// Package orders reads the orders that the demo places: a CSV of invoices,
// real ones by default. It says of each row whether it is an order, and takes
// samples that have every kind of row.
package orders

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// A Row is one line of the file, as it stands there.
type Row struct {
	Line     int
	Number   string
	Date     string // as in 2010-12-01T08:26
	Customer string
	Country  string
	Units    int64
	Price    contract.Money
}

// A Reason says why a row is no order. The empty one says that it is one.
type Reason string

// Reasons, in the order in which they are looked for.
const (
	Cancellation  Reason = "cancellation"
	BadDebt       Reason = "bad debt"
	NoQuantity    Reason = "no quantity"
	NoPrice       Reason = "no price"
	BlankCustomer Reason = "blank customer"
	Unusable      Reason = "unusable" // a number or an amount that the saga does not take
)

// Reasons lists them all.
func Reasons() []Reason {
	return []Reason{Cancellation, BadDebt, NoQuantity, NoPrice, BlankCustomer, Unusable}
}

// Reason says why r is no order.
func (r Row) Reason() Reason {
	switch {
	case strings.HasPrefix(r.Number, "C"):
		return Cancellation
	case strings.HasPrefix(r.Number, "A"):
		return BadDebt
	case r.Units <= 0:
		return NoQuantity
	case r.Price <= 0:
		return NoPrice
	case r.Customer == "" || r.Customer == "(blank)":
		return BlankCustomer
	case r.Order().Check() != nil:
		return Unusable
	}
	return ""
}

// Order is what r asks for.
func (r Row) Order() placeorder.Order {
	return placeorder.Order{
		Number: r.Number, Date: r.Date, Customer: r.Customer, Country: r.Country,
		Article: article(r.Price), Units: r.Units, Price: r.Price,
	}
}

// article names the goods. The data does not: what costs exactly the same is
// taken for the same, so some articles are in many orders and most in one.
func article(price contract.Money) string {
	return fmt.Sprintf("goods-%d-%04d", price/contract.Pound, price%contract.Pound)
}

//go:embed data/online-retail-invoices.csv
var retail []byte

// Retail returns the real orders that come with the program; see data/README.md
// for whose they are.
func Retail() ([]Row, error) { return Read(bytes.NewReader(retail)) }
