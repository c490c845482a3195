package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
)

// A load is what a client does: so many sagas of a path, or as many as it can
// start in so many seconds, and so many of them in flight.
type load struct {
	Path     string  `json:"path"`
	InFlight int     `json:"in_flight"` // or bench.Peak
	Sagas    int     `json:"sagas,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	Tag      string  `json:"tag,omitempty"` // begins the ids, where a system wants one
}

func (l load) String() string {
	switch l.InFlight {
	case bench.Peak:
		return l.Path + ", peak"
	case 1:
		return l.Path + ", one at a time"
	}
	return fmt.Sprintf("%s, %d in flight", l.Path, l.InFlight)
}

// share is one part of n of the load.
func (l load) share(n int) load {
	l.Seconds /= float64(n)
	if l.Sagas > 0 {
		l.Sagas = max(l.Sagas/n, 1)
	}
	return l
}

// A way is how a system is run with a load: as it was found to do most.
type way struct {
	InFlight int      `json:"in_flight"`
	Settings []string `json:"settings,omitempty"` // of the Go runtime of its processes, if not its own
}

// A system runs sagas.
type system interface {
	name() string
	// search finds the way to run a load.
	search(ctx context.Context, l load) (way, error)
	// turn starts the whole system, warms it up, and puts a load on.
	turn(ctx context.Context, l load, w way) (Run, error)
}

// A Run is what a turn came to. Its fields are those of 'amends bench'.
type Run struct {
	InFlight  int                `json:"in_flight"`
	Sagas     int                `json:"sagas"`
	Seconds   float64            `json:"seconds"`
	Rate      float64            `json:"sagas_per_second"`
	P50       float64            `json:"p50_ms"`
	P99       float64            `json:"p99_ms"`
	CPU       float64            `json:"cpu_ms_per_saga"`
	CPUByPart map[string]float64 `json:"cpu_ms_by_part"`
}

// A Round is one turn of each.
type Round struct {
	AmendsFirst bool `json:"amends_first"`
	Amends      Run  `json:"amends"`
	Peer        Run  `json:"peer"`
}

// A Point is one load, and its rounds.
type Point struct {
	Path   string  `json:"path"`
	Load   string  `json:"load"`
	Amends way     `json:"amends"`
	Peer   way     `json:"peer"`
	Rounds []Round `json:"rounds"`
	Ratios Ratios  `json:"amends_to_peer"`
}

// A Report is what was measured.
type Report struct {
	Date   time.Time `json:"date"`
	Go     string    `json:"go"`
	CPUs   int       `json:"cpus"`
	Peer   string    `json:"peer"`
	Points []Point   `json:"points"`
}

type comparison struct {
	amends, peer system
	rounds       int
	progress     func(text string)
}

func (c comparison) compare(ctx context.Context, loads []load) (Report, error) {
	r := Report{Date: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), CPUs: runtime.NumCPU(), Peer: c.peer.name()}
	for _, l := range loads {
		p, err := c.point(ctx, l)
		if err != nil {
			return Report{}, fmt.Errorf("%s: %w", l, err)
		}
		r.Points = append(r.Points, p)
	}
	return r, nil
}

// point compares with one load.
func (c comparison) point(ctx context.Context, l load) (p Point, err error) {
	p = Point{Path: l.Path, Load: l.String()}
	c.progress(p.Load + ": trials")
	if p.Amends, err = c.amends.search(ctx, l); err != nil {
		return Point{}, fmt.Errorf("%s: %w", c.amends.name(), err)
	}
	if p.Peer, err = c.peer.search(ctx, l); err != nil {
		return Point{}, fmt.Errorf("%s: %w", c.peer.name(), err)
	}
	for i := range c.rounds {
		round := Round{AmendsFirst: i%2 == 0}
		turns := []func() error{
			func() (err error) { round.Amends, err = c.turn(ctx, c.amends, l, p.Amends); return err },
			func() (err error) { round.Peer, err = c.turn(ctx, c.peer, l, p.Peer); return err },
		}
		if !round.AmendsFirst {
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return Point{}, err
			}
		}
		p.Rounds = append(p.Rounds, round)
	}
	p.Ratios = ratios(p.Rounds)
	return p, nil
}

func (c comparison) turn(ctx context.Context, s system, l load, w way) (Run, error) {
	r, err := s.turn(ctx, l, w)
	if err != nil {
		return Run{}, fmt.Errorf("%s: %w", s.name(), err)
	}
	c.progress(fmt.Sprintf("%s: %s: %.0f sagas/s, p50 %.2f ms, CPU %.3f ms a saga", l, s.name(), r.Rate, r.P50, r.CPU))
	return r, nil
}
