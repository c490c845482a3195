package instance

import (
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// An Event is a fact about an instance, named in the past tense. Events are
// kept for ever: an event type is never edited, only joined by a new one.
//
//sumtype:decl
type Event interface{ isEvent() }

// Events of an instance as a whole.
type (
	// Started is the first event of an instance that can run.
	Started struct {
		Fingerprint string `json:"fingerprint"`
	}
	// StartRefused says that a second start was published without its condition.
	StartRefused struct {
		Sequence uint64 `json:"sequence"`
	}
	// TurnedBack ends the way forward: what was done is now undone.
	TurnedBack struct {
		Step   string `json:"step,omitempty"` // where, if it was at a step
		Reason string `json:"reason"`
	}
	// SagaCompleted ends an instance whose every step took effect.
	SagaCompleted struct{}
	// SagaCompensated ends an instance of which no effect is left.
	SagaCompensated struct{}
	// Parked says that the next input could not be decided.
	Parked struct {
		Reason string `json:"reason"`
	}
	// Unparked says that somebody can decide again.
	Unparked struct{}
	// SignalReceived keeps a signal until something waits for it.
	SignalReceived struct {
		Name  string `json:"name"`
		Input uint64 `json:"input"`
		Body  []byte `json:"-"` // of the input
	}
)

// Events of a step on the way forward.
type (
	// ActionRequested asks a participant to carry out a step.
	ActionRequested struct {
		Step        string    `json:"step"`
		Number      int       `json:"number"`
		Participant string    `json:"participant"`
		Due         time.Time `json:"due"` // when the outcome becomes unknown
		Pivot       bool      `json:"pivot,omitempty"`
	}
	// ActionDone says that a step took effect.
	ActionDone struct {
		Step   string `json:"step"`
		Number int    `json:"number"`
		Reply  uint64 `json:"reply"` // sequence of the reply, which holds the output
		Output []byte `json:"-"`     // of the reply
	}
	// ActionRefused says that a step did not take effect and never will.
	ActionRefused struct {
		Step   string `json:"step"`
		Number int    `json:"number"`
		Reply  uint64 `json:"reply"`
		Reason string `json:"reason"`
	}
	// ActionFailed says that an attempt did not take effect, as far as its participant knows.
	ActionFailed struct {
		Step   string `json:"step"`
		Number int    `json:"number"`
		Reply  uint64 `json:"reply"`
		Reason string `json:"reason"`
	}
	// ActionTimedOut says that nobody answered an attempt in time.
	ActionTimedOut struct {
		Step   string `json:"step"`
		Number int    `json:"number"`
	}
)

// Events of a step on the way back.
type (
	// CompensationRequested asks a participant to undo a step.
	CompensationRequested struct {
		Step        string    `json:"step"`
		Number      int       `json:"number"`
		Participant string    `json:"participant"`
		Due         time.Time `json:"due"`
	}
	// CompensationDone says that a step has no effect any more, or never had one.
	CompensationDone struct {
		Step    string `json:"step"`
		Number  int    `json:"number"`
		Reply   uint64 `json:"reply"`
		Nothing bool   `json:"nothing,omitempty"` // there was nothing to undo
	}
	// CompensationFailed says that an attempt to undo a step failed.
	CompensationFailed struct {
		Step   string `json:"step"`
		Number int    `json:"number"`
		Reply  uint64 `json:"reply"`
		Reason string `json:"reason"`
	}
	// CompensationTimedOut says that nobody answered an attempt to undo a step.
	CompensationTimedOut struct {
		Step   string `json:"step"`
		Number int    `json:"number"`
	}
)

// Events of a step in either direction.
type (
	// RetryScheduled says when the next attempt begins, jitter included.
	RetryScheduled struct {
		Step      string             `json:"step"`
		Direction protocol.Direction `json:"direction"`
		Number    int                `json:"number"` // of the attempt to come
		At        time.Time          `json:"at"`
	}
	// StepHalted says that a step cannot go on without a person.
	StepHalted struct {
		Step      string             `json:"step"`
		Direction protocol.Direction `json:"direction"`
		Reason    string             `json:"reason"`
	}
)

// Events that a person caused.
type (
	// CancelRequested says that somebody wants the instance undone.
	CancelRequested struct {
		Operator
		TooLate bool `json:"too_late,omitempty"` // the pivot was requested: only its refusal turns back
	}
	// Suspended stops commands from being sent.
	Suspended struct{ Operator }
	// Resumed lets them be sent again.
	Resumed struct{ Operator }
	// RetryRequested asks for the next attempt of a step at once.
	RetryRequested struct {
		Operator
		Step      string             `json:"step"`
		Direction protocol.Direction `json:"direction"`
	}
	// ResolveRequested asks a step's participant to settle on what a person says.
	ResolveRequested struct {
		Operator
		Step        string             `json:"step"`
		Direction   protocol.Direction `json:"direction"`
		Number      int                `json:"number"`
		Participant string             `json:"participant"`
		As          protocol.Outcome   `json:"as"`
		Output      []byte             `json:"-"` // of the request, where it is resolved as done
	}
	// Resolved says that a step's outcome is what a person said.
	Resolved struct {
		Step      string             `json:"step"`
		Direction protocol.Direction `json:"direction"`
		Number    int                `json:"number"`
		As        protocol.Outcome   `json:"as"`
		Input     uint64             `json:"input"` // sequence of the reply that settled it, or of the request that did without
		Output    []byte             `json:"-"`     // of that; a reply without one leaves what the request said
	}
	// ResolveFailed says that the participant knows better.
	ResolveFailed struct {
		Step      string             `json:"step"`
		Direction protocol.Direction `json:"direction"`
		Number    int                `json:"number"`
		Reply     uint64             `json:"reply"`
		Reason    string             `json:"reason"`
	}
	// ControlRefused answers a request that could not be met.
	ControlRefused struct {
		Operator
		Verb   Verb   `json:"verb"`
		Reason string `json:"reason"`
	}
)

// Operator is who asked, why, and with which input.
type Operator struct {
	By    string `json:"by"`
	Why   string `json:"why,omitempty"`
	Input uint64 `json:"input"` // sequence of the request
}

func (Started) isEvent()               {}
func (StartRefused) isEvent()          {}
func (TurnedBack) isEvent()            {}
func (SagaCompleted) isEvent()         {}
func (SagaCompensated) isEvent()       {}
func (Parked) isEvent()                {}
func (Unparked) isEvent()              {}
func (SignalReceived) isEvent()        {}
func (ActionRequested) isEvent()       {}
func (ActionDone) isEvent()            {}
func (ActionRefused) isEvent()         {}
func (ActionFailed) isEvent()          {}
func (ActionTimedOut) isEvent()        {}
func (CompensationRequested) isEvent() {}
func (CompensationDone) isEvent()      {}
func (CompensationFailed) isEvent()    {}
func (CompensationTimedOut) isEvent()  {}
func (RetryScheduled) isEvent()        {}
func (StepHalted) isEvent()            {}
func (CancelRequested) isEvent()       {}
func (Suspended) isEvent()             {}
func (Resumed) isEvent()               {}
func (RetryRequested) isEvent()        {}
func (ResolveRequested) isEvent()      {}
func (Resolved) isEvent()              {}
func (ResolveFailed) isEvent()         {}
func (ControlRefused) isEvent()        {}
