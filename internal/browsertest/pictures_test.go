package browsertest

import (
	"os"
	"testing"

	"github.com/amends-io/amends/internal/browsertest/browser"
)

// The pictures of README and docs, of real pages: 'make screenshots' writes them.
func TestPicturesOfTheDocuments(t *testing.T) {
	if os.Getenv("AMENDS_PICTURES") == "" {
		return // the pictures of TestEveryPageInEveryLook are enough
	}
	w := newWorld(t, "")
	w.fill()
	for i := range 40 {
		o := order{Customer: "ann", Units: 1 + i%9}
		if i%7 == 3 {
			o.Fate = refusedAtPayment
		}
		if i%13 == 5 {
			o.Fate = stuckOnTheWay
		}
		id := "order-4895" + string(rune('0'+i/10)) + string(rune('0'+i%10))
		w.start(id, o)
		w.settle(id)
	}
	p := open(t, w, browser.Look{Width: 1280, Height: 860})
	p.visit("/sagas/order-retried?step=charge&attempt=3", `document.querySelector("[data-node='do:charge']") && document.querySelectorAll(".log tbody tr").length > 10 && document.querySelector(".payload")`)
	p.picture("saga-completed")
	p.visit("/sagas/order-stuck?step=charge&dir=undo", `document.querySelector(".turned") && document.querySelector("[data-part=not-undone]") && document.querySelector(".payload")`)
	p.picture("saga-stuck")
	p.visit("/sagas/order-back", `document.querySelector(".turned") && document.querySelectorAll(".log tbody tr").length > 10 && document.querySelector(".changes")`)
	p.picture("saga-turned-back")
	p.visit("/failures", `document.querySelectorAll(".cluster").length >= 3`)
	p.picture("failures")
	d := open(t, w, browser.Look{Width: 1280, Height: 860, Dark: true})
	d.visit("/", `document.querySelectorAll("table.list tbody tr").length > 10`)
	d.picture("list")
}
