package graph

import (
	"slices"

	"github.com/amends-io/amends/sagas"
)

// A layout is a graph that is being made.
type layout struct {
	def   sagas.Definition
	graph *Graph
	slots slots
	do    []Node // by step
	undo  map[int]Node
}

// laneHeight is that of a lane's rows, without its name.
func (l *layout) laneHeight() int {
	rows := l.slots.rows()
	return rows*nodeHeight + (rows-1)*rowGap
}

func (l *layout) lanes() {
	h := headroom + l.laneHeight() + margin
	l.graph.Lanes = []Lane{{Direction: "do", Y: 0, Height: h}}
	l.graph.Height = h
	if slices.ContainsFunc(l.def.Steps, func(s sagas.Planned) bool { return s.Compensation != nil }) {
		l.graph.Lanes = append(l.graph.Lanes, Lane{Direction: "undo", Y: h + laneGap, Height: h})
		l.graph.Height = 2*h + laneGap
	}
	l.graph.Width = l.x(len(l.slots.columns)) + endSize + margin
}

// x is the left side of a column. The ends of the lanes stand before and
// behind all columns.
func (l *layout) x(column int) int {
	return margin + endSize + columnGap + column*(nodeWidth+columnGap)
}

// y is the middle of a slot in a lane: columns are centred. The lower lane is
// the upper one's mirror image, so that lines from one to the other nest.
func (l *layout) y(lane int, at *slot) int {
	const row = nodeHeight + rowGap
	middle := l.graph.Lanes[lane].Y + headroom + l.laneHeight()/2
	off := int((at.order - float64(len(l.slots.columns[at.column])-1)/2) * row)
	if lane > 0 {
		off = -off
	}
	return middle + off
}

func (l *layout) steps() {
	l.do = make([]Node, len(l.def.Steps))
	l.end(Start, 0, margin)
	for i, s := range l.def.Steps {
		at := l.slots.steps[i]
		l.do[i] = Node{
			ID: "do:" + s.Name, Kind: Do, Step: s.Name, Participant: s.Participant, Action: s.Action, Badge: Badge(l.def, i),
			X: l.x(at.column), Y: l.y(0, at) - nodeHeight/2, Width: nodeWidth, Height: nodeHeight,
		}
		l.graph.Nodes = append(l.graph.Nodes, l.do[i])
	}
	l.end(Completed, 0, l.x(len(l.slots.columns)))
}

func (l *layout) end(kind Kind, lane, x int) {
	middle := l.graph.Lanes[lane].Y + headroom + l.laneHeight()/2
	l.graph.Nodes = append(l.graph.Nodes, Node{
		ID: string(kind), Kind: kind, X: x, Y: middle - endSize/2, Width: endSize, Height: endSize,
	})
}

func (n Node) left() [2]int  { return [2]int{n.X, n.Y + n.Height/2} }
func (n Node) right() [2]int { return [2]int{n.X + n.Width, n.Y + n.Height/2} }

func (l *layout) node(id string) Node {
	i := slices.IndexFunc(l.graph.Nodes, func(n Node) bool { return n.ID == id })
	return l.graph.Nodes[i]
}

// forward draws the way forward: from the start, along the steps, to the end.
func (l *layout) forward() {
	last := make([]bool, len(l.def.Steps))
	for i := range last {
		last[i] = true
	}
	start, completed := l.node(string(Start)), l.node(string(Completed))
	for i, s := range l.def.Steps {
		if len(s.After) == 0 {
			l.edge(Forward, start, l.do[i], start.right(), l.do[i].left())
		}
		for _, k := range s.After {
			last[k] = false
			points := [][2]int{l.do[k].right()}
			for _, at := range l.slots.passing[[2]int{k, i}] {
				points = append(points, [2]int{l.x(at.column), l.y(0, at)}, [2]int{l.x(at.column) + nodeWidth, l.y(0, at)})
			}
			l.edge(Forward, l.do[k], l.do[i], append(points, l.do[i].left())...)
		}
	}
	for i := range last {
		if last[i] {
			l.edge(Forward, l.do[i], completed, l.do[i].right(), completed.left())
		}
	}
}

func (l *layout) edge(kind Kind, from, to Node, points ...[2]int) {
	l.graph.Edges = append(l.graph.Edges, Edge{Kind: kind, From: from.ID, To: to.ID, Points: points})
}

// compensations stand beneath their steps, joined by a line that goes round
// what stands between.
func (l *layout) compensations() {
	l.undo = map[int]Node{}
	for i, s := range l.def.Steps {
		if s.Compensation == nil {
			continue
		}
		at, do := l.slots.steps[i], l.do[i]
		undo := Node{
			ID: "undo:" + s.Name, Kind: Undo, Step: s.Name, Participant: s.Compensation.Participant, Action: s.Compensation.Action,
			X: do.X, Y: l.y(1, at) - nodeHeight/2, Width: nodeWidth, Height: nodeHeight,
		}
		l.undo[i] = undo
		l.graph.Nodes = append(l.graph.Nodes, undo)
		column := l.slots.columns[at.column]
		if int(at.order) == len(column)-1 {
			x := do.X + nodeWidth/2
			l.edge(UndoneBy, do, undo, [2]int{x, do.Y + nodeHeight}, [2]int{x, undo.Y})
			continue
		}
		// The lines of one column keep apart: the outer one belongs to the upper step.
		gutter := do.X + nodeWidth + 10 + 7*(len(column)-2-int(at.order))
		y1, y2 := do.Y+nodeHeight*3/4, undo.Y+nodeHeight/4
		l.edge(UndoneBy, do, undo, [2]int{do.X + nodeWidth, y1}, [2]int{gutter, y1}, [2]int{gutter, y2}, [2]int{do.X + nodeWidth, y2})
	}
}

// back draws the way back: what comes last is undone first, and what has no
// compensation is passed over.
func (l *layout) back() {
	if len(l.graph.Lanes) < 2 {
		return
	}
	l.end(Compensated, 1, margin)
	compensated := l.node(string(Compensated))
	for i := range l.def.Steps {
		undo, ok := l.undo[i]
		if !ok {
			continue
		}
		next := l.undoneAfter(i)
		for _, k := range next {
			l.edge(Back, undo, l.undo[k], undo.left(), l.undo[k].right())
		}
		if len(next) == 0 {
			l.edge(Back, undo, compensated, undo.left(), compensated.right())
		}
	}
}

// undoneAfter returns the nearest steps before step i that have a compensation,
// without those that come before another one of them anyway.
func (l *layout) undoneAfter(i int) []int {
	var near []int
	seen := map[int]bool{}
	var walk func(int)
	walk = func(j int) {
		for _, k := range l.def.Steps[j].After {
			if seen[k] {
				continue
			}
			seen[k] = true
			if _, ok := l.undo[k]; ok {
				near = append(near, k)
			} else {
				walk(k)
			}
		}
	}
	walk(i)
	slices.Sort(near)
	return slices.DeleteFunc(slices.Clone(near), func(k int) bool {
		return slices.ContainsFunc(near, func(other int) bool { return l.def.Precedes(k, other) })
	})
}
