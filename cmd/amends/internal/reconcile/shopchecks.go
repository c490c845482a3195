package reconcile

import (
	"github.com/amends-io/amends/cmd/amends/internal/shop"
	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// What the participants' state alone has to say.

func (b *Books) stockConserved() Check {
	var f finding
	initial, held := conserved(&f, b.Shop.Stock, b.Shop.Reservations, units)
	return f.check("stock conserved", "%s units laid in = %s left + %s reserved for shipped orders, in each of %s articles",
		Number(initial), Number(initial-held), Number(held), Number(int64(len(b.Shop.Stock))))
}

func (b *Books) moneyConserved() Check {
	var f finding
	initial, held := conserved(&f, b.Shop.Accounts, b.Shop.Charges, money)
	return f.check("money conserved", "%v of credit = %v left + %v charged, in each of %s accounts",
		contract.Money(initial), contract.Money(initial-held), contract.Money(held), Number(int64(len(b.Shop.Accounts))))
}

func units(n int64) string { return Number(n) + " units" }
func money(n int64) string { return contract.Money(n).String() }

// conserved checks each balance: what there was is what is left and what orders hold.
func conserved(f *finding, balances map[string]shop.Balance, effects map[string]shop.Effect, text func(int64) string) (initial, held int64) {
	holds := make(map[string]int64)
	for order, e := range effects {
		holds[e.Of] += e.Net
		held += e.Net
		if _, ok := balances[e.Of]; !ok {
			f.add("order %s holds %s of %s, which is unknown", order, text(e.Net), e.Of)
		}
	}
	for name, balance := range balances {
		initial += balance.Initial
		if balance.Left < 0 || balance.Initial != balance.Left+holds[name] {
			f.add("%s: of %s are %s left, and orders hold %s", name, text(balance.Initial), text(balance.Left), text(holds[name]))
		}
	}
	return initial, held
}

// effectsOnce compares each effect's own count with its barrier's row.
func (b *Books) effectsOnce() Check {
	var f finding
	for _, key := range b.Shop.Odd {
		f.add("%s makes no sense", key)
	}
	done, undone, rows := 0, 0, make(map[[2]string]shop.Row)
	for step, row := range b.Shop.Rows {
		at := [2]string{step.Order, step.Step}
		if _, again := rows[at]; again {
			f.add("%s of %s was asked for in two runs", step.Step, step.Order)
		}
		rows[at] = row
		effect, there := b.effects(step.Step)[step.Order]
		if there != (row.Do == "done") {
			f.add("%s of %s: the barrier says %q, and it counts %d", step.Step, step.Order, row.Do, effect.Done)
		}
	}
	for _, step := range steps {
		for order, e := range b.effects(step) {
			row := rows[[2]string{order, step}]
			done, undone = done+e.Done, undone+e.Undone
			if e.Done != 1 || row.Do != "done" || e.Undone > 1 || (e.Undone == 1) != (row.Undo == "undone") || (e.Undone == 1) != (e.Net == 0) {
				f.add("%s of %s: done %d times, undone %d times, holds %d; the barrier says do %q, undo %q",
					step, order, e.Done, e.Undone, e.Net, row.Do, row.Undo)
			}
		}
	}
	return f.check("every effect once", "%s effects, %s of them undone, none twice", Number(int64(done)), Number(int64(undone)))
}

func (b *Books) effects(step string) map[string]shop.Effect {
	switch step {
	case placeorder.StepReserve:
		return b.Shop.Reservations
	case placeorder.StepCharge:
		return b.Shop.Charges
	case placeorder.StepShip:
		return b.Shop.Parcels
	}
	return nil
}

// ordersWhole checks that each order has all of its effects or none of them.
func (b *Books) ordersWhole() Check {
	var f finding
	orders := make(map[string]int)
	for i, step := range steps {
		for order, e := range b.effects(step) {
			if e.Net != 0 {
				orders[order] |= 1 << i
			}
		}
	}
	for order, has := range orders {
		if all := 1<<len(steps) - 1; has != all {
			f.add("order %s is reserved: %t, charged: %t, shipped: %t", order, has&1 != 0, has&2 != 0, has&4 != 0)
		}
		if parcel, r := b.Shop.Parcels[order], b.Shop.Reservations[order]; parcel.Net != r.Net {
			f.add("order %s has %d units in its parcel, %d are reserved", order, parcel.Net, r.Net)
		}
	}
	return f.check("all or nothing", "%s orders are reserved, charged and shipped; no other has anything", Number(int64(len(orders))))
}
