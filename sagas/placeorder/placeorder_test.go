package placeorder_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/sagas"
	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

func order() placeorder.Order {
	return placeorder.Order{
		Number: "536367", Date: "2010-12-01T08:34", Customer: "13047", Country: "United Kingdom",
		Article: "goods-4-8533", Units: 83, Price: 48_533,
	}
}

const input = `{"number":"536367","date":"2010-12-01T08:34","customer":"13047","country":"United Kingdom",` +
	`"article":"goods-4-8533","units":83,"price":48533}`

func TestTheDefinitionIsValid(t *testing.T) {
	t.Parallel()
	if err := placeorder.PlaceOrder.Validate(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"inventory", "payment", "shipping"}, placeorder.PlaceOrder.Participants()); diff != "" {
		t.Error(diff)
	}
}

// Sagas that have begun keep this structure: who changes it gives the
// definition a new version.
func TestTheStructureOfVersion1IsKept(t *testing.T) {
	t.Parallel()
	if got, want := placeorder.PlaceOrder.Fingerprint(), "b6945aacab94b3454386477f"; got != want {
		t.Errorf("the fingerprint is %s, was %s: a changed structure is a new version", got, want)
	}
}

func TestEveryCommandSaysWhatItsParticipantNeeds(t *testing.T) {
	t.Parallel()
	d := placeorder.PlaceOrder
	done := map[int][]byte{0: []byte(`{"reservation":"R-536367"}`), 1: []byte(`{"receipt":"P-536367"}`), 2: []byte(`{"parcel":"S-536367"}`)}
	for _, tt := range []struct {
		name    string
		make    func(int, sagas.Known) ([]byte, error)
		step    int
		outputs map[int][]byte
		want    string
	}{
		{"reserve", d.Request, 0, nil, `{"order":"536367","article":"goods-4-8533","units":83}`},
		{"charge", d.Request, 1, done, `{"order":"536367","customer":"13047","amount":4028239}`},
		{"ship", d.Request, 2, done, `{"order":"536367","country":"United Kingdom","units":83,"reservation":"R-536367","receipt":"P-536367"}`},
		{"release", d.UndoRequest, 0, done, `{"order":"536367","article":"goods-4-8533","units":83}`},
		{"refund", d.UndoRequest, 1, done, `{"order":"536367","customer":"13047","amount":4028239}`},
		// In the cases that matter most the output is not known.
		{"release in doubt", d.UndoRequest, 0, nil, `{"order":"536367","article":"goods-4-8533","units":83}`},
		{"refund in doubt", d.UndoRequest, 1, nil, `{"order":"536367","customer":"13047","amount":4028239}`},
	} {
		got, err := tt.make(tt.step, sagas.Known{Input: []byte(input), Outputs: tt.outputs})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestTheOutputsBecomePartOfTheOrder(t *testing.T) {
	t.Parallel()
	got, err := placeorder.PlaceOrder.Value(sagas.Known{Input: []byte(input), Outputs: map[int][]byte{
		0: []byte(`{"reservation":"R-1"}`), 1: []byte(`{"receipt":"P-1"}`), 2: []byte(`{"parcel":"S-1"}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := order()
	want.Reservation, want.Receipt, want.Parcel = "R-1", "P-1", "S-1"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoOrderIsNotAccepted(t *testing.T) {
	t.Parallel()
	if err := placeorder.PlaceOrder.Accept([]byte(input)); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*placeorder.Order)
		want   string
	}{
		"a number that matches other sagas": {func(o *placeorder.Order) { o.Number = "*" }, "the order's number"},
		"no customer":                       {func(o *placeorder.Order) { o.Customer = "" }, "the order's customer"},
		"a customer with a brace":           {func(o *placeorder.Order) { o.Customer = "{1}" }, "the order's customer"},
		"no article":                        {func(o *placeorder.Order) { o.Article = "" }, "the order's article"},
		"no units":                          {func(o *placeorder.Order) { o.Units = 0 }, "0 units"},
		"units given back":                  {func(o *placeorder.Order) { o.Units = -6 }, "-6 units"},
		"too many units":                    {func(o *placeorder.Order) { o.Units = placeorder.MaxUnits + 1 }, "10000001 units"},
		"no price":                          {func(o *placeorder.Order) { o.Price = 0 }, "a price of £0.00"},
		"a price below zero":                {func(o *placeorder.Order) { o.Price = -1 }, "a price of -£0.0001"},
		"the largest price":                 {func(o *placeorder.Order) { o.Price = math.MaxInt64 }, "a price of £922,"},
		"an amount that overflows": {
			func(o *placeorder.Order) { o.Units, o.Price = placeorder.MaxUnits, contract.MaxMoney }, "come to more than £100,000,000.00",
		},
	} {
		o := order()
		tt.change(&o)
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	largest := order()
	largest.Units, largest.Price = placeorder.MaxUnits, contract.MaxMoney/placeorder.MaxUnits
	if err := largest.Check(); err != nil || largest.Amount() != contract.MaxMoney {
		t.Errorf("the largest order: %v, %v", largest.Amount(), err)
	}
}
