package instance_test

import (
	"math/rand/v2"
	"time"

	"github.com/amends-io/amends/sagas"
)

// A generator makes random plans: series-parallel graphs with or without a
// pivot, of steps with every kind of policy.
type generator struct {
	*rand.Rand
	steps int
}

// plans makes the parts of one definition.
func (g *generator) plans() []plan {
	pivot := g.IntN(5) < 3
	plans := g.sequence(1+g.IntN(3), 2, true)
	if pivot {
		if g.IntN(5) == 0 {
			plans = nil // the pivot comes first
		}
		plans = append(plans, g.pivot())
		plans = append(plans, g.sequence(g.IntN(3), 1, false)...)
	}
	return plans
}

func (g *generator) sequence(n, depth int, reversible bool) (plans []plan) {
	for range n {
		if depth > 0 && g.IntN(3) == 0 {
			p := plan{kind: "parallel"}
			for range 2 + g.IntN(2) {
				p.parts = append(p.parts, plan{kind: "sequence", parts: g.sequence(1+g.IntN(2), depth-1, reversible)})
			}
			plans = append(plans, p)
			continue
		}
		plans = append(plans, g.step(reversible))
	}
	return plans
}

func (g *generator) step(reversible bool) plan {
	name := string(rune('a'+g.steps%26)) + string(rune('a'+g.steps/26))
	participant := string(rune('p' + g.IntN(3)))
	g.steps++
	p := plan{name: name, does: participant + ".do-" + name, retry: g.policy(), undoRetry: g.policy()}
	switch {
	case reversible && g.IntN(4) == 0:
		p.nothingToUndo = true
	case reversible:
		p.undoes = participant + ".undo-" + name
	}
	if reversible && g.IntN(4) == 0 {
		p.timeout = sagas.TurnBack
	}
	return p
}

func (g *generator) pivot() plan {
	p := g.step(false)
	p.pivot = true
	if g.IntN(2) == 0 {
		p.undoes = p.does[:1] + ".undo-" + p.name
	}
	return p
}

func (g *generator) policy() sagas.Policy { return sagas.Backoff(1+g.IntN(3), time.Second) }
