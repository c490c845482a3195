package browsertest

import (
	"fmt"
	"testing"
)

// Rows are ticked by hand, by key, or all at once; what is asked then is asked of
// those that are ticked, and of no other.
func TestABulkActionOnTickedRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	for i := range 5 {
		w.start(fmt.Sprintf("order-%d", i), order{Customer: "dan", Units: 100 + i, Fate: stuckOnTheWay})
		w.settle(fmt.Sprintf("order-%d", i))
	}
	for _, l := range looks {
		if l.name == "wall" || l.name == "wall-dark" {
			continue
		}
		p := open(t, w, l.Look)
		p.visit("/", `document.querySelectorAll("table.list tbody tr").length === 5 && !document.querySelector(".ticked")`)
		p.click("thead .tick input")
		p.wait(`document.querySelector(".ticked").innerText.startsWith("5 ticked")`)
		p.click("tr[data-id=order-3] .tick input")
		p.wait(`document.querySelector(".ticked").innerText.startsWith("4 ticked") && document.querySelector("thead .tick input").indeterminate`)
		p.accessible()
		p.picture("ticked-" + l.name)
		if eval[bool](p, `document.documentElement.scrollWidth > innerWidth + 1`) {
			t.Errorf("the list is wider than the window: %s", eval[string](p, widest))
		}
		p.click(".ticked .btn.plain")
		p.wait(`!document.querySelector(".ticked") && !document.querySelector("tbody :checked")`)
		p.sound()
	}
	p := open(t, w, desk)
	p.visit("/", `document.querySelectorAll("table.list tbody tr").length === 5`)
	p.press("x") // nobody is at a row
	p.press("j")
	p.press("j")
	p.press("x")
	p.wait(`document.querySelectorAll("tbody :checked").length === 1 && document.querySelector("tr[aria-selected=true] :checked")`)
	first := eval[string](p, `document.querySelector("tr[aria-selected=true]").dataset.id`)
	// What is ticked is still, once one has looked into a saga; of another filter it is not.
	p.press("\r")
	p.wait(fmt.Sprintf(`location.pathname === "/sagas/%s"`, first))
	p.do(`history.back()`)
	p.wait(`document.querySelector(".ticked").innerText.startsWith("1 ticked")`)
	p.click(".tile.s-stuck")
	p.wait(`location.search === "?status=stuck" && document.querySelector("table.list") && !document.querySelector(".ticked")`)
	p.do(`history.back()`)
	p.wait(`document.querySelectorAll("tbody :checked").length === 1`)
	second := eval[string](p, `[...document.querySelectorAll("tbody tr")].find((r) => !r.querySelector(":checked")).dataset.id`)
	p.click(fmt.Sprintf("tr[data-id=%s] .tick input", second))
	p.click("[data-action=bulk-ticked]")
	p.wait(`document.querySelector("dialog[open]").innerText.includes("those 2 sagas that you ticked")`)
	p.do(`const s = document.querySelector("dialog[open] select"); s.value = "suspend"; s.dispatchEvent(new Event("change", {bubbles: true}))`)
	p.fill("dialog[open] input[name=why]", "hold")
	p.wait(fmt.Sprintf("document.querySelector('dialog[open] .cli code').textContent === `printf '%%s\\\\n' %s %s | xargs -n1 amends suspend --why hold --`", first, second))
	p.click("dialog[open] .btn.main")
	p.wait(`document.querySelector("dialog[open] .banner").innerText.includes("2 sagas would be asked")`)
	p.accessible()
	p.picture("dialog-ticked")
	p.click("dialog[open] .btn.main")
	p.wait(`location.pathname.startsWith("/bulk/") && document.querySelector("h1 ~ .chip").innerText === "done"`)
	p.wait(fmt.Sprintf(`["%s", "%s"].every((id) => document.querySelector(".facts dd").innerText.includes(id))`, first, second))
	p.picture("bulk-ticked")
	for i := range 5 {
		id := fmt.Sprintf("order-%d", i)
		if asked := w.controls(id); (len(asked) == 1) != (id == first || id == second) {
			t.Errorf("%s was asked by %v", id, asked)
		}
	}
	p.do(`document.querySelector(".nav a").click()`)
	p.wait(`document.querySelectorAll("table.list tbody tr").length === 5 && !document.querySelector(".ticked")`)
	p.sound()
}
