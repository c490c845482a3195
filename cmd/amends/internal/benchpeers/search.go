package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
)

// Numbers in flight of which the best is the peer's peak.
var candidates = []int{8, 16, 32, 64}

// trialShare is the part of a turn that a warm-up and each trial take.
const trialShare = 4

// settings of the Go runtime that a peer's processes are tried with: its own,
// and those of Amends' parts; or those of whoever runs this.
func settings() [][]string {
	if os.Getenv("GOMAXPROCS") != "" || os.Getenv("GODEBUG") != "" {
		return [][]string{nil}
	}
	return [][]string{nil, {fmt.Sprintf("GOMAXPROCS=%d", bench.CPUsOfPart(runtime.NumCPU())), "GODEBUG=" + bench.Awake}}
}

// search tries each way twice, once in each order, and takes what ran most sagas.
func (d *dtm) search(ctx context.Context, l load) (best way, err error) {
	numbers := candidates
	if l.InFlight != bench.Peak {
		numbers = []int{l.InFlight}
	}
	var ways []way
	var worlds []*world
	for _, s := range settings() {
		w, err := d.open(ctx, s)
		if err != nil {
			return way{}, err
		}
		defer w.close()
		if _, err := w.run(ctx, l.share(trialShare).with(numbers[0])); err != nil {
			return way{}, fmt.Errorf("warm-up: %w", err)
		}
		for _, n := range numbers {
			ways, worlds = append(ways, way{InFlight: n, Settings: s}), append(worlds, w)
		}
	}
	rates := make([]float64, len(ways))
	for i := range 2 * len(ways) {
		k := min(i, 2*len(ways)-1-i)
		r, err := worlds[k].run(ctx, l.share(trialShare).with(ways[k].InFlight))
		if err != nil {
			return way{}, fmt.Errorf("trial with %d in flight: %w", ways[k].InFlight, err)
		}
		rates[k] += r.Rate
	}
	most := 0.0
	for k, rate := range rates {
		if rate > most {
			best, most = ways[k], rate
		}
	}
	return best, nil
}

func (l load) with(inFlight int) load {
	l.InFlight = inFlight
	return l
}

func (d *dtm) turn(ctx context.Context, l load, how way) (Run, error) {
	w, err := d.open(ctx, how.Settings)
	if err != nil {
		return Run{}, err
	}
	defer w.close()
	l = l.with(how.InFlight)
	if _, err := w.run(ctx, l.share(trialShare)); err != nil {
		return Run{}, fmt.Errorf("warm-up: %w", err)
	}
	return w.run(ctx, l)
}
