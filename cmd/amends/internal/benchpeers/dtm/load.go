package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const compensate = "compensate" // the path of a saga whose third step is refused

// A load is a closed loop, as that of 'amends bench': so many sagas in flight,
// and each that ends makes room for one more.
type load struct {
	Path     string  `json:"path"`
	InFlight int     `json:"in_flight"`
	Sagas    int     `json:"sagas,omitempty"`   // how many; or
	Seconds  float64 `json:"seconds,omitempty"` // for how long they are started
	Tag      string  `json:"tag"`               // begins the ids
}

// loaded is what came of a load; the percentiles, in ms, are of all its sagas.
type loaded struct {
	Sagas   int     `json:"sagas"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
}

func (l load) run(one func(path, id string) error) (loaded, error) {
	var group sync.WaitGroup
	var next atomic.Int64
	samples := make([][]time.Duration, l.InFlight)
	errs := make(chan error, l.InFlight)
	began := time.Now()
	for i := range l.InFlight {
		group.Go(func() {
			for len(errs) == 0 && (l.Seconds == 0 || time.Since(began).Seconds() < l.Seconds) {
				n := next.Add(1)
				if l.Sagas > 0 && n > int64(l.Sagas) {
					return
				}
				start := time.Now()
				if err := one(l.Path, sagaID(l.Tag, n)); err != nil {
					errs <- err
					return
				}
				samples[i] = append(samples[i], time.Since(start))
			}
		})
	}
	group.Wait()
	seconds := time.Since(began).Seconds()
	select {
	case err := <-errs:
		return loaded{}, err
	default:
	}
	all := slices.Concat(samples...)
	if len(all) == 0 {
		return loaded{}, fmt.Errorf("no saga in %.1f s", seconds)
	}
	slices.Sort(all)
	return loaded{Sagas: len(all), Seconds: seconds, P50: percentile(all, 50), P99: percentile(all, 99)}, nil
}

// sagaID is as long for the first saga as for the last.
func sagaID(tag string, n int64) string { return fmt.Sprintf("%s-%08d", tag, n) }

// percentile is the least sample, in ms, that p of a hundred are not above.
func percentile(sorted []time.Duration, p int) float64 {
	rank := (len(sorted)*p + 99) / 100
	return float64(sorted[max(rank, 1)-1].Microseconds()) / 1000
}
