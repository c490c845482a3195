package browsertest

import (
	"fmt"
	"testing"
)

// Every key does what the help says, nothing else, and nothing at all once they
// are turned off.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-back", order{Customer: "bob", Units: 12, Fate: refusedAtPayment})
	w.settle("order-back")
	p := open(t, w, desk)
	p.visit("/sagas/order-back", `document.querySelector(".turned") && document.querySelectorAll(".log tbody tr").length > 10`)
	for key, card := range map[string]string{"g": "graph", "w": "waterfall", "e": "events"} {
		p.press(key)
		p.wait(fmt.Sprintf(`document.activeElement.id === %q`, card))
	}
	const selected = `document.querySelector(".log tr[aria-selected=true]")?.getAttribute("aria-rowindex")`
	p.press("j")
	p.wait(selected + ` === "2"`)
	p.press("j")
	p.press("j")
	p.press("k")
	p.wait(`Number(` + selected + `) >= 2 && new URLSearchParams(location.search).get("seq")`)
	p.press("\x1b")
	p.wait(`location.search === ""`)
	// What one types into a field is text.
	p.press("/")
	p.wait(`document.activeElement.id === "log-filter"`)
	p.press("g")
	p.press("[")
	p.wait(`document.activeElement.id === "log-filter" && document.activeElement.value.endsWith("g[") && !location.search.includes("at=")`)
	p.fill("#log-filter", "")
	p.do(`document.activeElement.blur()`)
	p.press("[")
	p.wait(`location.search.includes("at=")`)
	p.press("n")
	p.wait(`!location.search.includes("at=")`)
	// Wherever the keyboard is, one sees it.
	for range 40 {
		p.press("\t")
		seen := eval[string](p, `(() => { const e = document.activeElement, look = getComputedStyle(e.querySelector(":scope > .box") ?? e);
			return (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2) || parseFloat(look.strokeWidth) >= 2.5 ? "" : e.outerHTML.slice(0, 200); })()`)
		if seen != "" {
			t.Errorf("the keyboard is here, and nobody sees it: %s", seen)
		}
	}
	p.do(`document.activeElement.blur(); scrollTo(0, 0)`)
	// The help opens, has no fault, and turns them off, for the next visit too.
	p.press("?")
	p.wait(`document.querySelector("dialog[open] kbd")`)
	p.accessible()
	p.picture("help")
	p.press("[")
	p.wait(`document.querySelector("dialog[open]") && !location.search.includes("at=")`)
	p.click("dialog[open] input[type=checkbox]")
	p.press("\x1b")
	p.wait(`!document.querySelector("dialog[open]")`)
	for range 2 {
		p.press("e")
		p.press("[")
		p.press("/")
		if eval[bool](p, `location.search !== "" || document.activeElement.id !== ""`) {
			t.Error("a key that was turned off does something")
		}
		p.visit("/sagas/order-back", `document.querySelector(".turned") && document.querySelectorAll(".log tbody tr").length > 10`)
	}
	p.sound()
}

// The theme that a person chose stays, whatever the system says; without one the
// system's is followed while the page is open.
func TestTheme(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	p := open(t, w, dark(desk))
	const ground = `getComputedStyle(document.documentElement).backgroundColor`
	p.visit("/", `document.querySelector("[aria-label='Use the light theme']")`)
	night := eval[string](p, ground)
	must(t, p.System(false))
	p.wait(`document.querySelector("[aria-label='Use the dark theme']") && ` + ground + ` !== "` + night + `"`)
	must(t, p.System(true))
	p.click("[aria-label='Use the light theme']")
	p.wait(`document.documentElement.dataset.theme === "light" && ` + ground + ` !== "` + night + `"`)
	p.visit("/failures", `document.querySelector("[aria-label='Use the dark theme']") && document.documentElement.dataset.theme === "light"`)
	p.click("[aria-label='Use the dark theme']")
	p.wait(ground + ` === "` + night + `"`)
	p.sound()
}

// The dialogs in which a person acts are as accessible as the pages, in both themes.
func TestDialogsAreAccessible(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-stuck", order{Customer: "dan", Units: 900, Fate: stuckOnTheWay})
	w.settle("order-stuck")
	for _, l := range looks {
		if l.name != "light" && l.name != "phone-dark" {
			continue // both themes, both widths
		}
		p := open(t, w, l.Look)
		p.visit("/sagas/order-stuck?step=charge&dir=undo", `document.querySelector(".panel [data-action=resolve-undone]")`)
		p.click(".panel [data-action=resolve-undone]")
		p.wait(`document.querySelector("dialog[open] .cli")`)
		p.click("dialog[open] input[type=checkbox]")
		p.wait(`document.querySelector("dialog[open] .banner")`)
		p.accessible()
		p.picture("dialog-" + l.name)
		p.visit("/failures", `document.querySelector(".cluster [data-action=bulk]")`)
		p.click(".cluster [data-action=bulk]")
		p.wait(`document.querySelector("dialog[open] select")`)
		p.accessible()
		p.picture("dialog-bulk-" + l.name)
		p.sound()
	}
}
