package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A load is what a client does: so many sagas, or as many as it can start in so
// many seconds, and so many of them in flight. It is a closed loop: each that
// ends makes room for one more. With a rate it is an open one, as long as there
// is room: sagas are due at a steady pace, however long each takes.
type load struct {
	Path     string  `json:"path"`
	InFlight int     `json:"in_flight"`
	Sagas    int     `json:"sagas,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	Rate     int     `json:"rate,omitempty"`    // sagas a second
	Readers  int     `json:"readers,omitempty"` // who look on
	Tag      string  `json:"tag"`               // begins the ids
}

// loaded is what came of a load. The percentiles are of all its sagas, each
// from before its start is sent until its end is known, or, with a rate, from
// when it was due: a saga that had to wait for room is late.
type loaded struct {
	Sagas   int     `json:"sagas"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50"` // ms
	P99     float64 `json:"p99"`
	Last    string  `json:"last"` // id of one that ended late
	Events  int64   `json:"-"`    // that readers saw meanwhile
}

func (l loaded) rate() float64 { return float64(l.Sagas) / l.Seconds }

// sagaPatience is how long one saga may take, before something must be wrong.
const sagaPatience = time.Minute

// one runs the saga with that id from its start to its end.
type one func(ctx context.Context, path, id string) error

// run puts the load on.
func (l load) run(ctx context.Context, one one) (loaded, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var group sync.WaitGroup
	var next atomic.Int64
	samples := make([][]time.Duration, l.InFlight)
	began := time.Now()
	for i := range l.InFlight {
		group.Go(func() {
			for ctx.Err() == nil && (l.Seconds == 0 || time.Since(began).Seconds() < l.Seconds) {
				n := next.Add(1)
				if l.Sagas > 0 && n > int64(l.Sagas) {
					return
				}
				start, ok := l.await(ctx, began, n)
				if !ok {
					return
				}
				if err := within(ctx, one, l.Path, sagaID(l.Tag, n)); err != nil {
					fail(err)
					return
				}
				samples[i] = append(samples[i], time.Since(start))
			}
		})
	}
	group.Wait()
	seconds := time.Since(began).Seconds()
	if err := context.Cause(ctx); err != nil {
		return loaded{}, err
	}
	all := slices.Concat(samples...)
	slices.Sort(all)
	return loaded{
		Sagas: len(all), Seconds: seconds, P50: percentile(all, 50), P99: percentile(all, 99),
		Last: sagaID(l.Tag, int64(len(all))),
	}, nil
}

// await waits until saga n is due, and returns since when it is; ok is false
// if it is none of this load.
func (l load) await(ctx context.Context, began time.Time, n int64) (due time.Time, ok bool) {
	if l.Rate == 0 {
		return time.Now(), true
	}
	after := time.Duration(n-1) * time.Second / time.Duration(l.Rate)
	if l.Seconds > 0 && after.Seconds() >= l.Seconds {
		return time.Time{}, false
	}
	due = began.Add(after)
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return due, true
	case <-ctx.Done():
		return time.Time{}, false
	}
}

// sagaID is as long for the first saga as for the last.
func sagaID(tag string, n int64) string { return fmt.Sprintf("%s-%08d", tag, n) }

func within(ctx context.Context, one one, path, id string) error {
	ctx, cancel := context.WithTimeout(ctx, sagaPatience)
	defer cancel()
	return one(ctx, path, id)
}

// percentile is the least sample, in ms, that p of a hundred are not above.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return float64(sorted[max(rank, 1)-1].Microseconds()) / 1000
}

// openClient starts sagas and waits for their ends, as any client does that
// wants to know no more than how they ended.
func (w *worker) openClient(s setup, nc *nats.Conn) error {
	c, err := client.New(nc, client.WithPrefix(s.Prefix))
	if err != nil {
		return err
	}
	before := w.close
	w.close = func() { c.Close(); before() }
	run := func(ctx context.Context, path, id string) error {
		want := instance.Completed
		if path == Compensate {
			want = instance.Compensated
		}
		h, err := client.Start(ctx, c, placeOrder, newOrder(id, path == Compensate), client.ID(id))
		if err != nil {
			return err
		}
		out, err := h.Wait(ctx, client.StatusOnly())
		switch {
		case err != nil:
			return fmt.Errorf("saga %s: %w", id, err)
		case out.Status != want || h.Existed():
			return fmt.Errorf("saga %s is %s (%s), want %s; existed before: %t", id, out.Status, out.Reason, want, h.Existed())
		}
		return nil
	}
	w.load = func(ctx context.Context, l load) (loaded, error) { return l.run(ctx, run) }
	return nil
}
