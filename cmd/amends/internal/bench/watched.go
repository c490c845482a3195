package bench

import (
	"context"
	"fmt"
	"slices"
)

// pairs are how many rounds of each kind are made. One pair says little: what a
// saga costs differs by some per cent from one round to the next.
const pairs = 16

// ReaderParts are the parts that there are with readers only.
var ReaderParts = []string{roleConsole, roleReaders}

// Compared are the names of what readers may cost something.
var Compared = append([]string{Engine, roleNATS, roleOrchestrator, roleRedis}, ReaderParts...)

// Engine is what drives sagas, and keeps their histories.
const Engine = "engine"

// Watched says what live readers cost. Rounds without and with them alternate
// in one session; its runs are these rounds.
type Watched struct {
	Readers int              `json:"readers"`
	Pairs   int              `json:"pairs"`
	Events  float64          `json:"events_per_second"` // that readers saw
	Costs   map[string]Costs `json:"costs"`             // of a part, or of the engine, which is nats and orchestrator
}

// Costs are medians of CPU, and what readers add to it. The quartiles are of
// the pairs, and there are none for parts that do little but serve readers.
type Costs struct {
	Without float64    `json:"without_ms_per_saga"`
	With    float64    `json:"with_ms_per_saga"`
	Added   *Quartiles `json:"added_percent,omitempty"`
}

// Quartiles of some figures.
type Quartiles struct {
	P25    float64 `json:"p25"`
	Median float64 `json:"median"`
	P75    float64 `json:"p75"`
}

// watched makes the rounds of a point, in a journal of its own.
func (b *bench) watched(ctx context.Context, p Point) (runs []Run, err error) {
	s, err := b.session(ctx, p)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.openReaders(ctx); err != nil {
		return nil, err
	}
	l := b.part(p.Path, p.InFlight, 1)
	l.Readers = b.cfg.Readers
	b.cfg.Progress(p.String() + ": warming up")
	if _, err := s.load(ctx, l); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	for n := range 2 * pairs {
		// Each kind goes first every other time: what drifts touches both alike.
		l.Readers = 0
		if (n/2+n)%2 == 1 {
			l.Readers = b.cfg.Readers
		}
		run, err := s.measure(ctx, l)
		if err != nil {
			return nil, err
		}
		if run.Readers > 0 && run.Events == 0 {
			return nil, fmt.Errorf("%d readers saw no event", run.Readers)
		}
		b.cfg.Progress(fmt.Sprintf("%s: round %d of %d, %d readers: engine %.3f ms a saga", p, n+1, 2*pairs, run.Readers, run.cost(Engine)))
		runs = append(runs, run)
	}
	return runs, nil
}

// openReaders starts the parts that only readers want.
func (s *session) openReaders(ctx context.Context) error {
	set := setup{Role: roleConsole, Name: roleConsole, Redis: s.b.redis, Prefix: s.prefix, Profile: s.b.cfg.Profile}
	if err := s.start(ctx, set); err != nil {
		return err
	}
	set = setup{Role: roleReaders, Name: roleReaders, Console: s.parts[len(s.parts)-1].url, Profile: s.b.cfg.Profile}
	if err := s.start(ctx, set); err != nil {
		return err
	}
	s.readers = s.parts[len(s.parts)-1]
	return nil
}

// watch has the readers of a load look on; without any it stops them, and
// returns how many events they saw.
func (s *session) watch(ctx context.Context, l load) (events int64, err error) {
	if s.readers == nil {
		return 0, nil
	}
	r, err := s.readers.ask(ctx, question{Watch: &l})
	return r.Events, err
}

// newWatched compares rounds that were made in pairs.
func newWatched(runs []Run) *Watched {
	w := &Watched{Pairs: len(runs) / 2, Costs: make(map[string]Costs)}
	var without, with []Run
	for _, r := range runs {
		if r.Readers == 0 {
			without = append(without, r)
			continue
		}
		with = append(with, r)
		w.Readers = r.Readers
		w.Events += float64(r.Events) / r.Seconds / float64(w.Pairs)
	}
	w.Events = rounded(w.Events, 0)
	for _, name := range Compared {
		if _, known := runs[0].CPUByPart[name]; !known && name != Engine {
			continue // somebody's server
		}
		w.Costs[name] = newCosts(name, without, with)
	}
	return w
}

func newCosts(name string, without, with []Run) Costs {
	var before, after, added []float64
	for i := range without {
		a, b := without[i].cost(name), with[i].cost(name)
		before, after = append(before, a), append(after, b)
		if a > 0 {
			added = append(added, 100*(b-a)/a)
		}
	}
	c := Costs{Without: rounded(quartiles(before).Median, 4), With: rounded(quartiles(after).Median, 4)}
	if len(added) == len(without) && !slices.Contains(ReaderParts, name) {
		q := quartiles(added)
		c.Added = &Quartiles{rounded(q.P25, 1), rounded(q.Median, 1), rounded(q.P75, 1)}
	}
	return c
}

// cost is the CPU of a part, or of the engine, in ms a saga.
func (r Run) cost(name string) float64 {
	if name == Engine {
		return r.CPUByPart[roleNATS] + r.CPUByPart[roleOrchestrator]
	}
	return r.CPUByPart[name]
}

// quartiles of an empty list are zero. Between two figures it is their mean in
// proportion.
func quartiles(list []float64) Quartiles {
	if len(list) == 0 {
		return Quartiles{}
	}
	list = slices.Sorted(slices.Values(list))
	at := func(share float64) float64 {
		place := share * float64(len(list)-1)
		i := int(place)
		if i+1 == len(list) {
			return list[i]
		}
		return list[i] + (place-float64(i))*(list[i+1]-list[i])
	}
	return Quartiles{at(0.25), at(0.5), at(0.75)}
}
