package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/participants/protocol"
)

// asked has people ask for something of the sagas of fill: what is obeyed, what
// is refused, and what says that it is more than text.
func (w *world) asked() {
	w.t.Helper()
	ask := func(id string, f func(client.Saga) error) {
		w.t.Helper()
		s, err := w.client.Saga(w.t.Context(), id)
		if err == nil {
			err = f(s)
		}
		must(w.t, err)
	}
	by := func(who, why string) client.By { return client.By{Who: who, Why: why} }
	undo := client.StepRef{Step: "charge", Direction: protocol.Undo}
	ask("order-stuck", func(s client.Saga) error {
		_, err := s.Retry(w.t.Context(), by("ann@example.com", "the gateway says that it is back, ticket 4711"), undo)
		return err
	})
	w.settle("order-stuck")
	ask("order-slow", func(s client.Saga) error {
		_, err := s.Suspend(w.t.Context(), by("bob", "the warehouse burns"))
		return err
	})
	ask("order-slow", func(s client.Saga) error {
		_, err := s.Suspend(w.t.Context(), client.By{Who: "night-shift", Why: strings.Repeat("nobody told us whether it still burns; ", 6), Input: "bulk-0199"})
		return err
	})
	ask("order-slow", func(s client.Saga) error {
		_, err := s.Resume(w.t.Context(), by("bob", "it is out"))
		return err
	})
	ask("order-stuck", func(s client.Saga) error {
		_, err := s.Cancel(w.t.Context(), by(evil, evil))
		return err
	})
	ask("order-slow", func(s client.Saga) error {
		_, err := s.Cancel(w.t.Context(), by("ann@example.com", ""))
		return err
	})
}

const auditRows = `[...document.querySelectorAll("table.audit tbody tr")]`

// Whatever is asked for on the pages shows up in the audit with who and why, and
// is found there by each filter, page by page, and in the file.
func TestAnAuditOfWhatWasAskedForOnThePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.fill()
	p := open(t, w, desk)
	p.visit("/audit", `document.querySelector(".empty").innerText.includes("Nobody asked for anything yet")`)
	p.visit("/sagas/order-slow", `document.querySelector("[data-action=suspend]")`)
	p.ask("suspend", "the warehouse burns", "amends suspend order-slow")
	p.wait(`document.querySelector("[data-action=resume]")`)
	p.ask("resume", "it is out", "amends resume order-slow")
	p.click(`.nav a[href$="/audit"]`)
	p.wait(auditRows + `.length === 2 && ` + auditRows + `[0].innerText.includes("resume") && ` + auditRows + `[0].innerText.includes("it is out")`)
	p.wait(auditRows + `[1].innerText.includes("the warehouse burns") && ` + auditRows + `[1].querySelector(".a-who").innerText === "ann" && ` + auditRows + `[1].innerText.includes("obeyed")`)

	// What came meanwhile shows itself, newest first; a hostile name stays text.
	w.asked()
	p.wait(auditRows + `.length === 8`)
	p.wait(fmt.Sprintf(`%s[1].querySelector(".a-who").textContent === %q && %s[1].innerText.includes("refused")`, auditRows, evil, auditRows))
	p.wait(fmt.Sprintf(`%s[1].querySelector(".a-why").textContent === %q && !window.hacked && !document.querySelector(".audit img, .audit script")`, auditRows, evil))
	p.wait(`document.querySelector(".page > .tight .cli code").textContent === "amends audit"`)
	p.accessible()

	// Each filter stands in the address, in words, and in the command.
	p.fill("#audit-who", "bob")
	p.wait(auditRows + `.length === 2 && location.search === "?who=bob" && document.querySelector(".cli code").textContent === "amends audit --by bob"`)
	p.click(".list-head .btn.on")
	p.wait(auditRows + `.length === 8 && location.search === ""`)
	p.do(`const s = document.querySelector(".filters select"); s.value = "suspend"; s.dispatchEvent(new Event("change", {bubbles: true}))`)
	p.wait(auditRows + `.length === 3 && document.querySelector(".cli code").textContent === "amends audit --action suspend"`)
	p.visit("/audit?saga=order-stuck&action=retry&since=24h", auditRows+`.length === 1 && `+auditRows+`[0].innerText.includes("undo")`)
	p.visit("/audit?from=2000-01-01&until=2000-01-31", `document.querySelector(".empty").innerText.includes("Nobody asked for that") && document.querySelector(".cli code").textContent === "amends audit --since 2000-01-01 --until 2000-02-01"`)
	p.sound()
	p.visit("/audit?saga=*", `document.querySelector("[role=alert]").innerText.includes("*")`)
	p.Faults() // a 400 is said on the console, too, and is what is looked for here

	// By keyboard to the request in the saga's history.
	p.visit("/audit?who=night-shift", auditRows+`.length === 1`)
	p.wait(auditRows + `[0].querySelector("a[href$='/bulk/bulk-0199']")`)
	p.press("j")
	p.wait(`document.querySelector("tr[aria-selected=true]")`)
	sequence := eval[string](p, `document.querySelector("tr[aria-selected=true]").dataset.request.split(" ")[1]`)
	p.press("\r")
	p.wait(`location.pathname === "/sagas/order-slow" && location.search === "?seq=` + sequence + `" && document.querySelector("tr.sel, tr[aria-selected=true]")`)
	p.sound()
}

func TestAnAuditGoesOnPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-slow", order{Customer: "ann", Units: 1, Fate: slowShipping})
	const all = 130 // a page has 100
	s, err := w.client.Saga(t.Context(), "order-slow")
	must(t, err)
	for i := range all {
		_, err := s.Suspend(t.Context(), client.By{Who: "ann", Why: fmt.Sprint("try ", i)})
		must(t, err)
	}
	p := open(t, w, desk)
	p.visit("/audit", auditRows+fmt.Sprintf(`.length === 100 && %s[0].innerText.includes("try %d")`, auditRows, all-1))
	p.click(".pager a.btn")
	p.wait(fmt.Sprintf(`%s.length === %d && %s[0].innerText.includes("try %d") && %s.at(-1).innerText.includes("try 0")`, auditRows, all-100, auditRows, all-101, auditRows))
	p.click(".pager a.btn")
	p.wait(auditRows + `.length === 100 && location.search === ""`)
	// The file has all of them, a request a line.
	p.do(`window.kept = []; const make = URL.createObjectURL; URL.createObjectURL = (blob) => { blob.text().then((t) => window.kept.push(t)); return make(blob); }`)
	p.click("[data-part=save]")
	p.wait(fmt.Sprintf(`window.kept.length === 1 && window.kept[0].trim().split("\n").length === %d && JSON.parse(window.kept[0].split("\n")[0]).reason === "try %d"`, all, all-1))
	p.sound()
}
