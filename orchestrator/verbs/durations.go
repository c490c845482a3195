package verbs

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// durationSample is how many sagas are looked at: what was lately so says what to
// expect next, and reading their histories takes milliseconds.
const durationSample = 50

// Durations are how long sagas of one definition took, of those that have ended
// the ones that were started last.
type Durations struct {
	Definition   string         `json:"definition"`
	Version      int            `json:"version"`
	Sagas        int            `json:"sagas"`
	TurnedBack   int            `json:"turned_back"`
	Whole        *Spread        `json:"whole,omitempty"`        // start to end
	Inconsistent *Spread        `json:"inconsistent,omitempty"` // first effect to end, where there was one
	Steps        []StepDuration `json:"steps"`
}

// StepDuration is how long one direction of a step took.
type StepDuration struct {
	Step      string  `json:"step"`
	Direction string  `json:"direction"`
	Attempts  int     `json:"attempts"`
	Queue     *Spread `json:"queue,omitempty"`
	Work      *Spread `json:"work,omitempty"`
	Whole     *Spread `json:"whole,omitempty"` // from the request to the link that closed it, by attempt
}

// A Spread says how long things took, in microseconds.
type Spread struct {
	P50 int64 `json:"p50_us"`
	P90 int64 `json:"p90_us"`
	Max int64 `json:"max_us"`
}

// spread returns nil where nothing was measured. It sorts list.
func spread(list []int64) *Spread {
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	at := func(part int) int64 { return list[(len(list)-1)*part/100] }
	return &Spread{at(50), at(90), list[len(list)-1]}
}

// Durations measures the sagas of a definition that were started last and have
// ended, by their histories.
func (v *Verbs) Durations(ctx context.Context, name string, version int) (Durations, error) {
	d := Durations{Definition: name, Version: version, Steps: []StepDuration{}}
	page, err := v.List(ctx, orchestrator.Query{
		Definition: name, Version: version, Limit: durationSample, Statuses: []instance.Status{instance.Completed, instance.Compensated},
	})
	if err != nil {
		return d, err
	}
	m := measure{steps: map[[2]string]*stepMeasure{}}
	for _, s := range page.Sagas {
		t, err := v.Steps(ctx, SagaRequest{ID: s.ID})
		if errors.Is(err, orchestrator.ErrNotFound) {
			continue // its history has left meanwhile
		}
		if err != nil {
			return d, err
		}
		d.Sagas++
		if t.Turned != nil {
			d.TurnedBack++
		}
		m.add(t)
	}
	d.Whole, d.Inconsistent = spread(m.whole), spread(m.inconsistent)
	for _, key := range m.order {
		s := m.steps[key]
		d.Steps = append(d.Steps, StepDuration{key[0], key[1], len(s.whole), spread(s.queue), spread(s.work), spread(s.whole)})
	}
	return d, nil
}

// A measure collects microseconds.
type measure struct {
	whole, inconsistent []int64
	steps               map[[2]string]*stepMeasure
	order               [][2]string // of steps, as they were met
}

type stepMeasure struct{ queue, work, whole []int64 }

func (m *measure) add(t Trace) {
	var first time.Time // when the first effect may have been there
	for _, step := range t.Steps {
		for _, a := range step.Attempts {
			if a.Recorded == nil {
				continue
			}
			key := [2]string{step.Name, a.Direction}
			s := m.steps[key]
			if s == nil {
				s = &stepMeasure{}
				m.steps[key], m.order = s, append(m.order, key)
			}
			s.whole = append(s.whole, a.Recorded.Time.Sub(a.Requested.Time).Microseconds())
			if a.Answered != nil {
				s.queue, s.work = append(s.queue, a.Queue), append(s.work, a.Took)
			}
			effect := a.Outcome == string(protocol.Done) || a.Outcome == string(protocol.Unknown)
			if effect && a.Direction == string(protocol.Do) && (first.IsZero() || a.Recorded.Time.Before(first)) {
				first = a.Recorded.Time
			}
		}
	}
	if t.Ended.IsZero() {
		return
	}
	m.whole = append(m.whole, t.Ended.Sub(t.Started).Microseconds())
	if !first.IsZero() {
		m.inconsistent = append(m.inconsistent, max(0, t.Ended.Sub(first).Microseconds()))
	}
}
