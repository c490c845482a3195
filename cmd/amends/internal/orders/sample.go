package orders

import "math"

// repeated is the kind of an order whose number another order has too. Such
// rows are sampled together: one alone would be an order like any other.
const repeated Reason = "repeated"

// Sample takes n rows, spread over all of rows and in their order. Every kind
// of row, a number that comes twice included, has its share, and at least one:
// some are so rare, or so much in one place, that taking each n-th would miss
// them. With fewer rows than n it takes them all.
func Sample(rows []Row, n int) []Row {
	if n >= len(rows) {
		return rows
	}
	s := sample{taken: make([]bool, len(rows)), left: max(n, 0)}
	kinds := kindsOf(rows)
	if least := 2 * len(kinds); n > 2*least { // else the rare kinds would be most of it
		largest := 0
		for i := range kinds {
			if len(kinds[i]) > len(kinds[largest]) {
				largest = i
			}
		}
		for i, kind := range kinds {
			if i != largest {
				share := float64(n) * float64(len(kind)) / float64(len(rows))
				s.take(kind, max(1, int(math.Round(share))))
			}
		}
		s.take(kinds[largest], s.left)
	}
	s.fill()
	sampled := make([]Row, 0, n)
	for i, taken := range s.taken {
		if taken {
			sampled = append(sampled, rows[i])
		}
	}
	return sampled
}

// kindsOf returns the rows of each kind that there is, as groups of indexes that
// are taken together.
func kindsOf(rows []Row) [][][]int {
	numbers := make(map[string][]int)
	for i, r := range rows {
		if r.Reason() == "" {
			numbers[r.Number] = append(numbers[r.Number], i)
		}
	}
	groups := make(map[Reason][][]int)
	for i, r := range rows {
		switch same := numbers[r.Number]; {
		case r.Reason() != "":
			groups[r.Reason()] = append(groups[r.Reason()], []int{i})
		case len(same) == 1:
			groups[""] = append(groups[""], same)
		case same[0] == i:
			groups[repeated] = append(groups[repeated], same)
		}
	}
	var kinds [][][]int
	for _, reason := range append(Reasons(), "", repeated) {
		if len(groups[reason]) > 0 {
			kinds = append(kinds, groups[reason])
		}
	}
	return kinds
}

type sample struct {
	taken []bool
	left  int // rows still to be taken
}

// take takes n of groups, evenly spread.
func (s *sample) take(groups [][]int, n int) {
	n = min(n, len(groups))
	for i := range n {
		group := groups[(2*i+1)*len(groups)/(2*n)]
		if len(group) > s.left {
			return
		}
		for _, row := range group {
			s.taken[row] = true
		}
		s.left -= len(group)
	}
}

// fill takes what is missing from the rows that nobody took.
func (s *sample) fill() {
	var rest [][]int
	for i, taken := range s.taken {
		if !taken {
			rest = append(rest, []int{i})
		}
	}
	s.take(rest, s.left)
}
