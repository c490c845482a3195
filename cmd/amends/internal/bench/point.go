package bench

import (
	"context"
	"fmt"
	"slices"
)

// Numbers in flight of which the best is the peak.
var candidates = []int{128, 256, 512, 1024}

// keptInFlight is how many of the sagas that are kept run at a time.
const keptInFlight = 512

// Parts of a run's time, or of its sagas, that are spent before it.
const (
	warmUpShare = 4 // a quarter
	trialShare  = 4
	scoreSagas  = 2000 // before the one that the bare pipeline plays: numbers have the usual length then
)

// point makes one run: in a journal of its own, after a warm-up.
func (b *bench) point(ctx context.Context, p Point) (run Run, err error) {
	if p.Path == Bare && b.score == nil {
		if err := b.compose(ctx); err != nil {
			return Run{}, fmt.Errorf("the saga to play again: %w", err)
		}
	}
	inFlight := p.InFlight
	if inFlight == Peak {
		if inFlight, err = b.search(ctx, p); err != nil {
			return Run{}, err
		}
	}
	s, err := b.session(ctx, p)
	if err != nil {
		return Run{}, err
	}
	defer s.close()
	b.cfg.Progress(p.String() + ": warming up")
	warmUp := b.part(p.Path, inFlight, warmUpShare)
	if b.cfg.Kept > 0 {
		warmUp = load{Path: p.Path, InFlight: max(inFlight, keptInFlight), Sagas: b.cfg.Kept}
	}
	if _, err := s.load(ctx, warmUp); err != nil {
		return Run{}, fmt.Errorf("warm-up: %w", err)
	}
	b.cfg.Progress(fmt.Sprintf("%s: measuring with %d in flight", p, inFlight))
	if run, err = s.measure(ctx, b.part(p.Path, inFlight, 1)); err != nil {
		return Run{}, err
	}
	run.Peak, run.Barrier, run.Kept = p.InFlight == Peak, p.Barrier, b.cfg.Kept
	b.cfg.Progress(fmt.Sprintf("%s: %.0f sagas/s, p50 %.2f ms, p99 %.2f ms", p, run.Rate, run.P50, run.P99))
	return run, nil
}

func (b *bench) session(ctx context.Context, p Point) (*session, error) {
	if p.Path == Bare {
		return b.open(ctx, b.score, false)
	}
	return b.open(ctx, nil, p.Barrier)
}

// part is a share of the load of a run.
func (b *bench) part(path string, inFlight, share int) load {
	l := load{Path: path, InFlight: inFlight, Rate: b.cfg.Rate}
	if b.cfg.Sagas > 0 {
		l.Sagas = max(b.cfg.Sagas/share, 1)
	} else {
		l.Seconds = b.cfg.Seconds / float64(share)
	}
	return l
}

// search tries numbers in flight, each for a short while, in one journal.
func (b *bench) search(ctx context.Context, p Point) (best int, err error) {
	list := slices.DeleteFunc(slices.Clone(candidates), func(n int) bool { return b.cfg.Sagas > 0 && n > b.cfg.Sagas })
	switch len(list) {
	case 0:
		return min(b.cfg.Sagas, candidates[0]), nil
	case 1:
		return list[0], nil
	}
	s, err := b.session(ctx, p)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if _, err := s.load(ctx, b.part(p.Path, list[0], warmUpShare)); err != nil {
		return 0, fmt.Errorf("warm-up: %w", err)
	}
	var most float64
	for _, n := range list {
		result, err := s.load(ctx, b.part(p.Path, n, trialShare))
		if err != nil {
			return 0, fmt.Errorf("trial with %d in flight: %w", n, err)
		}
		b.cfg.Progress(fmt.Sprintf("%s: trial with %d in flight: %.0f sagas/s", p, n, result.rate()))
		if rate := result.rate(); rate > most {
			best, most = n, rate
		}
	}
	return best, nil
}

// compose runs sagas, and writes the last one down for the bare pipeline.
func (b *bench) compose(ctx context.Context) error {
	s, err := b.open(ctx, nil, false)
	if err != nil {
		return err
	}
	defer s.close()
	sagas := scoreSagas
	if b.cfg.Sagas > 0 {
		sagas = min(sagas, b.cfg.Sagas)
	}
	result, err := s.load(ctx, load{Path: Happy, InFlight: 16, Sagas: sagas})
	if err != nil {
		return err
	}
	b.score, err = s.write(ctx, result.Last)
	return err
}
