package shop_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/orders"
	"github.com/amends-io/amends/cmd/amends/internal/shop"
	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// A counter is a shop that is asked directly, without a journal.
type counter struct {
	t    testing.TB
	shop *shop.Shop
	rdb  *redis.Client
	by   map[string]*participants.Participant
}

func newCounter(t testing.TB, orders ...placeorder.Order) *counter {
	t.Helper()
	rdb := redistest.Dial(t, miniredis.RunT(t).Addr())
	s, err := shop.New(rdb, "demo")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Fill(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	c := &counter{t: t, shop: s, rdb: rdb, by: make(map[string]*participants.Participant)}
	for _, p := range s.Participants(nil) {
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		c.by[p.Name()] = p
	}
	return c
}

// ask sends the command of a step, and returns the reply.
func (c *counter) ask(o placeorder.Order, step string, d protocol.Direction, attempt int) protocol.Reply {
	c.t.Helper()
	body := map[string]any{
		"reserve-stock do":   contract.ReserveRequest{Order: o.Number, Article: o.Article, Units: o.Units},
		"reserve-stock undo": contract.ReleaseRequest{Order: o.Number, Article: o.Article, Units: o.Units},
		"charge do":          contract.ChargeRequest{Order: o.Number, Customer: o.Customer, Amount: o.Amount()},
		"charge undo":        contract.RefundRequest{Order: o.Number, Customer: o.Customer, Amount: o.Amount()},
		"ship do":            contract.ShipRequest{Order: o.Number, Country: o.Country, Units: o.Units},
	}[step+" "+string(d)]
	action := map[string][2]string{
		"reserve-stock do": {"inventory", "reserve"}, "reserve-stock undo": {"inventory", "release"},
		"charge do": {"payment", "charge"}, "charge undo": {"payment", "refund"}, "ship do": {"shipping", "ship"},
	}[step+" "+string(d)]
	b, err := protocol.Encode(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := c.by[action[0]].Answer(c.t.Context(), protocol.Command{
		Saga: o.Number, Definition: "place-order", Version: 1, Participant: action[0], Action: action[1],
		Attempt: protocol.Attempt{Run: 7, Step: step, Direction: d, Number: attempt}, Body: b,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// place runs an order through the shop, as its saga would.
func (c *counter) place(o placeorder.Order) (refusal string) {
	c.t.Helper()
	for i, step := range []string{placeorder.StepReserve, placeorder.StepCharge, placeorder.StepShip} {
		switch r := c.ask(o, step, protocol.Do, 1); r.Outcome {
		case protocol.Done:
		case protocol.Refused:
			if i > 1 {
				c.ask(o, placeorder.StepCharge, protocol.Undo, 1)
			}
			if i > 0 {
				c.ask(o, placeorder.StepReserve, protocol.Undo, 1)
			}
			refusal, _, _ = strings.Cut(r.Reason, ":")
			return refusal
		default:
			c.t.Fatalf("%s of %s: %s %s", step, o.Number, r.Outcome, r.Reason)
		}
	}
	return ""
}

func order(number string, units int64) placeorder.Order {
	return placeorder.Order{
		Number: number, Customer: "17850", Country: "France", Article: "goods-4-8533", Units: units, Price: 48_533,
	}
}

func TestEachRuleTurnsOrdersBack(t *testing.T) {
	t.Parallel()
	c := newCounter(t, order("1", 1500), order("2", 10)) // 1510 units, and credit for all of them
	for _, tt := range []struct {
		order placeorder.Order
		want  string
	}{
		{order("1", 1511), "out of stock"},
		{order("2", 1001), "parcel too large"},
		{order("3", 1000), ""},
		{order("4", 511), "out of stock"}, // what was released is there again, what was shipped is not
		{order("5", 510), ""},
		{order("6", 1), "out of stock"},
		{placeorder.Order{Number: "7", Customer: "17850", Article: "unknown", Units: 1, Price: 1}, "out of stock"},
	} {
		if got := c.place(tt.order); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.order.Number, got, tt.want)
		}
	}
	poor := order("8", 1)
	poor.Customer = "nobody"
	c.fillMore(order("9", 1))
	if got := c.place(poor); got != "credit limit reached" {
		t.Errorf("a customer without credit: %q", got)
	}
}

func (c *counter) fillMore(o placeorder.Order) {
	c.t.Helper()
	if err := c.rdb.HIncrBy(c.t.Context(), "shop:stock:{demo/"+o.Article+"}", "left", o.Units).Err(); err != nil {
		c.t.Fatal(err)
	}
}

func TestTheStateIsReadWhole(t *testing.T) {
	t.Parallel()
	c := newCounter(t, order("1", 1500))
	other, err := shop.New(c.rdb, "demo2") // another demo's on the same Redis
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Fill(t.Context(), []placeorder.Order{order("1", 9)}); err != nil {
		t.Fatal(err)
	}
	shipped, large := order("1", 100), order("2", 1200)
	c.place(shipped)
	c.place(shipped) // every answer is the stored one
	c.place(large)
	c.ask(large, placeorder.StepCharge, protocol.Undo, 2)
	got, err := c.shop.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const limit, spent, undone = 1500 * 48_533, 100 * 48_533, 0
	want := shop.State{
		Stock:    map[string]shop.Balance{"goods-4-8533": {Initial: 1500, Left: 1400}},
		Accounts: map[string]shop.Balance{"17850": {Initial: limit, Left: limit - spent}},
		Reservations: map[string]shop.Effect{
			"1": {Of: "goods-4-8533", Net: 100, Done: 1}, "2": {Of: "goods-4-8533", Net: undone, Done: 1, Undone: 1},
		},
		Charges: map[string]shop.Effect{
			"1": {Of: "17850", Net: spent, Done: 1}, "2": {Of: "17850", Net: undone, Done: 1, Undone: 1},
		},
		Parcels: map[string]shop.Effect{"1": {Of: "1", Net: 100, Done: 1}},
		Rows: map[shop.Step]shop.Row{
			{Order: "1", Step: "reserve-stock", Run: 7}: {Do: "done"},
			{Order: "1", Step: "charge", Run: 7}:        {Do: "done"},
			{Order: "1", Step: "ship", Run: 7}:          {Do: "done"},
			{Order: "2", Step: "reserve-stock", Run: 7}: {Do: "done", Undo: "undone"},
			{Order: "2", Step: "charge", Run: 7}:        {Do: "done", Undo: "undone"},
			{Order: "2", Step: "ship", Run: 7}:          {Do: "refused"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatMakesNoSenseIsTold(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	var want []string
	for key, hash := range map[string][]string{
		"shop:stock:{demo/a}":                    {"initial", "many", "left", "1"},
		"shop:account:{demo/a}":                  {"initial", "1"},
		"shop:charge:{demo/a}:1":                 {"net", "1.5", "done", "1"},
		"shop:gifts:{demo/a}":                    {"initial", "1", "left", "1"},
		"amends-barrier:{demo/a}:1:x:charge":     {"do", "done"},
		"amends-barrier:{demo/a}:1:7:charge:odd": {"do", "done"},
	} {
		if err := c.rdb.HSet(t.Context(), key, hash).Err(); err != nil {
			t.Fatal(err)
		}
		want = append(want, key)
	}
	// Each alone would be right, so one of two is odd.
	for _, key := range []string{
		"shop:charge:{demo/b}:9", "shop:charge:{demo/c}:9",
		"amends-barrier:{demo/b}:9:7:charge", "amends-barrier:{demo/c}:9:7:charge",
	} {
		if err := c.rdb.HSet(t.Context(), key, "net", 1, "done", 1).Err(); err != nil {
			t.Fatal(err)
		}
	}
	want = append(want, "one of two charges", "one of two rows")
	got, err := c.shop.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Odd) != len(want) {
		t.Errorf("odd: %q, want %q", got.Odd, want)
	}
	if _, err := shop.New(c.rdb, "a{b"); !errors.Is(err, protocol.ErrName) {
		t.Errorf("a namespace with a brace: %v", err)
	}
}

// Rates are of orders placed one after another, in any order. About one in ten
// turns back, by each of the rules, at every size.
func TestAboutOneOrderInTenTurnsBack(t *testing.T) {
	t.Parallel()
	rows, err := orders.Retail()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{500, 2000} {
		var list []placeorder.Order
		seen := make(map[string]bool)
		for _, r := range orders.Sample(rows, n) {
			if r.Reason() == "" && !seen[r.Number] {
				seen[r.Number] = true
				list = append(list, r.Order())
			}
		}
		c := newCounter(t, list...)
		shuffle := rand.New(rand.NewPCG(uint64(n), 1))
		shuffle.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		refused := make(map[string]int)
		for _, o := range list {
			refused[c.place(o)]++
		}
		text := fmt.Sprintf("of %d rows: %v of %d orders", n, refused, len(list))
		t.Log(text)
		if rate := 1 - float64(refused[""])/float64(len(list)); rate < 0.07 || rate > 0.13 || len(refused) != 4 {
			t.Errorf("%s: %.1f%% turned back, want about 10%%, by three rules", text, 100*rate)
		}
	}
}
