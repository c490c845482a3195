package demo

import (
	"strings"
	"time"

	"github.com/amends-io/amends/cmd/amends/internal/orders"
	"github.com/amends-io/amends/cmd/amends/internal/reconcile"
	"github.com/amends-io/amends/cmd/amends/internal/shop"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A Report says what became of the rows. Orders is the sum of the five below it.
type Report struct {
	Orders      int `json:"orders"` // rows that were taken
	NotStarted  int `json:"not_started"`
	Conflicts   int `json:"conflicts"`
	Completed   int `json:"completed"`
	Compensated int `json:"compensated"`
	Stuck       int `json:"stuck"`

	Crashes  int     `json:"crashes"`
	Hit      []int   `json:"sagas_under_way_at_crashes,omitempty"`
	Seed     uint64  `json:"seed"`
	Seconds  float64 `json:"seconds"` // from the first start to the last end
	Rate     float64 `json:"sagas_per_second"`
	Messages float64 `json:"messages_per_saga"`

	Refused    map[orders.Reason]int `json:"not_started_reasons"`
	TurnedBack map[string]int        `json:"turned_back_reasons"`

	AddsUp bool              `json:"adds_up"`
	Checks []reconcile.Check `json:"checks"`

	Where Where `json:"where"`
}

// Where is where to look at it.
type Where struct {
	NATS    string `json:"nats_url"`
	Redis   string `json:"redis_url"`
	Prefix  string `json:"prefix"`
	HTTP    string `json:"http_url"`
	Journal string `json:"journal,omitempty"` // the embedded server's directory
}

// Report makes the report from the books.
func (d *Demo) Report(b *reconcile.Books) Report {
	p := d.placer
	r := Report{
		Orders: len(d.cfg.Rows), Conflicts: p.conflicts,
		Crashes: int(d.crash.count.Load()), Hit: d.crash.hit, Seed: d.cfg.Seed,
		Seconds: p.last.Sub(p.first).Round(time.Millisecond).Seconds(),
		Refused: p.notStarted, TurnedBack: make(map[string]int), Checks: b.Checks(),
	}
	for _, n := range p.notStarted {
		r.NotStarted += n
	}
	for _, status := range p.ends {
		switch status {
		case instance.Completed:
			r.Completed++
		case instance.Compensated:
			r.Compensated++
		default:
			r.Stuck++
		}
	}
	for _, life := range b.Journal.Lives {
		if life.End == reconcile.Compensated {
			r.TurnedBack[short(life.Reason)]++
		}
	}
	if n := len(b.Journal.Lives); n > 0 {
		r.Messages = float64(b.Journal.Messages) / float64(n)
	}
	if r.Seconds > 0 {
		r.Rate = float64(len(p.ends)) / r.Seconds
	}
	sums := r.NotStarted+r.Conflicts+r.Completed+r.Compensated+r.Stuck == r.Orders
	r.Checks = append(r.Checks, reconcile.Check{
		Name: "every row counted", OK: sums,
		Detail: reconcile.Number(int64(r.Orders)) + " rows = not started + conflicts + completed + compensated + stuck",
	})
	r.AddsUp = reconcile.OK(r.Checks)
	return r
}

// short is what a reason says before it names particulars.
func short(reason string) string {
	for _, rule := range []error{shop.ErrOutOfStock, shop.ErrCredit, shop.ErrTooLarge} {
		if strings.Contains(reason, rule.Error()) {
			return rule.Error()
		}
	}
	text, _, _ := strings.Cut(reason, ":")
	return text
}
