package reconcile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/cmd/amends/internal/shop"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas/placeorder"
)

// shipped returns the books of order 1, 3 units of a at £2, which was shipped.
func shipped() *Books {
	journal := forward().reply(ship, protocol.Do, protocol.Done).link(completed, "", "").journal
	return &Books{
		Journal: &journal,
		Shop: shop.State{
			Stock:        map[string]shop.Balance{"a": {Initial: 5, Left: 2}},
			Accounts:     map[string]shop.Balance{"c": {Initial: 100_000, Left: 40_000}},
			Reservations: map[string]shop.Effect{"1": {Of: "a", Net: 3, Done: 1}},
			Charges:      map[string]shop.Effect{"1": {Of: "c", Net: 60_000, Done: 1}},
			Parcels:      map[string]shop.Effect{"1": {Of: "1", Net: 3, Done: 1}},
			Rows: map[shop.Step]shop.Row{
				{Order: "1", Step: reserve, Run: 1}: {Do: "done"},
				{Order: "1", Step: charge, Run: 1}:  {Do: "done"},
				{Order: "1", Step: ship, Run: 1}:    {Do: "done"},
			},
		},
		View: map[string]int{Completed: 1},
		Client: Client{
			Started: map[string]placeorder.Order{"1": {Number: "1", Customer: "c", Article: "a", Units: 3, Price: 20_000}},
			Ends:    map[string]string{"1": Completed},
		},
	}
}

func TestBooksThatAddUp(t *testing.T) {
	t.Parallel()
	checks := shipped().Checks()
	if len(checks) != 12 || !OK(checks) {
		t.Errorf("%+v", checks)
	}
	want := Check{"stock conserved", true, "5 units laid in = 2 left + 3 reserved for shipped orders, in each of 1 articles"}
	if diff := cmp.Diff(want, checks[0]); diff != "" {
		t.Error(diff)
	}
}

func TestEachDifferenceIsToldByItsChecks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Books)
		want   []string // the failing checks, and what they say
	}{
		"less than nothing left": {
			func(b *Books) { b.Shop.Stock["a"] = shop.Balance{Initial: 2, Left: -1} },
			[]string{"stock conserved: a: of 2 units are -1 units left, and orders hold 3 units"},
		},
		"held of nothing": {
			func(b *Books) { delete(b.Shop.Stock, "a") },
			[]string{
				"stock conserved: order 1 holds 3 units of a, which is unknown",
				"stock as in the journal: a: the journal says 3 units were taken, of nothing",
			},
		},
		"an effect without its row": {
			func(b *Books) { delete(b.Shop.Rows, shop.Step{Order: "1", Step: charge, Run: 1}) },
			[]string{`every effect once: charge of 1: done 1 times, undone 0 times, holds 60000; the barrier says do "", undo ""`},
		},
		"a row without its effect": {
			func(b *Books) {
				b.Shop.Rows[shop.Step{Order: "2", Step: charge, Run: 9}] = shop.Row{Do: "done"}
			},
			[]string{`every effect once: charge of 2: the barrier says "done", and it counts 0`},
		},
		"an effect although it was refused": {
			func(b *Books) { b.Shop.Rows[shop.Step{Order: "1", Step: charge, Run: 1}] = shop.Row{Do: "refused"} },
			[]string{`every effect once: charge of 1: done 1 times, undone 0 times, holds 60000; the barrier says do "refused", undo ""; ` +
				`charge of 1: the barrier says "refused", and it counts 1`},
		},
		"two runs": {
			func(b *Books) { b.Shop.Rows[shop.Step{Order: "1", Step: ship, Run: 2}] = shop.Row{Do: "done"} },
			[]string{"every effect once: ship of 1 was asked for in two runs"},
		},
		"a key that makes no sense": {
			func(b *Books) { b.Shop.Odd = []string{"shop:gifts"} },
			[]string{"every effect once: shop:gifts makes no sense"},
		},
		"half an order": {
			func(b *Books) {
				delete(b.Shop.Parcels, "1")
				delete(b.Shop.Rows, shop.Step{Order: "1", Step: ship, Run: 1})
			},
			[]string{
				"all or nothing: order 1 has 0 units in its parcel, 3 are reserved; order 1 is reserved: true, charged: true, shipped: false",
				`the same orders: 1: the journal says "completed", the client was told "completed", shipped: false`,
			},
		},
		"a parcel with less in it": {
			func(b *Books) { b.Shop.Parcels["1"] = shop.Effect{Of: "1", Net: 2, Done: 1} },
			[]string{"all or nothing: order 1 has 2 units in its parcel, 3 are reserved"},
		},
		"another price": {
			func(b *Books) {
				b.Shop.Accounts["c"] = shop.Balance{Initial: 100_000, Left: 40_001}
				b.Shop.Charges["1"] = shop.Effect{Of: "c", Net: 59_999, Done: 1}
			},
			[]string{"money as in the journal: c: the journal says £6.00 were taken, the participant £5.9999"},
		},
		"the client was told otherwise": {
			func(b *Books) { b.Client.Ends["1"] = Compensated },
			[]string{`the same orders: 1: the journal says "completed", the client was told "compensated", shipped: true`},
		},
		"a client that knows more": {
			func(b *Books) {
				b.Client.Ends["2"] = Completed
				b.Client.Started["2"] = placeorder.Order{Number: "2"}
			},
			[]string{
				`the same orders: 2: the client was told "completed", and the journal does not know it`,
				"every start kept: 2 was started, and the journal does not know it",
			},
		},
		"a parcel that nobody ordered": {
			func(b *Books) { b.Journal.Lives = map[string]*Life{} },
			[]string{
				"stock as in the journal: a: the journal says 0 units were taken, the participant 3 units",
				"money as in the journal: c: the journal says £0.00 were taken, the participant £6.00",
				`the same orders: 1 was shipped, and the journal does not know it; 1: the client was told "completed", and the journal does not know it`,
				"every start kept: 1 was started, and the journal does not know it",
				"the view agrees: the view has 1 completed, the journal 0",
			},
		},
		"another order than was started": {
			func(b *Books) { b.Client.Started["1"] = placeorder.Order{Number: "1", Units: 4} },
			[]string{"every start kept: 1: the journal has another order: {Number:1"},
		},
		"an order that was not started": {
			func(b *Books) { b.Client.Started = nil },
			[]string{"every start kept: 1 is in the journal, and was not started"},
		},
		"a saga that goes on": {
			func(b *Books) { journal := forward().journal; b.Journal = &journal },
			[]string{
				"every saga ended: 1 was started and has not ended",
				`the same orders: 1: the journal says "", the client was told "completed", shipped: true`,
				`the view agrees: the journal has 1 "", the view none; the view has 1 completed, the journal 0`,
			},
		},
		"a view with another end": {
			func(b *Books) { b.View = map[string]int{Completed: 1, "stuck": 1} },
			[]string{"the view agrees: the view has 1 stuck, the journal 0"},
		},
		"more faults than anybody reads": {
			func(b *Books) { b.Journal.Odd = []string{"e", "d", "c", "b", "a"} },
			[]string{"chains unbroken: a; b; c; and 2 more"},
		},
	} {
		b := shipped()
		tt.change(b)
		var got []string
		for _, c := range b.Checks() {
			if !c.OK {
				got = append(got, c.Name+": "+c.Detail)
			}
		}
		same := len(got) == len(tt.want)
		for i := range got {
			same = same && strings.HasPrefix(got[i], tt.want[i])
		}
		if !same {
			t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(tt.want, got))
		}
	}
}
