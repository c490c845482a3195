package browsertest

import (
	"fmt"
	"testing"

	"github.com/amends-io/amends/internal/browsertest/browser"
)

// pages are all of them, with what is there once they are drawn.
var pages = []struct{ name, path, ready string }{
	{"list", "/", `document.querySelectorAll("table.list tbody tr").length > 10`},
	{"list-empty", "/?tag=customer%3Dnobody", `document.querySelector(".empty")`},
	{"saga-completed", "/sagas/order-retried?step=charge", `document.querySelector("[data-node='do:charge']") && document.querySelectorAll(".log tbody tr").length > 10 && document.querySelector(".payload")`},
	{"saga-turned-back", "/sagas/order-back", `document.querySelector(".turned") && document.querySelectorAll(".log tbody tr").length > 10`},
	{"saga-stuck", "/sagas/order-stuck?step=charge&dir=undo", `document.querySelector("[data-part=not-undone]") && document.querySelector("[data-action=resolve-undone]")`},
	{"saga-past", "/sagas/order-back?at=%d", `document.querySelector(".past-note")`},
	{"saga-list", "/sagas/order-back?view=list", `document.querySelectorAll(".steps li").length > 6`},
	{"saga-hostile", "/sagas/order-hostile?step=charge", `document.querySelector(".turned-note") && document.querySelector(".payload")`},
	{"saga-none", "/sagas/nobody", `document.querySelector(".empty")`},
	{"compare", "/compare?a=order-back&b=order-retried", `document.body.innerText.includes("They part at") && document.querySelector(".graph .differs .mark.other")`},
	{"failures", "/failures", `document.querySelectorAll(".cluster").length >= 3`},
	{"definitions", "/definitions", `document.querySelector(".graph svg .node") && document.querySelector(".heat")`},
	{"definition", "/definitions/place-order/2", `document.querySelector(".graph svg .node") && document.body.innerText.includes("inconsistent")`},
	{"participants", "/participants", `document.body.innerText.includes("listens")`},
	{"partitions", "/partitions", `document.body.innerText.includes("member-1")`},
	{"audit", "/audit", auditRows + `.length === 6`},
	{"audit-empty", "/audit?who=nobody", `document.querySelector(".empty")`},
	{"bulk", "/bulk", `document.querySelector(".empty, table")`},
	{"nowhere", "/no/such/page", `document.querySelector(".empty")`},
}

// looks are the ways in which each page is looked at.
var looks = []struct {
	name string
	browser.Look
	axe bool
}{
	{"light", desk, true}, {"dark", dark(desk), true}, {"phone", phone, true}, {"phone-dark", dark(phone), true}, {"wall", wall, true}, {"wall-dark", dark(wall), true},
}

// Every page, in every theme and width: nothing goes wrong, nothing is wider
// than the window, no request leaves the origin, and axe-core has no complaint.
func TestEveryPageInEveryLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.fill()
	w.asked()
	at := w.middle("order-back")
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			p := open(t, w, l.Look)
			for _, pg := range pages {
				path := pg.path
				if pg.name == "saga-past" {
					path = fmt.Sprintf(path, at)
				}
				p.visit(path, pg.ready)
				if eval[bool](p, `document.documentElement.scrollWidth > innerWidth + 1`) {
					t.Errorf("%s is wider than the window: %s", pg.name, eval[string](p, widest))
				}
				// Where one is in the menu is in sight, once the number of failures stands in it.
				p.wait(`(document.querySelector(".nav [aria-current]")?.getBoundingClientRect().right ?? 0) <= innerWidth + 1`)
				p.picture(pg.name + "-" + l.name)
				if pg.name == "saga-none" || pg.name == "nowhere" {
					p.Faults() // a 404 is said on the console, too, and is what is looked for here
				}
				p.sound()
				if l.axe {
					p.accessible()
				}
				if t.Failed() {
					t.Logf("on %s", pg.name)
				}
			}
		})
	}
}

// widest names what reaches beyond the window.
const widest = `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .nav, .tiles, svg, pre")).slice(0, 5).map((e) => e.tagName + "." + e.className + " " + Math.round(e.getBoundingClientRect().right)).join("; ")`

// middle is a sequence in the middle of a saga's history.
func (w *world) middle(id string) uint64 {
	w.t.Helper()
	h := w.history(id)
	return h[len(h)/2].Sequence
}

// Below a base path everything is found, and nothing is asked for beside it.
func TestBelowABasePath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "/below/it")
	w.start("order-1", order{Customer: "ann", Units: 1})
	w.settle("order-1")
	p := open(t, w, desk)
	p.visit("/", `document.querySelector("tr[data-id=order-1]")`)
	p.click("tr[data-id=order-1] a")
	p.wait(`document.querySelector("[data-node='do:charge']") && location.pathname === "/below/it/sagas/order-1"`)
	p.sound()
	for _, r := range p.Requests() {
		if len(r) < len(w.url) || r[:len(w.url)] != w.url {
			t.Errorf("a request went beside the base path: %s", r)
		}
	}
}
