package graph

import (
	"slices"

	"github.com/amends-io/amends/sagas"
)

// A slot is a place in a column: a step's, or one that a long edge passes.
type slot struct {
	step   int // or -1
	before []*slot
	after  []*slot
	column int
	order  float64 // among its column's slots, from above
}

// slots are all of them, by column, each column from above.
type slots struct {
	columns [][]*slot
	steps   []*slot            // by step
	passing map[[2]int][]*slot // what the edge from one step to another passes
}

// arrange puts every step behind its predecessors, and orders each column so
// that few edges cross.
func arrange(d sagas.Definition) slots {
	s := slots{steps: make([]*slot, len(d.Steps)), passing: map[[2]int][]*slot{}}
	for i, step := range d.Steps {
		at := &slot{step: i}
		for _, k := range step.After {
			at.column = max(at.column, s.steps[k].column+1)
		}
		s.steps[i] = at
		s.add(at)
	}
	for i, step := range d.Steps {
		for _, k := range step.After {
			s.join(k, i)
		}
	}
	s.untangle()
	return s
}

func (s *slots) add(at *slot) {
	for len(s.columns) <= at.column {
		s.columns = append(s.columns, nil)
	}
	at.order = float64(len(s.columns[at.column]))
	s.columns[at.column] = append(s.columns[at.column], at)
}

// join makes the edge from step i to step j, with a slot in every column that
// it passes, so that it keeps out of other steps' way.
func (s *slots) join(i, j int) {
	from := s.steps[i]
	for column := from.column + 1; column < s.steps[j].column; column++ {
		at := &slot{step: -1, column: column}
		s.add(at)
		s.passing[[2]int{i, j}] = append(s.passing[[2]int{i, j}], at)
		link(from, at)
		from = at
	}
	link(from, s.steps[j])
}

func link(a, b *slot) {
	a.after = append(a.after, b)
	b.before = append(b.before, a)
}

// untangle orders each column by the middle of its neighbours, a few times to
// and fro. Sorting is stable, so what is in no hurry keeps the author's order.
func (s *slots) untangle() {
	const sweeps = 4
	for range sweeps {
		for c := 1; c < len(s.columns); c++ {
			s.sort(c, func(at *slot) []*slot { return at.before })
		}
		for c := len(s.columns) - 2; c >= 0; c-- {
			s.sort(c, func(at *slot) []*slot { return at.after })
		}
	}
}

func (s *slots) sort(c int, neighbours func(*slot) []*slot) {
	column := s.columns[c]
	weight := map[*slot]float64{}
	for _, at := range column {
		weight[at] = at.order
		if near := neighbours(at); len(near) > 0 {
			sum := 0.0
			for _, n := range near {
				// relative to its own column's middle, as columns are centred
				sum += n.order - float64(len(s.columns[n.column])-1)/2
			}
			weight[at] = sum/float64(len(near)) + float64(len(column)-1)/2
		}
	}
	slices.SortStableFunc(column, func(a, b *slot) int {
		switch {
		case weight[a] < weight[b]:
			return -1
		case weight[a] > weight[b]:
			return 1
		}
		return 0
	})
	for i, at := range column {
		at.order = float64(i)
	}
}

// rows is the height of the tallest column.
func (s *slots) rows() int {
	most := 1
	for _, column := range s.columns {
		most = max(most, len(column))
	}
	return most
}
