package browsertest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"

	"github.com/amends-io/amends/orchestrator/client"
)

// Budgets of a page that shows a saga with 10,000 events.
const (
	mostRows  = 300
	mostHeap  = 60 << 20
	fewEvents = 10_000
)

// startLong runs a saga with about 10,000 events to its end.
func (w *world) startLong() {
	w.t.Helper()
	_, err := client.Start(w.t.Context(), w.client, long, order{Customer: "ann", Units: 1}, client.ID("long-1"))
	must(w.t, err)
	w.settle("long-1")
}

const rowsOnPage = `document.querySelectorAll(".log tbody tr, .waterfall .line, .waterfall .band, .steps li, .attempt, table tbody tr").length`

// However long a history is, the page draws what is in sight.
func TestASagaOfTenThousandEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.startLong()
	p := open(t, w, desk)
	began := time.Now()
	p.visit("/sagas/long-1?step=try-03", `document.querySelector("[data-node='do:try-03'].sel") && document.querySelectorAll(".waterfall .line").length > 10 && document.querySelectorAll(".log tbody tr").length > 10`)
	usable := time.Since(began)
	p.wait(`document.querySelector(".log-tools .how-many").textContent.trim().match(/^[0-9\u2009]+ events$/)`)
	complete := time.Since(began)
	events := number(eval[string](p, `document.querySelector(".log-tools .how-many").textContent`))
	rows := eval[int](p, rowsOnPage)
	p.do(`document.querySelector(".log").scrollTop = 150000`)
	p.wait(`[...document.querySelectorAll(".log tbody tr")].some((r) => r.getAttribute("aria-rowindex") > 5000)`)
	rows = max(rows, eval[int](p, rowsOnPage))
	p.fill(".travel input[type=range]", "3000")
	p.wait(`document.querySelector(".past-note")`)
	rows = max(rows, eval[int](p, rowsOnPage))
	heap := p.heap()
	t.Logf("%d events: usable after %v, all of them after %v; %d rows, %.1f MB of heap", events, usable.Round(time.Millisecond), complete.Round(time.Millisecond), rows, float64(heap)/(1<<20))
	if events < fewEvents {
		t.Errorf("the saga has %d events: the test needs %d", events, fewEvents)
	}
	if rows > mostRows {
		t.Errorf("%d rows are in the page, at most %d may be", rows, mostRows)
	}
	if heap > mostHeap {
		t.Errorf("%d bytes of heap", heap)
	}
	p.sound()
	t.Run("rows open in place", func(t *testing.T) { rowsOpenInPlace(t, w) })
}

// number reads a count as the page writes it.
func number(text string) int {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	n, _ := strconv.Atoi(digits) // no digits are no events
	return n
}

// heap is what scripts hold after a collection.
func (p *page) heap() int {
	p.t.Helper()
	must(p.t, chromedp.Do(p.Ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, heapprofiler.CollectGarbage, cdp.Empty{})
		return chromedp.Void{}, err
	}))
	return eval[int](p, `performance.memory.usedJSHeapSize`)
}

// BenchmarkUI measures what docs/benchmarks.md says of the pages: a page of a
// long saga until it can be used, and what an idle page costs the server. The
// server is this process, so that its CPU time is what the page costs.
func BenchmarkUI(b *testing.B) {
	if b.N > 1 {
		b.Skip("one run is all: 'make bench-ui'")
	}
	w := newWorld(b, "")
	w.startLong()
	w.fill()
	var opened []time.Duration
	for range 5 {
		p := open(b, w, desk)
		began := time.Now()
		p.visit("/sagas/long-1", `document.querySelector("[data-node='do:try-03']") && document.querySelectorAll(".waterfall .line").length > 10 && document.querySelectorAll(".log tbody tr").length > 10`)
		opened = append(opened, time.Since(began))
		p.do(`location.href = "about:blank"`)
	}
	b.ReportMetric(float64(median(opened).Milliseconds()), "ms-until-usable")

	idle := cpu(b, 8*time.Second)
	p := open(b, w, desk)
	p.visit("/", `document.querySelector("[data-live=live]")`)
	list := cpu(b, 12*time.Second)
	p.visit("/sagas/order-slow", `document.querySelector("[data-live=live]")`)
	saga := cpu(b, 12*time.Second)
	b.ReportMetric(100*(list-idle), "%core-idle-list")
	b.ReportMetric(100*(saga-idle), "%core-idle-saga")
	fmt.Printf("%s/%s, %d CPUs; the world alone takes %.2f %% of a core\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), 100*idle)
}

func median(list []time.Duration) time.Duration {
	for i := range list {
		for k := i; k > 0 && list[k] < list[k-1]; k-- {
			list[k], list[k-1] = list[k-1], list[k]
		}
	}
	return list[len(list)/2]
}

// cpu is which part of a core this process takes, over a while.
func cpu(t testing.TB, while time.Duration) float64 {
	t.Helper()
	before := ticks(t)
	<-time.After(while)
	const perSecond = 100 // USER_HZ of every Linux
	return float64(ticks(t)-before) / perSecond / while.Seconds()
}

func ticks(t testing.TB) int64 {
	t.Helper()
	stat, err := os.ReadFile("/proc/self/stat")
	must(t, err)
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	user, err := strconv.ParseInt(f[11], 10, 64)
	must(t, err)
	system, err := strconv.ParseInt(f[12], 10, 64)
	must(t, err)
	return user + system
}
