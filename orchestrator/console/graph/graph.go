// Package graph lays a definition out as a picture: the way forward on the upper
// lane, what undoes each step beneath it on the lower one. It is pure: the same
// definition always gives the same coordinates, so that a picture can be compared
// with the one of another saga, and a link to it stays true.
package graph

import "github.com/amends-io/amends/sagas"

// A Graph is a definition with coordinates, in units that a picture may take
// for pixels.
type Graph struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Lanes   []Lane `json:"lanes"`
	Nodes   []Node `json:"nodes"`
	Edges   []Edge `json:"edges"`
}

// A Lane is the part of the picture in which everything goes one way.
type Lane struct {
	Direction string `json:"direction"` // do or undo
	Y         int    `json:"y"`
	Height    int    `json:"height"`
}

// A Node is a step, what undoes one, or an end of a lane.
type Node struct {
	ID          string `json:"id"`
	Kind        Kind   `json:"kind"`
	Step        string `json:"step,omitempty"`
	Participant string `json:"participant,omitempty"`
	Action      string `json:"action,omitempty"`
	Badge       string `json:"badge,omitempty"` // what is special about a step, in words
	X           int    `json:"x"`               // of the upper left corner
	Y           int    `json:"y"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
}

// A Kind says what a node or an edge stands for.
type Kind string

// Kinds of nodes.
const (
	Start       Kind = "start"
	Do          Kind = "do"
	Undo        Kind = "undo"
	Completed   Kind = "completed"
	Compensated Kind = "compensated"
)

// Kinds of edges.
const (
	Forward  Kind = "forward"   // from a step to one that waits for it
	Back     Kind = "back"      // from what is undone to what is undone next
	UndoneBy Kind = "undone-by" // from a step to its compensation
)

// Badges.
const (
	BadgePivot   = "pivot"
	BadgeNothing = "nothing to undo"
	BadgeForward = "forward only"
)

// An Edge joins two nodes through its points.
type Edge struct {
	Kind   Kind     `json:"kind"`
	From   string   `json:"from"`
	To     string   `json:"to"`
	Points [][2]int `json:"points"`
}

// Sizes of the picture.
const (
	nodeWidth  = 204
	nodeHeight = 58
	endSize    = 28
	columnGap  = 56
	rowGap     = 22
	laneGap    = 44
	margin     = 40
	headroom   = 26 // of a lane's name
)

// Layout returns the picture of d, which has passed Validate.
func Layout(d sagas.Definition) Graph {
	slots := arrange(d)
	g := Graph{Name: d.Name, Version: d.Version}
	l := &layout{def: d, graph: &g, slots: slots}
	l.lanes()
	l.steps()
	l.forward()
	l.compensations()
	l.back()
	return g
}

// Badge says what is special about step i of d, or nothing.
func Badge(d sagas.Definition, i int) string {
	switch s := d.Steps[i]; {
	case s.Pivot:
		return BadgePivot
	case s.Compensation != nil:
		return ""
	case s.NothingToUndo:
		return BadgeNothing
	default:
		return BadgeForward
	}
}
