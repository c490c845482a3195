package browsertest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What happens shows itself, and does not move the reader.
func TestLiveUpdateLeavesTheReaderInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-slow", order{Customer: "fay", Units: 2, Fate: slowShipping})
	p := open(t, w, desk)
	p.visit("/sagas/order-slow", `document.querySelector("[data-node='do:ship'].o-open") && document.querySelector("[data-live=live]")`)
	p.click("[data-node='do:charge']")
	p.do(`document.querySelector(".log").scrollTop = 30; scrollTo(0, 200)`)
	// Where the reader is: what is in sight, wherever the page's beginning went.
	const place = `document.querySelector(".log").scrollTop + " " + Math.round(document.querySelector("#waterfall").getBoundingClientRect().top) + " " + location.search`
	before := eval[string](p, place)
	w.hurry()
	p.wait(`document.querySelector("h1 ~ .row .s-completed") && document.querySelector("[data-node='do:confirm'].o-done")`)
	p.wait(`document.querySelector(".pill") && document.querySelector(".pill").innerText.includes("new event")`)
	if after := eval[string](p, place); after != before {
		t.Errorf("the reader was at %s, and is at %s", before, after)
	}
	p.click(".pill button")
	p.wait(`!document.querySelector(".pill") && document.querySelector(".log").innerText.includes("completed")`)
	p.sound()
}

// The list shows what was started meanwhile.
func TestListIsLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-1", order{Customer: "ann", Units: 1})
	p := open(t, w, desk)
	p.visit("/", `document.querySelector("tr[data-id=order-1]") && document.querySelector("[data-live=live]")`)
	w.start("order-2", order{Customer: "ann", Units: 2})
	p.wait(`document.querySelector("tr[data-id=order-2]")`)
	// Whoever has gone on to older ones is told, and not moved.
	for i := range 30 {
		w.start(fmt.Sprintf("early-%d", i), order{Customer: "bob", Units: 1})
	}
	w.settle("early-29")
	p.wait(`document.querySelectorAll("table.list tbody tr").length === 32`)
	p.do(`scrollTo(0, 400)`)
	w.start("order-3", order{Customer: "ann", Units: 3})
	p.wait(`[...document.querySelectorAll(".list-head .btn")].some((b) => b.textContent.includes("There are news"))`)
	if moved := eval[string](p, `scrollY + " " + Boolean(document.querySelector("tr[data-id=order-3]"))`); moved != "400 false" {
		t.Errorf("the reader was moved: %s", moved)
	}
	p.do(`[...document.querySelectorAll(".list-head .btn")].find((b) => b.textContent.includes("There are news")).click()`)
	p.wait(`document.querySelector("tr[data-id=order-3]") && scrollY === 0`)
	p.sound()
}

// Whoever hears the page is told what happens by itself, and not every second.
func TestLiveRegionsAreCalm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-slow", order{Customer: "fay", Units: 2, Fate: slowShipping})
	p := open(t, w, desk)
	p.visit("/sagas/order-slow", `document.querySelector("[data-node='do:ship'].o-open") && document.querySelector("[data-live=live]") && /unknown in/.test(document.querySelector(".waits").innerText)`)
	p.do(`window.told = []; window.toldAt = []; window.ticks = new Set();
		new MutationObserver((all) => { for (const m of all) { const e = m.target.nodeType === 1 ? m.target : m.target.parentElement; if (e?.closest("[role=status], [role=alert], [aria-live]")) { window.told.push(e.textContent); window.toldAt.push(performance.now()); } } window.ticks.add(document.querySelector(".waits")?.innerText); }).observe(document.body, { subtree: true, childList: true, characterData: true })`)
	p.wait(`window.ticks.size > 3`) // the time that is left is counted down
	if told := eval[string](p, `window.told.join("; ")`); told != "" {
		t.Errorf("said although nothing happened: %s", told)
	}
	w.hurry()
	p.wait(`/^completed, \d+ new events$/.test(document.querySelector("[data-part=told]").textContent)`)
	// Where the news come slowly there is more to say: at once, and every five seconds or so.
	if n := eval[int](p, `window.told.length - 1 - Math.floor((window.toldAt.at(-1) - window.toldAt[0] + 2500) / 5000)`); n > 0 {
		t.Errorf("said more often than every five seconds: %s", eval[string](p, `window.told.map((text, i) => Math.round(window.toldAt[i]) + " ms: " + text).join("; ")`))
	}
	p.sound()
}

// When the server is gone the page says that it may be old; when it is back the
// page goes on from where it had read to, and has missed nothing.
func TestAPageOutlivesItsServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-slow", order{Customer: "fay", Units: 2, Fate: slowShipping})
	stop := w.listen("127.0.0.1:0")
	p := open(t, w, desk)
	p.visit("/sagas/order-slow", `document.querySelector("[data-node='do:ship'].o-open") && document.querySelector("[data-live=live]")`)
	p.do(`window.sameDocument = true`)
	p.sound()
	stop()
	p.wait(`document.querySelector("[data-live=lost]").innerText === "disconnected" && document.querySelector("[data-live=lost]").title.includes("may be old")`)
	p.picture("disconnected")
	w.hurry()
	w.settle("order-slow")
	t.Cleanup(w.listen(w.url[len("http://"):]))
	p.wait(`document.querySelector("h1 ~ .row .s-completed") && !document.querySelector("[data-live=lost]") && window.sameDocument`)
	shown := `[...new Set([...document.querySelectorAll(".log .c-seq")].slice(1).map((e) => Number(e.textContent)))]`
	p.do(`document.querySelector(".log").style.maxHeight = "none"`)
	want := w.sequences("order-slow")
	p.wait(`JSON.stringify(` + shown + `) === ` + "`" + want + "`")
	p.Faults() // that nobody answered is said on the console, too
}

// listen serves the world's console at an address, until it is stopped: a page
// can outlive it there.
func (w *world) listen(address string) (stop func()) {
	w.t.Helper()
	l, err := net.Listen("tcp", address)
	must(w.t, err)
	c := w.console("", false)
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: c}}
	s.Start()
	w.url = s.URL
	return func() { c.Close(); s.CloseClientConnections(); s.Close() }
}

// An entry is what the tests read of a message of a history.
type entry struct {
	Sequence    uint64
	Kind, Input string
}

func (w *world) history(id string) []entry {
	w.t.Helper()
	r, err := http.Get(w.url + "/api/v1/sagas/" + id + "/history")
	must(w.t, err)
	defer r.Body.Close()
	var h struct{ Entries []entry }
	must(w.t, json.NewDecoder(r.Body).Decode(&h))
	return h.Entries
}

// sequences lists those of a saga's messages, as JSON.
func (w *world) sequences(id string) string {
	w.t.Helper()
	var all []uint64
	for _, e := range w.history(id) {
		all = append(all, e.Sequence)
	}
	b, err := json.Marshal(all)
	must(w.t, err)
	return string(b)
}

// controls lists the ids of what operators asked of a saga.
func (w *world) controls(id string) (inputs []string) {
	w.t.Helper()
	for _, e := range w.history(id) {
		if e.Kind == "control" {
			inputs = append(inputs, e.Input)
		}
	}
	return inputs
}
