package placeorder_test

import (
	"fmt"

	"github.com/amends-io/amends/sagas/placeorder"
)

// The picture of the saga, for a page that can draw Mermaid.
func Example() {
	fmt.Print(placeorder.PlaceOrder.Mermaid())
	// Output:
	// flowchart LR
	//     s0["reserve-stock<br/>inventory.reserve"]
	//     u0(["inventory.release"])
	//     s0 -. undone by .-> u0
	//     s1["charge<br/>payment.charge"]
	//     s0 --> s1
	//     u1(["payment.refund"])
	//     s1 -. undone by .-> u1
	//     s2{{"ship<br/>shipping.ship<br/>pivot"}}
	//     s1 --> s2
}

// An order says what it comes to, exactly, and what is wrong with it.
func ExampleOrder() {
	o := placeorder.Order{Number: "536367", Customer: "13047", Article: "goods-4-8533", Units: 83, Price: 48_533}
	fmt.Println(o.Amount(), o.Check())
	o.Units = -6
	fmt.Println(o.Check())
	// Output:
	// £402.8239 <nil>
	// -6 units, want 1 to 10000000
}
