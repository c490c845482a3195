package instance_test

import (
	"math/rand/v2"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A world is the participants of one saga with their barriers: what became of
// each step, and how often it takes effect. A command that was sent may be
// handled any number of times, in any order, and long after the saga is over.
type world struct {
	*rand.Rand
	rows    map[string]*row
	effects map[string]int // by step; a person who settles a step has done it by hand
	healed  bool           // everybody does what is asked
}

// A row is what a barrier keeps of one step.
type row struct {
	do, undo               protocol.Outcome
	doSettled, undoSettled bool
}

func newWorld(r *rand.Rand) *world {
	return &world{Rand: r, rows: map[string]*row{}, effects: map[string]int{}}
}

func (w *world) row(step string) *row {
	if w.rows[step] == nil {
		w.rows[step] = &row{}
	}
	return w.rows[step]
}

// handle carries out c, and returns the participant's answer, or none: nobody
// was there, or the answer got lost.
func (w *world) handle(c instance.Command) (o protocol.Outcome, answered bool) {
	if !w.healed && w.IntN(12) == 0 {
		return "", false
	}
	step, row := c.Attempt.Step, w.row(c.Attempt.Step)
	switch {
	case c.Settle != "":
		o = w.settle(c)
	case c.Attempt.Direction == protocol.Do:
		o = w.do(step, row)
	default:
		o = w.undo(step, row)
	}
	return o, w.healed || w.IntN(12) > 0
}

func (w *world) do(step string, row *row) protocol.Outcome {
	switch {
	case row.undo != "":
		return protocol.Rejected
	case row.do != "":
		return row.do
	}
	switch luck := w.IntN(20); {
	case w.healed || luck < 13:
		row.do = protocol.Done
		w.effects[step]++
	case luck < 15: // it is done, and its participant is wrong about it
		row.do = protocol.Done
		w.effects[step]++
		return protocol.Failed
	case luck < 17:
		row.do = protocol.Refused
	default:
		return protocol.Failed
	}
	return row.do
}

func (w *world) undo(step string, row *row) protocol.Outcome {
	switch {
	case row.undo != "":
		return row.undo
	case !w.healed && w.IntN(4) == 0:
		return protocol.Failed
	case row.do == protocol.Done:
		row.undo = protocol.Undone
		w.effects[step]--
	default:
		row.undo = protocol.NothingToUndo
	}
	return row.undo
}

// settle takes a person's word for it, unless a handler answered before.
func (w *world) settle(c instance.Command) protocol.Outcome {
	step, row := c.Attempt.Step, w.row(c.Attempt.Step)
	switch {
	case c.Attempt.Direction == protocol.Undo:
		switch {
		case row.undo != "" && !row.undoSettled:
			return protocol.Rejected
		case row.undo == "" && row.do == protocol.Done:
			w.effects[step]--
		}
		row.undo, row.undoSettled = protocol.Undone, true
		return protocol.Undone
	case c.Settle == protocol.Done:
		switch {
		case row.undo != "" || row.do != "" && !row.doSettled:
			return protocol.Rejected
		case row.do == "":
			w.effects[step]++
		}
		row.do, row.doSettled = protocol.Done, true
		return protocol.Done
	case row.do != "" || row.undo != "" && !row.undoSettled:
		return protocol.Rejected
	}
	row.undo, row.undoSettled = protocol.NothingToUndo, true
	return protocol.Refused // its word for: it took no effect and never will
}
