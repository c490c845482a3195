package browsertest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Every payload is shown through one hook, so that who may not see it can be kept
// from it: nothing of an order is on a page whose hook hides everything.
func TestPayloadsAreShownThroughOneHook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	const secret = 4711 // as a number, in a text, and in what a step answers
	w.start("order-1", order{Customer: "ann", Units: secret, Note: fmt.Sprint("note ", secret), Fate: refusedAtPayment})
	w.start("order-2", order{Customer: "ann", Units: secret})
	w.settle("order-1")
	w.settle("order-2")
	look := func(p *page) (seen []string) {
		for _, saga := range []string{"order-1", "order-2"} {
			p.visit("/sagas/"+saga+"?step=reserve-stock", `document.querySelectorAll(".payload").length >= 3 && document.querySelector(".changes, .card .muted")`)
			p.click("[aria-label='message of row 3']")
			p.wait(`document.querySelector(".more .payload")`)
			p.click(".log tbody tr:nth-child(1) .what")
			p.wait(`[...document.querySelectorAll(".side h2")].some((e) => e.textContent.startsWith("Message")) && document.querySelectorAll(".side .payload").length >= 2`)
			for _, tab := range []string{"changes", "whole", "side by side"} {
				// From the start to the end everything differs.
				p.do(`const s = document.querySelector('select[aria-label="Compare from"]'); s.value = s.options[1].value; s.dispatchEvent(new Event("change", {bubbles: true}))`)
				p.do(fmt.Sprintf(`[...document.querySelectorAll(".tabs button")].find((b) => b.textContent === %q).click()`, tab))
				p.wait(map[string]string{"changes": `document.querySelectorAll(".changes tbody tr").length > 5`, "whole": `document.querySelector("[aria-label='state']")`, "side by side": `document.querySelector(".both .payload")`}[tab])
				seen = append(seen, eval[string](p, `document.querySelector("main").textContent.replaceAll(/credit limit reached: \d+.40 left, \d+.50 asked/g, "")`))
			}
		}
		return seen
	}
	for _, text := range look(open(t, w, desk)) {
		if !strings.Contains(text, strconv.Itoa(secret)) {
			t.Fatal("without a hook nothing is hidden, and yet it is not there: this test sees nothing")
		}
	}
	const shown, hidden = `export const redact = (value, context) => value;`, `export const redact = (value) => typeof value === "string" ? '"hidden"' : { hidden: true };`
	w.rewrite("/permits.js", shown, hidden)
	p := open(t, w, desk)
	for i, text := range look(p) {
		if at := strings.Index(text, strconv.Itoa(secret)); at >= 0 {
			t.Errorf("look %d: a payload is shown past the hook: …%s…", i, text[max(0, at-200):min(len(text), at+40)])
		}
	}
	p.sound()
}

// What is large is cut, and what is very large is not even asked for, until
// somebody wants all of it.
func TestLargePayloadsAreCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	const end = "the very end"
	w.start("order-20k", order{Customer: "ann", Units: 1, Note: strings.Repeat("x", 20_000) + end})
	w.start("order-200k", order{Customer: "ann", Units: 1, Note: strings.Repeat("x", 200_000) + end})
	w.settle("order-20k")
	w.settle("order-200k")
	p := open(t, w, desk)
	const all, first = `[...document.querySelectorAll(".panel .btn")].find((b) => b.textContent.startsWith("Load all"))`, `document.querySelector(".panel pre")`
	p.visit("/sagas/order-20k?step=reserve-stock", all+`.textContent === "Load all" && `+first+`.textContent.length < 9000`)
	p.do(all + `.click()`)
	p.wait(first + `.textContent.includes("` + end + `") && !(` + all + `)`)
	p.visit("/sagas/order-200k?step=reserve-stock", all+`.textContent === "Load all 195.4 KiB"`)
	for _, r := range p.Requests() {
		if strings.HasPrefix(r, w.url+"/api/v1/sagas/order-200k/messages/") && strings.HasSuffix(r, "/body") && !strings.Contains(r, "/messages/"+fmt.Sprint(w.answer("order-200k"))+"/") {
			t.Errorf("what is very large was asked for: %s", r)
		}
	}
	p.do(all + `.click()`)
	p.wait(all + `.textContent === "Load all" && ` + first + `.textContent.length < 9000`)
	p.do(all + `.click()`)
	p.wait(first + `.textContent.includes("` + end + `")`)
	p.sound()
}

// answer is where the first reply to a saga is, which is small.
func (w *world) answer(id string) uint64 {
	for _, e := range w.history(id) {
		if e.Kind == "reply" {
			return e.Sequence
		}
	}
	return 0
}

// rewrite puts a proxy in front of the world that serves one file changed.
func (w *world) rewrite(file, from, to string) {
	w.t.Helper()
	behind, err := url.Parse(w.url)
	must(w.t, err)
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Header.Set("Accept-Encoding", "identity")
	}}
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.HasSuffix(r.Request.URL.Path, file) {
			return nil
		}
		b, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Contains(b, []byte(from)) {
			return fmt.Errorf("%s has no %q (%w)", file, from, err)
		}
		b = bytes.ReplaceAll(b, []byte(from), []byte(to))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		r.Header.Set("Content-Length", strconv.Itoa(len(b)))
		return nil
	}
	s := httptest.NewServer(proxy)
	w.url = s.URL
	w.t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
}
