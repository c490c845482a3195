// Package browsertest runs the tracing UI in a headless Chromium: every page and
// every action, on a world of real parts. It is a module of its own, so that
// what it needs stays out of users' graph of dependencies.
package browsertest

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/amends-io/amends/internal/browsertest/browser"
)

// lanes is how many tests run at a time. Each has a browser to itself meanwhile:
// of several tabs one is in front, and the others are drawn late.
const lanes = 2

var (
	browsers = make(chan context.Context, lanes)
	taken    sync.Map // by the test that has it
)

// take returns the browser of a test, which it gives back at its end.
func take(t testing.TB) context.Context {
	if b, ok := taken.Load(t); ok {
		return b.(context.Context)
	}
	b := <-browsers
	taken.Store(t, b)
	t.Cleanup(func() { taken.Delete(t); browsers <- b })
	return b
}

func TestMain(m *testing.M) {
	stop, err := start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if os.Getenv("CI") != "" || os.Getenv("AMENDS_BROWSER") == "required" {
			os.Exit(1)
		}
		fmt.Fprintln(os.Stderr, "THE TESTS OF THE UI DID NOT RUN. 'make browser' installs what they need, 'make test' demands it.")
		return
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// start starts the browsers.
func start() (stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	for range lanes {
		b, s, err := browser.Start(context.Background())
		if err != nil {
			stop()
			return nil, err
		}
		browsers <- b
		stops = append(stops, s)
	}
	return stop, nil
}

var (
	desk  = browser.Look{Width: 1440, Height: 1000}
	phone = browser.Look{Width: 390, Height: 844}
	wall  = browser.Look{Width: 2560, Height: 1300}
)

func dark(l browser.Look) browser.Look { l.Dark = true; return l }

// A page is a tab of a test, which fails with whatever goes wrong on it.
type page struct {
	*browser.Tab
	t     testing.TB
	world *world
}

func open(t testing.TB, w *world, l browser.Look) *page {
	t.Helper()
	tab, end, err := browser.Open(take(t), l)
	must(t, err)
	t.Cleanup(end)
	return &page{tab, t, w}
}

// visit opens an address below the world's, and waits until ready holds there.
func (p *page) visit(path, ready string) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.Ctx, chromedp.Navigate(p.world.url+path)))
	p.wait(ready)
}

const patience = 30 * time.Second

// wait waits until an expression holds on the page.
func (p *page) wait(expression string) {
	p.t.Helper()
	script := fmt.Sprintf(`new Promise((done) => { const began = performance.now(); const look = () => { let ok = false; try { ok = Boolean(%s); } catch {} ; if (ok || performance.now() - began > %d) done(ok); else setTimeout(look, 15); }; look(); })`, expression, patience.Milliseconds())
	ok, err := browser.Eval[bool](p.Tab, script)
	if err != nil || !ok {
		text, _ := browser.Eval[string](p.Tab, `document.body.innerText.slice(0, 1500)`)
		p.t.Fatalf("never true: %s (%v)\n%s\n%s", expression, err, strings.Join(p.Faults(), "\n"), text)
	}
}

func eval[T any](p *page, script string) T {
	p.t.Helper()
	v, err := browser.Eval[T](p.Tab, script)
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// do runs statements on the page.
func (p *page) do(script string) {
	p.t.Helper()
	if ok := eval[bool](p, "(() => {"+script+"; return true; })()"); !ok {
		p.t.Fatal(script)
	}
}

// click presses what a selector finds, as a person would.
func (p *page) click(selector string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("document.querySelector(%q)", selector))
	p.do(fmt.Sprintf(`const e = document.querySelector(%q); e.scrollIntoView({block: "center"}); e.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}))`, selector))
}

// fill writes into a field.
func (p *page) fill(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("document.querySelector(%q)", selector))
	p.do(fmt.Sprintf(`const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event("input", {bubbles: true})); e.dispatchEvent(new Event("change", {bubbles: true}))`, selector, text))
}

// press presses a key.
func (p *page) press(key string) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.Ctx, chromedp.KeyEvent(key)))
}

// sound fails the test with what went wrong on the page, and with requests to
// anybody else.
func (p *page) sound() {
	p.t.Helper()
	for _, fault := range p.Faults() {
		p.t.Errorf("on the page: %s", fault)
	}
	origin := p.world.url
	if i := strings.Index(origin[len("http://"):], "/"); i >= 0 {
		origin = origin[:len("http://")+i]
	}
	for _, r := range p.Requests() {
		if !strings.HasPrefix(r, origin+"/") && !strings.HasPrefix(r, "data:") && !strings.HasPrefix(r, "blob:") {
			p.t.Errorf("a request left the origin: %s", r)
		}
	}
}

// picture keeps what is in sight in the folder of pictures.
func (p *page) picture(name string) {
	p.t.Helper()
	b, err := p.Screenshot()
	must(p.t, err)
	dir := os.Getenv("AMENDS_PICTURES")
	if dir == "" {
		dir = "pictures"
	}
	must(p.t, os.MkdirAll(dir, 0o755))
	must(p.t, os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644))
}

//go:embed testdata/axe.min.js.gz
var axeFile []byte

var axe = sync.OnceValue(func() string {
	z, err := gzip.NewReader(bytes.NewReader(axeFile))
	if err != nil {
		panic(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return string(b)
})

// accessible fails the test with each violation that axe-core finds.
func (p *page) accessible() {
	p.t.Helper()
	must(p.t, second(browser.Eval[any](p.Tab, axe()+"; null")))
	found := eval[string](p, `axe.run(document, {resultTypes: ["violations"], preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then((r) => JSON.stringify(r.violations.map((v) => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 4).map((n) => n.target.join(" ") + " " + n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))}))))`)
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	must(p.t, json.Unmarshal([]byte(found), &violations))
	for _, v := range violations {
		p.t.Errorf("axe: %s: %s\n  %s", v.ID, v.Help, strings.Join(v.Nodes, "\n  "))
	}
}

func second[T any](_ T, err error) error { return err }
