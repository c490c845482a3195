package browsertest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator/client"
)

// One selection in graph, waterfall and events, and in the address; a link to
// it shows the same again.
func TestOneSelectionInAllViews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.fill()
	p := open(t, w, desk)
	p.visit("/sagas/order-retried", `document.querySelector("[data-node='do:charge']") && document.querySelectorAll(".log tbody tr").length > 10`)
	p.click("[data-node='do:charge']")
	const selected = `document.querySelector("[data-node='do:charge'].sel") && document.querySelector(".waterfall .line.sel .name").textContent.startsWith("charge") && document.querySelectorAll(".log tr.same").length > 5 && document.querySelectorAll(".attempt").length === 3`
	p.wait(selected + ` && location.search === "?step=charge"`)
	// An attempt of the waterfall selects its event.
	p.click(".attempt:nth-child(2) .attempt-head")
	p.wait(`new URLSearchParams(location.search).get("attempt") === "2" && document.querySelector(".log tr[aria-selected=true]")`)
	address := eval[string](p, `location.pathname + location.search`)
	host, err := os.Hostname()
	must(t, err)
	for _, key := range []string{"input", "output", "idempotency key", "participant", "answered by", "@" + strings.ToLower(host)} {
		if !strings.Contains(strings.ToLower(eval[string](p, `document.querySelector(".side").innerText`)), key) {
			t.Errorf("the panel says nothing of %s", key)
		}
	}
	again := open(t, w, desk)
	again.visit(address, selected+` && document.querySelector(".log tr[aria-selected=true]") && document.querySelector(".attempt.sel b").textContent === "attempt 2"`)
	// An event selects its step.
	again.do(`[...document.querySelectorAll(".log .what")].find((b) => b.innerText.includes("do ship/1 done")).click()`)
	again.wait(`document.querySelector("[data-node='do:ship'].sel")`)
	again.press("\x1b") // Escape
	again.wait(`!document.querySelector(".node.sel") && location.search === ""`)
	// The log's filter, with a regular expression that is none too.
	again.press("/")
	again.wait(`document.activeElement.id === "log-filter"`)
	again.fill("#log-filter", "/charge\\/[12] failed/")
	again.wait(`document.querySelectorAll(".log tbody tr:not(.space)").length === 2`)
	again.fill("#log-filter", "/(/")
	again.wait(`document.querySelector("#log-filter[aria-invalid]")`)
	again.visit("/participants", fmt.Sprintf(`[...document.querySelectorAll("[aria-label=Instances] td:nth-child(2)")].some((e) => e.textContent === %q)`, host))
	p.sound()
	again.sound()
}

// Looking back, every view is as of that point.
func TestTimeTravel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.fill()
	p := open(t, w, desk)
	p.visit("/sagas/order-back", `document.querySelector(".turned") && document.querySelectorAll(".log tbody tr").length > 10`)
	outcome := func(node string) string {
		return eval[string](p, fmt.Sprintf(`document.querySelector("[data-node='%s']").getAttribute("class")`, node))
	}
	if got := outcome("undo:reserve-stock"); !strings.Contains(got, "o-undone") {
		t.Errorf("in the end: %s", got)
	}
	p.fill(`.travel input[type=range]`, "2")
	p.wait(`document.querySelector(".past-note") && new URLSearchParams(location.search).get("at")`)
	p.wait(`!document.querySelector(".turned") && document.querySelector(".past-note").innerText.includes("running")`)
	if got := outcome("do:reserve-stock"); !strings.Contains(got, "o-open") {
		t.Errorf("after three messages: %s", got)
	}
	if got := outcome("undo:reserve-stock"); !strings.Contains(got, "o-idle") {
		t.Errorf("after three messages: %s", got)
	}
	p.wait(`document.querySelectorAll(".log tr.later").length > 5 && !document.querySelector(".waterfall .band.undo")`)
	p.wait(`document.querySelector(".changes tbody tr")`)
	p.press("]")
	p.press("]")
	p.wait(`document.querySelector("[data-node='do:reserve-stock']").getAttribute("class").includes("o-done")`)
	p.press("n")
	p.wait(`!document.querySelector(".past-note") && document.querySelector(".turned")`)
	// The difference between any two points.
	p.do(`const s = document.querySelector('select[aria-label="Compare from"]'); s.value = s.options[1].value; s.dispatchEvent(new Event("change", {bubbles: true}))`)
	p.wait(`document.querySelector(".changes").innerText.includes("status")`)
	p.sound()
}

// Where nobody serves, the pages say so.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, err := client.Start(t.Context(), w.client, lonely, order{Customer: "ann", Units: 1}, client.ID("call-1"))
	must(t, err)
	p := open(t, w, desk)
	p.visit("/sagas/call-1", `document.querySelector(".deaf") && document.querySelector(".deaf").innerText.includes("Nobody listens")`)
	p.accessible()
	p.visit("/participants", `[...document.querySelectorAll(".card")].some((c) => c.innerText.startsWith("nobody") && c.innerText.includes("Nobody listens for this step"))`)
	p.sound()
}

// Two sagas over one plan: what became of each step in both, where they differ,
// and where only one of them went.
func TestTwoSagasAreCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-back", order{Customer: "bob", Units: 12, Fate: refusedAtPayment})
	w.start("order-retried", order{Customer: "cid", Units: 7, Fate: retriedPayment})
	w.settle("order-back")
	w.settle("order-retried")
	p := open(t, w, desk)
	p.visit("/compare?a=order-back&b=order-retried", `document.querySelector(".banner").innerText.includes("They part at") && document.querySelector(".banner").innerText.includes("charge")`)
	p.wait(`document.querySelector("[data-node='do:charge'].o-refused.differs .mark.other.o-done") && document.querySelector("[data-node='do:reserve-stock'].o-done:not(.differs) .mark.other.o-done")`)
	if got := eval[string](p, `["forward", "back"].map((k) => [...document.querySelectorAll(".way." + k + ".taken.alone")].length > 0).join() + " " + document.querySelectorAll(".graph svg").length`); got != "true,true 1" {
		t.Errorf("ways that only one of them went, and graphs: %s", got)
	}
	p.do(`[...document.querySelectorAll(".tabs button")].find((b) => b.textContent === "side by side").click()`)
	p.wait(`document.querySelectorAll(".graph svg").length === 2 && !document.querySelector(".differs") && location.search.includes("view=both")`)
	p.sound()
}

// How the pages of a saga are looked at stands in the address, too.
func TestTheViewIsInTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	// It waits between its attempts: there is idle time to cut, however fast it is.
	w.start("order-retried", order{Customer: "cid", Units: 7, Fate: retriedPayment})
	w.settle("order-retried")
	p := open(t, w, desk)
	const path = "/sagas/order-retried?idle=shown&critical=1&by=clock&data=both"
	const looks = `document.querySelectorAll(".waterfall .line.critical").length > 1 && !document.querySelector(".waterfall .gap") && document.querySelector(".both .payload") && document.querySelector(".travel input").max === "1000"`
	p.visit(path, looks)
	p.do(`[...document.querySelectorAll("#waterfall input")].forEach((i) => i.click())`)
	p.wait(`location.search === "?by=clock&data=both" && document.querySelector(".waterfall .gap") && !document.querySelector(".waterfall .critical")`)
	p.do(`[...document.querySelectorAll(".tabs button")].filter((b) => b.textContent === "by message" || b.textContent === "changes").forEach((b) => b.click())`)
	p.wait(`location.search === "" && document.querySelector(".changes") && document.querySelector(".travel input").max !== "1000"`)
	p.sound()
}

// What a saga waits for is said: which attempt of how many, when, and why; on the
// list, too.
func TestAPageSaysWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, err := client.Start(t.Context(), w.client, patient, order{Customer: "ann", Units: 1}, client.ID("call-1"))
	must(t, err)
	p := open(t, w, desk)
	p.visit("/sagas/call-1", `/do call: attempt 2 of 4 begins in ([45]\d min|1 h).* – no line/.test(document.querySelector(".waits").innerText.replaceAll("\n", " "))`)
	p.click(".waits .link")
	p.wait(`document.querySelector(".panel").innerText.includes("1 attempt, 4 by its policy")`)
	p.visit("/?retrying=true", `/do call: attempt 2 in .*, after: no line/.test(document.querySelector("tr[data-id=call-1]").innerText)`)
	w.start("order-letter", order{Customer: "hal", Units: 5, Fate: lostLetter})
	w.settle("order-letter")
	// Where a person has to decide, what may be done stands beside it.
	p.visit("/sagas/order-letter", `document.querySelector(".banner.s-stuck .waits [data-action=resolve-done]") && document.querySelector(".banner.s-stuck").innerText.includes("after attempt 1 of")`)
	p.accessible()
	p.ask("retry", "again", "amends retry order-letter --step confirm --why again")
	p.wait(`document.querySelector(".banner.s-stuck .waits").innerText.includes("waits for a person after attempt 2")`)
	p.sound()
}

// Payloads, reasons and tags are shown as text, whatever they are.
func TestHostilePayloadsStayText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.fill()
	p := open(t, w, desk)
	for _, path := range []string{"/sagas/order-hostile?step=charge", "/sagas/order-hostile?step=reserve-stock", "/sagas/order-hostile?view=list", "/failures", "/?tag=customer%3D%3Cb%3Emallory%3C%2Fb%3E"} {
		p.visit(path, `document.body.innerText.includes("<img src=x") || document.body.innerText.includes("<b>mallory</b>")`)
		if eval[bool](p, `Boolean(window.hacked || document.querySelector("#app img, #app script, #app b b, main iframe"))`) {
			t.Errorf("%s: a payload became markup", path)
		}
	}
	p.visit("/sagas/order-hostile?step=reserve-stock", `[...document.querySelectorAll(".payload pre")].some((e) => e.textContent.includes("<script>"))`)
	p.sound()
}
