package graph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator/console/graph"
	"github.com/amends-io/amends/sagas"
)

func step(name string, after ...int) sagas.Planned {
	return sagas.Planned{
		Name: name, Participant: "p", Action: "do-" + name, After: after,
		Compensation: &sagas.Compensation{Participant: "p", Action: "undo-" + name},
	}
}

// reserve, then charge beside screen (nothing to undo) and check, then the pivot, then confirm.
func order() sagas.Definition {
	screen := step("screen", 0)
	screen.Compensation, screen.NothingToUndo = nil, true
	ship, confirm := step("ship", 1, 3), step("confirm", 4)
	ship.Compensation, ship.Pivot, confirm.Compensation = nil, true, nil
	return sagas.Definition{Name: "order", Version: 2, Steps: []sagas.Planned{
		step("reserve"), step("charge", 0), screen, step("check", 2), ship, confirm,
	}}
}

func node(t *testing.T, g graph.Graph, id string) graph.Node {
	t.Helper()
	i := slices.IndexFunc(g.Nodes, func(n graph.Node) bool { return n.ID == id })
	if i < 0 {
		t.Fatalf("no node %s", id)
	}
	return g.Nodes[i]
}

func edges(g graph.Graph, kind graph.Kind) []string {
	var list []string
	for _, e := range g.Edges {
		if e.Kind == kind {
			list = append(list, e.From+" > "+e.To)
		}
	}
	slices.Sort(list)
	return list
}

func TestTheWayBackIsTheWayForwardReversed(t *testing.T) {
	g := graph.Layout(order())
	for kind, want := range map[graph.Kind][]string{
		graph.Forward: {"do:charge > do:ship", "do:check > do:ship", "do:confirm > completed", "do:reserve > do:charge",
			"do:reserve > do:screen", "do:screen > do:check", "do:ship > do:confirm", "start > do:reserve"},
		graph.Back:     {"undo:charge > undo:reserve", "undo:check > undo:reserve", "undo:reserve > compensated"},
		graph.UndoneBy: {"do:charge > undo:charge", "do:check > undo:check", "do:reserve > undo:reserve"},
	} {
		if diff := cmp.Diff(want, edges(g, kind)); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

func TestCompensationsStandBeneathTheirSteps(t *testing.T) {
	g := graph.Layout(order())
	for _, name := range []string{"reserve", "charge", "check"} {
		do, undo := node(t, g, "do:"+name), node(t, g, "undo:"+name)
		if do.X != undo.X || undo.Y < g.Lanes[1].Y || do.Y+do.Height > g.Lanes[0].Height {
			t.Errorf("%s is at %d,%d, its compensation at %d,%d", name, do.X, do.Y, undo.X, undo.Y)
		}
	}
	for name, want := range map[string]string{"ship": "pivot", "screen": "nothing to undo", "confirm": "forward only", "charge": ""} {
		if got := node(t, g, "do:"+name).Badge; got != want {
			t.Errorf("%s: badge %q, want %q", name, got, want)
		}
	}
}

func TestADefinitionWithoutCompensationsHasOneLane(t *testing.T) {
	s := step("only")
	s.Compensation = nil
	g := graph.Layout(sagas.Definition{Name: "x", Version: 1, Steps: []sagas.Planned{s}})
	if len(g.Lanes) != 1 || len(edges(g, graph.Back)) != 0 {
		t.Errorf("got %d lanes, %v", len(g.Lanes), edges(g, graph.Back))
	}
}

// Whatever the graph, nothing overlaps, everything is inside, every edge goes
// its lane's way, and the same definition gives the same picture.
func TestNothingOverlapsInAnyPicture(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		d := sagas.Definition{Name: "random", Version: 1}
		for i := range 1 + r.IntN(14) {
			s := step(fmt.Sprintf("s%d", i))
			for k := range i {
				if r.IntN(4) == 0 {
					s.After = append(s.After, k)
				}
			}
			if r.IntN(3) == 0 {
				s.Compensation, s.NothingToUndo = nil, true
			}
			d.Steps = append(d.Steps, s)
		}
		g := graph.Layout(d)
		if diff := cmp.Diff(g, graph.Layout(d)); diff != "" {
			t.Fatalf("seed %d: two pictures: %s", seed, diff)
		}
		for i, a := range g.Nodes {
			if a.X < 0 || a.Y < 0 || a.X+a.Width > g.Width || a.Y+a.Height > g.Height {
				t.Fatalf("seed %d: %s is outside", seed, a.ID)
			}
			for _, b := range g.Nodes[:i] {
				if a.X < b.X+b.Width && b.X < a.X+a.Width && a.Y < b.Y+b.Height && b.Y < a.Y+a.Height {
					t.Fatalf("seed %d: %s and %s overlap", seed, a.ID, b.ID)
				}
			}
		}
		for _, e := range g.Edges {
			from, to := node(t, g, e.From), node(t, g, e.To)
			if e.Kind == graph.Forward && from.X >= to.X || e.Kind == graph.Back && from.X <= to.X {
				t.Fatalf("seed %d: %s > %s goes the wrong way", seed, e.From, e.To)
			}
		}
	}
}
