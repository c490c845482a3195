package endtoend_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
)

var errTooLarge = errors.New("the parcel is too large")

// BenchmarkSagas runs sagas of three steps, everything but Redis in one
// process, at several numbers in flight.
func BenchmarkSagas(b *testing.B) {
	for _, inFlight := range []int{1, 16, 512} {
		for path, units := range map[string]int{"happy": 1, "compensate": 13} {
			b.Run(fmt.Sprintf("%s/%d", path, inFlight), func(b *testing.B) { benchmark(b, inFlight, units) })
		}
	}
}

func benchmark(b *testing.B, inFlight, units int) {
	w := newWorld(b, 1)
	w.serve()
	w.orchestrate("a")
	c := w.client()
	run := func(id string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		h, err := client.Start(ctx, c, placeOrder, order{id, units}, client.ID(id))
		if err != nil {
			b.Error(err)
			return
		}
		out, err := h.Wait(ctx, client.StatusOnly())
		if err != nil || (out.Status == instance.Completed) != (units == 1) {
			b.Errorf("%s: %v, %v", id, out.Status, err)
		}
	}
	run("warm-up")
	b.ResetTimer()
	work := make(chan int)
	var group sync.WaitGroup
	for range inFlight {
		group.Go(func() {
			for n := range work {
				run(fmt.Sprintf("o-%d", n))
			}
		})
	}
	for n := range b.N {
		work <- n
	}
	close(work)
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sagas/s")
}
