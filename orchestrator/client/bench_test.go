package client_test

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
)

// BenchmarkStartToEnd measures from the call of Start until the client knows
// the end, of sagas of three steps: one journal on disk without fsync, the view
// in memory, two participants, all in this process.
func BenchmarkStartToEnd(b *testing.B) {
	for _, inFlight := range []int{1, 16, 256, 2048} {
		for _, option := range []struct {
			name    string
			options []client.WaitOption
		}{{"status", []client.WaitOption{client.StatusOnly()}}, {"value", nil}} {
			b.Run(fmt.Sprintf("inflight=%d/%s", inFlight, option.name), func(b *testing.B) {
				w := newWorld(b)
				w.log = slog.New(slog.DiscardHandler)
				w.serve("a", func(c *orchestrator.Config) { c.Log = w.log })
				w.participate()
				measure(b, w.client(), inFlight, option.options)
			})
		}
	}
}

func measure(b *testing.B, c *client.Client, inFlight int, options []client.WaitOption) {
	took := make([]time.Duration, 0, b.N)
	var mu sync.Mutex
	var group sync.WaitGroup
	next := make(chan int)
	run := func(id string) {
		began := time.Now()
		h, err := client.Start(b.Context(), c, placeOrder, order{ID: id}, client.ID(id))
		if err == nil {
			_, err = h.Wait(b.Context(), options...)
		}
		if err != nil {
			b.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(began))
	}
	run("warm-up")
	took = took[:0]
	for range inFlight {
		group.Go(func() {
			for n := range next {
				run(fmt.Sprint("o-", n))
			}
		})
	}
	b.ResetTimer()
	for n := range b.N {
		next <- n
	}
	close(next)
	group.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "sagas/s")
}
