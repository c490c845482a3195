package browsertest

import (
	"fmt"
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
	customers := []string{"13085", "14911", "17841", "12748"}
	for i := range 48 {
		o := order{Customer: customers[i%len(customers)], Units: 1 + i%9}
		switch {
		case i == 20:
			o.Fate = retriedPayment
		case i%13 == 5:
			o.Fate = stuckOnTheWay
		case i%7 == 3:
			o.Fate = refusedAtPayment
		}
		id := fmt.Sprint(489400 + i)
		w.start(id, o)
		w.settle(id)
	}
	w.start("489499", order{Customer: customers[0], Units: 3, Fate: slowShipping})
	p := open(t, w, browser.Look{Width: 1440, Height: 1060})
	p.visit("/sagas/489420?step=charge&attempt=3", `document.querySelector("[data-node='do:charge']") && document.querySelectorAll(".log tbody tr").length > 10 && document.querySelector(".payload")`)
	p.picture("saga-completed")
	p.visit("/sagas/489418?step=charge&dir=undo", `document.querySelector(".turned") && document.querySelector("[data-part=not-undone]") && document.querySelector(".payload")`)
	p.picture("saga-stuck")
	p.visit("/sagas/489410", `document.querySelector(".turned") && document.querySelectorAll(".log tbody tr").length > 10 && document.querySelector(".changes")`)
	p.picture("saga-turned-back")
	f := open(t, w, browser.Look{Width: 1440, Height: 520})
	f.visit("/failures", `document.querySelectorAll(".cluster").length >= 2`)
	f.picture("failures")
	d := open(t, w, browser.Look{Width: 1440, Height: 980, Dark: true})
	d.visit("/", `document.querySelectorAll("table.list tbody tr").length > 10`)
	d.picture("list")
}
