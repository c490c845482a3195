package browsertest

import (
	"fmt"
	"strings"
	"testing"
)

// Each action of a saga: asked for in the dialog, with the command that does
// the same, and seen in the history.
func TestEveryAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.fill()
	p := open(t, w, desk)

	p.visit("/sagas/order-slow", `document.querySelector("[data-action=suspend]")`)
	p.ask("suspend", "the warehouse burns", "amends suspend order-slow --why 'the warehouse burns' --by ann")
	p.wait(`document.querySelector(".chip.s-suspended") && document.querySelector("[data-action=resume]")`)
	p.ask("resume", "it is out", "amends resume order-slow")
	p.wait(`document.querySelector("[data-action=suspend]")`)
	p.sound()

	p.visit("/sagas/order-early", `document.querySelector("[data-action=cancel]")`)
	p.ask("cancel", "changed their mind", "amends cancel order-early --why 'changed their mind' --by ann")
	p.wait(`document.querySelector("h1 ~ .row .s-compensating") && document.body.innerText.includes("cancel by ann: changed their mind")`)
	w.hurry()
	p.wait(`document.querySelector("h1 ~ .row .s-compensated")`)
	p.sound()

	p.visit("/sagas/order-stuck?step=charge&dir=undo", `document.querySelector(".panel [data-action=retry]")`)
	p.ask("retry", "try once more", "amends retry order-stuck --step charge --direction undo --why 'try once more' --by ann")
	p.wait(`document.body.innerText.includes("retry undo charge by ann: try once more")`)
	p.wait(`document.querySelector(".panel [data-action=resolve-undone]")`)
	p.ask("resolve-undone", "refunded by hand", "amends resolve order-stuck --step charge --direction undo --as undone --yes --why 'refunded by hand' --by ann")
	p.wait(`document.querySelector("h1 ~ .row .s-compensated") && document.body.innerText.includes("everything is undone")`)
	p.sound()

	// After the pivot there is no way back: a person says that it was done, with its output.
	p.visit("/sagas/order-letter?step=confirm", `document.querySelector(".panel [data-action=resolve-done]") && document.querySelector(".banner.s-stuck").innerText.includes("cannot go on")`)
	p.click(".panel [data-action=resolve-done]")
	p.fill("dialog[open] textarea", `{"number": `)
	p.wait(`document.querySelector("dialog[open]").innerText.includes("This is no JSON")`)
	p.fill("dialog[open] textarea", `{"number":"by hand"}`)
	p.fill("dialog[open] input[name=why]", "told by telephone")
	p.fill("dialog[open] input[name=who]", "ann")
	p.wait(`document.querySelector("dialog[open] .cli code").textContent === ` + "`amends resolve order-letter --step confirm --as done --output '{\"number\":\"by hand\"}' --yes --why 'told by telephone' --by ann`")
	p.click("dialog[open] .btn.main")
	p.wait(`document.querySelector("h1 ~ .row .s-completed")`)
	p.sound()
}

// ask presses an action's button, and answers its dialog.
func (p *page) ask(action, why, command string) {
	p.t.Helper()
	p.click(fmt.Sprintf("[data-action=%s]", action))
	p.wait(`document.querySelector("dialog[open]")`)
	p.fill("dialog[open] input[name=why]", why)
	p.fill("dialog[open] input[name=who]", "ann")
	p.wait(fmt.Sprintf(`document.querySelector("dialog[open] .cli code").textContent.startsWith(%q)`, command))
	p.click("dialog[open] .btn.main")
	p.wait(`!document.querySelector("dialog[open]")`)
}

// A bulk action from a group of failures: counted, confirmed, followed to its end.
func TestBulkActionOnAGroupOfFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	const stuck = 103 // above a hundred the count is typed
	for i := range stuck {
		w.start(fmt.Sprintf("stuck-%d", i), order{Customer: "dan", Units: 100 + i, Fate: stuckOnTheWay})
	}
	for i := range stuck {
		w.settle(fmt.Sprintf("stuck-%d", i))
	}
	w.refunds.Store(true)
	p := open(t, w, desk)
	p.visit("/failures", fmt.Sprintf(`[...document.querySelectorAll(".cluster .how-many b")].some((b) => b.textContent === "%d")`, stuck))
	p.wait(`document.querySelector(".cluster .error").textContent.includes("<n>")`)
	p.click(".cluster [data-action=bulk]")
	p.fill("dialog[open] input[name=why]", "the gateway is back")
	p.fill("dialog[open] input[name=who]", "ann")
	p.do(`const s = document.querySelectorAll("dialog[open] select"); s[1].value = "undo"; s[1].dispatchEvent(new Event("change", {bubbles: true}))`)
	p.fill("dialog[open] input[name=step]", "charge")
	p.fill(`dialog[open] input[type=number]`, "1000")
	p.click("dialog[open] .btn.main")
	p.wait(fmt.Sprintf(`document.querySelector("dialog[open]").innerText.includes("%d sagas would be asked")`, stuck))
	p.wait(`document.querySelector("dialog[open] .btn.main").disabled`)
	p.fill("dialog[open] input[name=confirm]", fmt.Sprint(stuck))
	p.click("dialog[open] .btn.main")
	p.wait(`location.pathname.startsWith("/bulk/")`)
	p.wait(fmt.Sprintf(`document.querySelector(".chip.s-completed") && document.body.innerText.includes("%d obeyed")`, stuck))
	p.picture("bulk-done")
	p.accessible()
	p.visit("/", `document.querySelector(".tile.s-compensated b").textContent !== "0"`)
	p.wait(fmt.Sprintf(`document.querySelector(".tile.s-compensated b").textContent === "%d"`, stuck))
	p.sound()
}

// What a filter matches, and how it is said on the command line.
func TestListIsFilteredByItsAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.fill()
	p := open(t, w, desk)
	p.visit("/?status=stuck", `document.querySelectorAll("table.list tbody tr").length === 2`)
	p.wait(`document.querySelector("tr[data-id=order-stuck]").innerText.includes("waits for a person")`)
	p.wait(`document.querySelector(".page > .tight .cli code").textContent === "amends list --status stuck"`)
	p.visit("/?tag=customer%3Dbob", `document.querySelectorAll("table.list tbody tr").length === 1 && document.querySelector("tr[data-id=order-back]")`)
	// What was started in a certain hour of last night.
	p.visit("/?status=stuck", `document.querySelectorAll("table.list tbody tr").length === 2`)
	p.do(`const s = [...document.querySelectorAll(".filters select")].find((s) => s.options[s.options.length - 1].value === "range"); s.value = "range"; s.dispatchEvent(new Event("change", {bubbles: true}))`)
	p.fill("input[name=to]", "2001-01-01T03:00")
	p.wait(`document.querySelector(".empty") && new URLSearchParams(location.search).get("to") === "2001-01-01T03:00"`)
	p.wait(`/--status stuck .*--until 200[01]-\S+Z/.test(document.querySelector(".page > .tight .cli code").textContent)`)
	p.accessible()
	p.fill("input[name=to]", "2101-01-01T03:00")
	p.fill("input[name=from]", "2001-01-01T03:00")
	p.wait(`document.querySelectorAll("table.list tbody tr").length === 2 && location.search.includes("from=2001")`)
	// By keyboard: down the list, into a saga, and back.
	p.visit("/", `document.querySelectorAll("table.list tbody tr").length > 10`)
	p.press("j")
	p.press("j")
	p.wait(`document.querySelector("tr[aria-selected=true]") === document.querySelectorAll("table.list tbody tr")[1]`)
	id := eval[string](p, `document.querySelector("tr[aria-selected=true]").dataset.id`)
	p.press("\r")
	p.wait(fmt.Sprintf(`location.pathname === "/sagas/%s"`, id))
	p.do(`history.back()`)
	p.wait(`document.querySelector("table.list")`)
	// A view that is saved is there at the next visit.
	p.visit("/?status=compensated", `document.querySelector(".views")`)
	p.do(`[...document.querySelectorAll(".views .btn")].find((b) => b.textContent === "Save this view").click()`)
	p.fill(".views input", "Turned back")
	p.click(".views form .btn")
	p.visit("/", `document.querySelector(".views").innerText.includes("Turned back")`)
	p.sound()
	if got := eval[string](p, `document.title`); !strings.Contains(got, "Amends") {
		t.Errorf("the title is %q", got)
	}
}
