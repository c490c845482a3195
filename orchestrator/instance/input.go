package instance

import (
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// An Input is something an instance has to react to. Inputs arrive at least
// once; Decide tells the ones that no longer matter apart.
//
//sumtype:decl
type Input interface{ isInput() }

type (
	// Start is the request that the instance was made by: link 0 of its chain.
	Start struct{ Sequence uint64 }

	// Reply is a participant's answer to the command of an attempt.
	Reply struct {
		Sequence    uint64
		Participant string // who answered, by the subject it could publish to
		protocol.Reply
	}

	// TimerFired says that a timer is due. It is in no journal.
	TimerFired struct{ Attempt protocol.Attempt }

	// SignalSent is a client's message to the instance.
	SignalSent struct {
		Sequence uint64
		Name     string
		Body     []byte
	}

	// Control is an operator's request.
	Control struct {
		Sequence  uint64
		Verb      Verb
		By, Why   string
		Step      string             // retry and resolve: which step
		Direction protocol.Direction // and which way
		Number    int                // the attempt it means; 0 for the latest
		As        protocol.Outcome   // resolve: done or undone
		Unsettled bool               // resolve: without asking the participant
		Output    []byte             // resolve as done: the output, if there is one
	}
)

func (Start) isInput()      {}
func (Reply) isInput()      {}
func (TimerFired) isInput() {}
func (SignalSent) isInput() {}
func (Control) isInput()    {}

// A Verb is what an operator asks for.
type Verb string

// Verbs.
const (
	Cancel  Verb = "cancel"  // undo what was done
	Suspend Verb = "suspend" // send no command
	Resume  Verb = "resume"
	Retry   Verb = "retry"   // try a step again, now
	Resolve Verb = "resolve" // a step is done, or undone, as a person says
)

// A Moment is what Decide may know of the world.
type Moment struct {
	At     time.Time
	Random float64 // in [0, 1), for jitter
}

// A Decision is what one input causes. It becomes one link, of the time at
// which After was updated.
type Decision struct {
	Events  []Event
	Read    uint64   // the last input it has read
	Command *Command // what it asks a participant, or nil
	After   *State   // what Fold makes of the link, which Stored gives its sequence; nil without events
}

// A Command is what a decision asks a participant.
type Command struct {
	Participant string
	Action      string
	Attempt     protocol.Attempt
	Due         time.Time        // zero: nobody stops waiting
	Settle      protocol.Outcome // of a step resolved by hand
	Body        []byte
	Again       uint64 // sequence of the link whose bytes are sent again, instead of Body
}

// A Link is a decision as the journal has it.
type Link struct {
	Sequence uint64
	Time     time.Time // when it was decided
	Read     uint64
	Events   []Event
}
