package protocol

import "fmt"

// A Direction says whether a step is carried out or undone.
type Direction string

// Directions.
const (
	Do   Direction = "do"
	Undo Direction = "undo"
)

// Valid reports whether d is one of the two directions.
func (d Direction) Valid() bool { return d == Do || d == Undo }

// An Outcome is what became of an attempt. The set is closed: another word is
// no outcome, and the attempt's time-out decides.
type Outcome string

// Outcomes.
const (
	Done          Outcome = "done"            // it took effect
	Refused       Outcome = "refused"         // it did not take effect and never will
	Failed        Outcome = "failed"          // it did not take effect, another attempt may
	Unknown       Outcome = "unknown"         // no answer in time: it may have taken effect; never sent
	Undone        Outcome = "undone"          // the step no longer has an effect
	NothingToUndo Outcome = "nothing-to-undo" // the step never had an effect, and never will
	Rejected      Outcome = "rejected"        // too late: the step was undone, or settled otherwise
)

// Answers reports whether a participant may give o to a command of direction d.
func (o Outcome) Answers(d Direction) bool {
	switch o {
	case Failed, Rejected:
		return d.Valid()
	case Done, Refused:
		return d == Do
	case Undone, NothingToUndo:
		return d == Undo
	case Unknown:
	}
	return false
}

// An Attempt is one try at a step: the identity of its command, its timer and
// its reply. It is comparable. With the direction left out, a late reply to
// do would pass for a reply to undo; with the run left out, an id that is used
// again would meet replies of its earlier run.
type Attempt struct {
	Run       uint64 // sequence of the saga's start
	Step      string
	Direction Direction
	Number    int // from 1
}

func (a Attempt) String() string {
	return fmt.Sprintf("%s %s/%d", a.Direction, a.Step, a.Number)
}
