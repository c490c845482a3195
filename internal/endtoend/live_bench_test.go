//go:build unix

package endtoend_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/console"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// How the cost of live readers is measured.
const (
	liveRate    = 2000 // sagas a second
	liveReaders = 50   // of them, every fifth follows the list, and the others a saga that was just started
	liveRound   = 4 * time.Second
	liveStay    = time.Second // that a reader looks at one saga
)

// BenchmarkLiveReaders runs sagas at a steady rate, in rounds with and without
// people who watch them live, and reports what a saga costs in CPU time of this
// process: NATS server, orchestrator, participants, client, console and the
// readers' own side together. It is to be run with -benchtime 11x: each time is
// a round of both kinds, and what is reported is the median of the pairs.
func BenchmarkLiveReaders(b *testing.B) {
	w := newWorld(b, 1)
	w.serve()
	w.orchestrate("a")
	l := &live{w: w, client: w.client(), url: w.console()}
	l.round("warm-up") // nobody counts
	var without, cost []float64
	for n := 0; b.Loop(); n++ {
		// Each kind goes first every other time: what drifts touches both alike.
		pair := [2]float64{}
		for _, kind := range [2]int{n % 2, 1 - n%2} {
			stop := func() {}
			if kind == 1 {
				stop = l.watch()
			}
			pair[kind] = l.round(fmt.Sprintf("%d-%d", n, kind))
			stop()
		}
		without = append(without, pair[0])
		cost = append(cost, 100*(pair[1]-pair[0])/pair[0])
	}
	slices.Sort(without)
	slices.Sort(cost)
	b.ReportMetric(without[len(without)/2], "ms-CPU/saga-without")
	b.ReportMetric(cost[len(cost)/4], "%-cost-p25")
	b.ReportMetric(cost[len(cost)/2], "%-cost")
	b.ReportMetric(cost[3*len(cost)/4], "%-cost-p75")
	b.ReportMetric(float64(l.events.Load())/float64(len(cost)), "events/round")
	b.ReportMetric(0, "ns/op")
}

// A live is a world with sagas at a steady rate, and readers.
type live struct {
	w      *world
	client *client.Client
	url    string
	newest atomic.Pointer[string] // id of the saga that was started last
	events atomic.Int64           // that readers saw
}

// console serves the API as its own process would: on connections of its own.
func (w *world) console() (url string) {
	w.t.Helper()
	nc := natstest.Connect(w.t, w.nats)
	journal, err := natsjournal.Open(context.Background(), nc)
	if err != nil {
		w.t.Fatal(err)
	}
	view, err := redisview.Open(context.Background(), w.rdb)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := client.New(nc)
	if err != nil {
		w.t.Fatal(err)
	}
	v := verbs.New(verbs.Config{Journal: journal, View: view, Sagas: c.Sagas(), Fleet: c, Log: quiet()})
	h, err := console.New(console.Config{Verbs: v, Feed: c, Log: quiet()})
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(h)
	w.t.Cleanup(func() {
		h.Close()
		server.Close()
		v.Close()
		c.Close()
		journal.Close()
	})
	return server.URL + console.Prefix
}

// round runs sagas for a while, and returns the CPU time that each took.
func (l *live) round(name string) (millis float64) {
	l.w.t.Helper()
	var group sync.WaitGroup
	before, began := cpu(l.w.t), time.Now()
	sagas := 0
	for ; time.Since(began) < liveRound; sagas++ {
		if ahead := time.Duration(sagas)*time.Second/liveRate - time.Since(began); ahead > 0 {
			<-time.After(ahead)
		}
		id := fmt.Sprintf("%s-%d", name, sagas)
		group.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			h, err := client.Start(ctx, l.client, placeOrder, order{id, 1}, client.ID(id))
			if err == nil {
				l.newest.Store(&id)
				_, err = h.Wait(ctx, client.StatusOnly())
			}
			if err != nil {
				l.w.t.Error(err)
			}
		})
	}
	group.Wait()
	if rate := float64(sagas) / time.Since(began).Seconds(); rate < 0.95*liveRate {
		l.w.t.Logf("%s: only %.0f sagas a second", name, rate)
	}
	return (cpu(l.w.t) - before).Seconds() * 1000 / float64(sagas)
}

// watch has readers look on until they are stopped.
func (l *live) watch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for i := range liveReaders {
		group.Go(func() {
			for ctx.Err() == nil {
				if i%5 == 0 {
					l.read(ctx, l.url+"/stream?list=true")
				} else {
					short, cancel := context.WithTimeout(ctx, liveStay)
					l.read(short, l.url+"/stream?saga="+*l.newest.Load())
					<-short.Done()
					cancel()
				}
			}
		})
	}
	return func() { cancel(); group.Wait() }
}

func (l *live) read(ctx context.Context, url string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		l.w.t.Error(err)
		return
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return // its time was over
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if len(lines.Bytes()) > 5 && string(lines.Bytes()[:5]) == "data:" {
			l.events.Add(1)
		}
	}
}

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
