package browsertest

import (
	"fmt"
	"testing"
)

// A bulk action that runs is stopped from its page, and says how far it came.
func TestABulkActionIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	const stuck = 25 // at one a second there is time to stop it
	for i := range stuck {
		w.start(fmt.Sprintf("stuck-%d", i), order{Customer: "dan", Units: 100 + i, Fate: stuckOnTheWay})
	}
	for i := range stuck {
		w.settle(fmt.Sprintf("stuck-%d", i))
	}
	p := open(t, w, desk)
	p.beginBulk(stuck, 1)
	p.picture("bulk-running")
	p.accessible()
	p.click("[data-action=stop]")
	p.wait(`document.querySelector("h1 ~ .chip").innerText === "stopped" && !document.querySelector("[data-action=stop]")`)
	if asked := eval[int](p, `Number(document.querySelector("[role=progressbar]").getAttribute("aria-valuenow"))`); asked < 1 || asked >= stuck {
		t.Errorf("%d of %d were asked before it stopped", asked, stuck)
	}
	p.click(`.facts a[href*="/audit?"]`)
	p.wait(`[...document.querySelectorAll("table.audit tbody tr")].some((r) => r.innerText.includes("try again") && r.innerText.includes("of a bulk action"))`)
	p.sound()
}

// The member that runs a bulk action dies: its page says that nobody remembers
// it, how far this browser saw it come, and lets one go on. Nobody is asked twice.
func TestABulkActionOutlivesItsMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	const stuck = 25
	for i := range stuck {
		w.start(fmt.Sprintf("stuck-%d", i), order{Customer: "dan", Units: 100 + i, Fate: stuckOnTheWay})
	}
	for i := range stuck {
		w.settle(fmt.Sprintf("stuck-%d", i))
	}
	stop := w.listen("127.0.0.1:0")
	p := open(t, w, desk)
	p.beginBulk(stuck, 2)
	p.wait(`document.querySelector("[role=progressbar]").getAttribute("aria-valuenow") > 1`)
	p.sound()
	stop()
	w.verbs.Close()
	w.verbs = w.newVerbs()
	w.refunds.Store(true)
	t.Cleanup(w.listen(w.url[len("http://"):]))
	p.wait(`document.querySelector(".empty h2").innerText.startsWith("Nobody remembers bulk action bulk-") && /running, \d+ of 25 asked/.test(document.querySelector(".empty").innerText)`)
	p.Faults() // that nobody answered is said on the console, too
	p.picture("bulk-forgotten")
	p.accessible()
	p.click("[data-action=go-on]")
	p.wait(`document.querySelector("dialog[open] input[name=why]").value === "try again" && document.querySelector("dialog[open] input[name=step]").value === "charge"`)
	p.fill(`dialog[open] input[type=number]`, "1000")
	p.click("dialog[open] .btn.main")
	p.wait(`document.querySelector("dialog[open] .banner").innerText.includes("would be asked")`)
	p.click("dialog[open] .btn.main")
	p.wait(`document.querySelector("h1 ~ .chip").innerText === "done"`)
	id := eval[string](p, `location.pathname.slice("/bulk/".length)`)
	for i := range stuck {
		asked := w.controls(fmt.Sprintf("stuck-%d", i))
		if len(asked) != 1 || asked[0] != id {
			t.Errorf("stuck-%d was asked by %v", i, asked)
		}
	}
	p.sound()
}

// The answer to a request is lost, and the person asks once more: nobody is
// asked twice, neither one saga nor many.
func TestARequestWhoseAnswerIsLostIsAskedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	const stuck = 3
	for i := range stuck {
		w.start(fmt.Sprintf("stuck-%d", i), order{Customer: "dan", Units: 100 + i, Fate: stuckOnTheWay})
	}
	for i := range stuck {
		w.settle(fmt.Sprintf("stuck-%d", i))
	}
	w.refunds.Store(true)
	p := open(t, w, desk)
	const lose = `const real = window.fetch; let lost = false; window.fetch = async (to, o) => {
		const answer = await real(to, o);
		if (lost || o?.method !== "POST" || o.body.includes("dry_run")) return answer;
		lost = true;
		throw new TypeError("lost");
	}`
	p.visit("/sagas/stuck-0?step=charge&dir=undo", `document.querySelector(".panel [data-action=retry]")`)
	p.do(lose)
	p.click(".panel [data-action=retry]")
	p.fill("dialog[open] input[name=why]", "try again")
	p.click("dialog[open] .btn.main")
	p.wait(`document.querySelector("dialog[open]").innerText.includes("does not answer")`)
	p.click("dialog[open] .btn.main")
	p.wait(`!document.querySelector("dialog[open]")`)

	w.refunds.Store(false)
	p.visit("/?status=stuck", `document.querySelector("[data-action=bulk]:not([disabled])")`)
	p.do(lose)
	p.click("[data-action=bulk]")
	p.wait(`document.querySelector("dialog[open] select[name=action]")`)
	p.do(`const s = document.querySelector("dialog[open] select[name=action]"); s.value = "suspend"; s.dispatchEvent(new Event("change", {bubbles: true}))`)
	p.fill("dialog[open] input[name=why]", "wait")
	p.click("dialog[open] .btn.main")
	p.wait(`document.querySelector("dialog[open]").innerText.includes("2 sagas would be asked")`)
	p.click("dialog[open] .btn.main")
	p.wait(`document.querySelector("dialog[open]").innerText.includes("does not answer")`)
	p.click("dialog[open] .btn.main")
	p.wait(`location.pathname.startsWith("/bulk/") && document.querySelector("h1 ~ .chip").innerText === "done"`)
	for i := range stuck {
		if asked := w.controls(fmt.Sprintf("stuck-%d", i)); len(asked) != 1 {
			t.Errorf("stuck-%d was asked by %v", i, asked)
		}
	}
	p.sound()
}

// beginBulk begins to retry what is stuck, so many a second.
func (p *page) beginBulk(stuck, rate int) {
	p.t.Helper()
	p.visit("/failures", `document.querySelector(".cluster [data-action=bulk]")`)
	p.click(".cluster [data-action=bulk]")
	p.fill("dialog[open] input[name=why]", "try again")
	p.do(`const s = document.querySelectorAll("dialog[open] select"); s[1].value = "undo"; s[1].dispatchEvent(new Event("change", {bubbles: true}))`)
	p.fill("dialog[open] input[name=step]", "charge")
	p.fill(`dialog[open] input[type=number]`, fmt.Sprint(rate))
	p.click("dialog[open] .btn.main")
	p.wait(fmt.Sprintf(`document.querySelector("dialog[open]").innerText.includes("%d sagas would be asked")`, stuck))
	p.click("dialog[open] .btn.main")
	p.wait(`location.pathname.startsWith("/bulk/") && document.querySelector("[role=progressbar]").getAttribute("aria-valuenow") > 0`)
}

// Where the console is read only the pages say so, and offer nothing; what asks
// all the same is refused, with the reason.
func TestAReadOnlyConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-stuck", order{Customer: "dan", Units: 900, Fate: stuckOnTheWay})
	w.settle("order-stuck")
	p := open(t, w, desk)
	p.visit("/sagas/order-stuck", `document.querySelector("[data-action=retry]:not(:disabled)")`)
	if eval[bool](p, `Boolean(document.querySelector("[data-part=read-only]"))`) {
		t.Error("a console that may change things says that it is read only")
	}
	w.serve("", true)
	p = open(t, w, desk)
	for i, path := range []string{"/sagas/order-stuck?step=charge&dir=undo", "/failures", "/"} {
		p.visit(path, `document.querySelector("[data-action]") && document.querySelector("[data-part=read-only]").innerText === "read only"`)
		p.wait(`[...document.querySelectorAll("[data-action]")].every((b) => b.disabled && b.title.startsWith("read only"))`)
		p.picture("read-only-" + fmt.Sprint(i))
		p.accessible()
		p.sound()
	}
	told := eval[string](p, `fetch("/api/v1/sagas/order-stuck/control", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"action":"retry","step":"charge","direction":"undo","reason":"x"}'}).then(async (r) => r.status + " " + r.headers.get("Content-Type") + " " + (await r.json()).code)`)
	if told != "403 application/problem+json read-only" {
		t.Errorf("an action is answered by %q", told)
	}
}
