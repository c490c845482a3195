package reconcile

import (
	"strconv"

	"github.com/amends-io/amends/cmd/amends/internal/shop"
	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// What the journal alone has to say.

func (b *Books) sagasEnded() Check {
	var f finding
	for id, life := range b.Journal.Lives {
		if life.End == "" {
			f.add("%s was started and has not ended", id)
		}
	}
	n := Number(int64(len(b.Journal.Lives)))
	return f.check("every saga ended", "%s started = %s ended", n, n)
}

func (b *Books) chainsUnbroken() Check {
	var f finding
	for _, odd := range b.Journal.Odd {
		f.add("%s", odd)
	}
	for _, life := range b.Journal.Lives {
		for _, broken := range life.Broken {
			f.add("%s", broken)
		}
	}
	return f.check("chains unbroken", "each link of %s sagas expects the one before it", Number(int64(len(b.Journal.Lives))))
}

func (b *Books) stepsInOrder() Check {
	var f finding
	for _, life := range b.Journal.Lives {
		for _, fault := range life.Faults {
			f.add("%s", fault)
		}
	}
	return f.check("steps in order", "no step before its predecessor, no undo before its successor's, no end before both")
}

// What the journal says compared with the others.

func (b *Books) stockAgrees() Check {
	var f finding
	total := b.agrees(&f, placeorder.StepReserve, b.Shop.Stock, units, func(o placeorder.Order) (string, int64) { return o.Article, o.Units })
	return f.check("stock as in the journal", "%s units reserved and not released, for each article", Number(total))
}

func (b *Books) moneyAgrees() Check {
	var f finding
	total := b.agrees(&f, placeorder.StepCharge, b.Shop.Accounts, money, func(o placeorder.Order) (string, int64) {
		return o.Customer, int64(o.Amount())
	})
	return f.check("money as in the journal", "%v charged and not refunded, for each account", contract.Money(total))
}

// agrees compares what a step took from each balance with what the replies to
// it say, computed from the starts.
func (b *Books) agrees(f *finding, step string, balances map[string]shop.Balance, text func(int64) string, of func(placeorder.Order) (string, int64)) (total int64) {
	taken := make(map[string]int64)
	for _, life := range b.Journal.Lives {
		if life.Steps[index(step)].Held() {
			name, n := of(life.Order)
			taken[name] += n
			total += n
		}
	}
	for name, n := range taken {
		if _, ok := balances[name]; !ok {
			f.add("%s: the journal says %s were taken, of nothing", name, text(n))
		}
	}
	for name, balance := range balances {
		if n := balance.Initial - balance.Left; n != taken[name] {
			f.add("%s: the journal says %s were taken, the participant %s", name, text(taken[name]), text(n))
		}
	}
	return total
}

// sameOrders compares who is complete, by three who know.
func (b *Books) sameOrders() Check {
	var f finding
	completed := 0
	for id, life := range b.Journal.Lives {
		_, shipped := b.Shop.Parcels[id]
		if life.End == Completed {
			completed++
		}
		if shipped != (life.End == Completed) || b.Client.Ends[id] != life.End {
			f.add("%s: the journal says %q, the client was told %q, shipped: %t", id, life.End, b.Client.Ends[id], shipped)
		}
	}
	for id := range b.Shop.Parcels {
		if b.Journal.Lives[id] == nil {
			f.add("%s was shipped, and the journal does not know it", id)
		}
	}
	for id, end := range b.Client.Ends {
		if b.Journal.Lives[id] == nil {
			f.add("%s: the client was told %q, and the journal does not know it", id, end)
		}
	}
	return f.check("the same orders", "the same %s completed for the client, the journal and the participants", Number(int64(completed)))
}

// startsAgree compares what was started with what the journal holds.
func (b *Books) startsAgree() Check {
	var f finding
	for id, order := range b.Client.Started {
		switch life := b.Journal.Lives[id]; {
		case life == nil:
			f.add("%s was started, and the journal does not know it", id)
		case life.Order != order:
			f.add("%s: the journal has another order: %+v", id, life.Order)
		}
	}
	for id := range b.Journal.Lives {
		if _, ok := b.Client.Started[id]; !ok {
			f.add("%s is in the journal, and was not started", id)
		}
	}
	return f.check("every start kept", "%s orders, each with the content of its row", Number(int64(len(b.Client.Started))))
}

// viewAgrees compares the view's counts with the journal's.
func (b *Books) viewAgrees() Check {
	var f finding
	want := make(map[string]int)
	for _, life := range b.Journal.Lives {
		want[life.End]++
	}
	for status, n := range b.View {
		if want[status] != n {
			f.add("the view has %d %s, the journal %d", n, status, want[status])
		}
	}
	for end, n := range want {
		if _, ok := b.View[end]; !ok {
			f.add("the journal has %d %q, the view none", n, end)
		}
	}
	return f.check("the view agrees", "its counts are the journal's: %s completed, %s compensated",
		Number(int64(want[Completed])), Number(int64(want[Compensated])))
}

// Number writes n for people, with commas.
func Number(n int64) string {
	text := strconv.FormatInt(n, 10)
	end := 1
	if n < 0 {
		end = 2
	}
	for i := len(text) - 3; i >= end; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
