package instance

import (
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// A Status says where an instance is.
type Status string

// Statuses. Stuck is no end: a person decides how it goes on.
const (
	Absent       Status = ""             // its start is stored, nothing is decided
	Running      Status = "running"      // steps are carried out
	Compensating Status = "compensating" // steps are undone
	Completed    Status = "completed"    // every step took effect
	Compensated  Status = "compensated"  // no step has an effect
	Stuck        Status = "stuck"        // a person must decide
)

// Over reports whether no input can change the instance any more.
func (s Status) Over() bool { return s == Completed || s == Compensated }

func (s Status) String() string {
	if s == Absent {
		return "absent"
	}
	return string(s)
}

// A State is what the links of one instance add up to. It is a value: Fold
// returns a changed copy, and shares with it only what neither will change.
type State struct {
	ID          string            `json:"id"`
	Definition  string            `json:"definition"`
	Version     int               `json:"version"`
	Fingerprint string            `json:"fingerprint,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Trace       string            `json:"trace,omitempty"` // the traceparent of whoever started it

	Run   uint64 `json:"run"`   // sequence of the start
	Last  uint64 `json:"last"`  // sequence of the last link
	Read  uint64 `json:"read"`  // sequence of the last input that a decision has read
	Links int    `json:"links"` // how many links there are, the start included

	Status    Status `json:"status"`
	Suspended bool   `json:"suspended,omitempty"` // sends no command until it is resumed
	Parked    string `json:"parked,omitempty"`    // why nobody could decide its next input
	Back      bool   `json:"back,omitempty"`      // it turned back
	PastPivot bool   `json:"past_pivot,omitempty"`
	Cancelled bool   `json:"cancelled,omitempty"` // somebody asked for it, in time or not
	BackAt    string `json:"back_at,omitempty"`   // at which step it turned back, if at one
	BackFor   string `json:"back_for,omitempty"`  // why it turned back
	Reason    string `json:"reason,omitempty"`    // why it is stuck, else why it turned back

	Input    []byte   `json:"input,omitempty"`
	Steps    []Step   `json:"steps,omitempty"`    // in the order in which they were first requested
	Signals  []Signal `json:"signals,omitempty"`  // kept until something waits for them
	Asked    []Asked  `json:"asked,omitempty"`    // what people asked for, in order: the newest MaxAsked
	Repeated uint64   `json:"repeated,omitempty"` // sequence of a second start, not yet refused

	Started    time.Time `json:"started"` // when its start was stored
	Updated    time.Time `json:"updated"` // when its last link was decided
	Ended      time.Time `json:"ended,omitzero"`
	BackSince  time.Time `json:"back_since,omitzero"`
	StuckSince time.Time `json:"stuck_since,omitzero"` // zero unless it is stuck
}

// A Step is what is known of one step that was requested.
type Step struct {
	Name string   `json:"name"`
	Do   Progress `json:"do"`
	Undo Progress `json:"undo,omitzero"`
}

// Progress is what is known of one direction of a step.
type Progress struct {
	Phase       Phase            `json:"phase,omitempty"`
	Number      int              `json:"number,omitempty"` // of the latest attempt
	Participant string           `json:"participant,omitempty"`
	Due         time.Time        `json:"due,omitzero"`      // Open: when the outcome becomes unknown; Waiting: when the next attempt begins
	Outcome     protocol.Outcome `json:"outcome,omitempty"` // of the latest attempt that is closed
	Doubt       bool             `json:"doubt,omitempty"`   // an attempt ended unknown or failed: it may have taken effect
	Reason      string           `json:"reason,omitempty"`
	Command     uint64           `json:"command,omitempty"` // sequence of the first attempt's link, whose bytes every attempt sends
	Settling    protocol.Outcome `json:"settling,omitempty"`
	ByHand      bool             `json:"by_hand,omitempty"` // a person resolved it
	Output      []byte           `json:"output,omitempty"`  // of a do that is done, or settles on it
}

// A Phase says what one direction of a step waits for.
type Phase string

// Phases.
const (
	Idle    Phase = ""        // nothing was requested
	Open    Phase = "open"    // an answer to the latest attempt
	Waiting Phase = "waiting" // the time of the next attempt
	Halted  Phase = "halted"  // a person
	Closed  Phase = "closed"  // nothing: its outcome is final
)

// A Signal is a client's message that nothing has waited for yet.
type Signal struct {
	Name  string `json:"name"`
	Input uint64 `json:"input"` // its sequence
	Body  []byte `json:"body,omitempty"`
}

// Asked is a person's request that was decided. Why, and all else that it says,
// is in the messages that it names.
type Asked struct {
	Input   uint64    `json:"input"` // sequence of the request
	Link    uint64    `json:"link"`  // sequence of the decision
	At      time.Time `json:"at"`    // when it was decided
	Verb    Verb      `json:"verb"`
	By      string    `json:"by,omitempty"` // empty where the decision does not say it: a resolve without asking the participant
	Refused bool      `json:"refused,omitempty"`
}

// MaxAsked bounds what a state keeps of people's requests. The history has all.
const MaxAsked = 256

// Step returns what is known of the step called name, or nil.
func (s *State) Step(name string) *Step {
	for i := range s.Steps {
		if s.Steps[i].Name == name {
			return &s.Steps[i]
		}
	}
	return nil
}

// Toward returns the progress in direction d.
func (s *Step) Toward(d protocol.Direction) *Progress {
	if d == protocol.Undo {
		return &s.Undo
	}
	return &s.Do
}

// A Timer is when an instance wants to hear that time has passed.
type Timer struct {
	Attempt protocol.Attempt
	Due     time.Time
}

// NextTimer returns the earliest timer of s. A suspended instance has none
// until it is resumed, a parked one until somebody can decide.
func (s *State) NextTimer() (next Timer, ok bool) {
	if s.Status.Over() || s.Suspended || s.Parked != "" {
		return Timer{}, false
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		for _, d := range [...]protocol.Direction{protocol.Do, protocol.Undo} {
			p := step.Toward(d)
			if p.Due.IsZero() || ok && !p.Due.Before(next.Due) {
				continue
			}
			ok = true
			next = Timer{protocol.Attempt{Run: s.Run, Step: step.Name, Direction: d, Number: p.Number}, p.Due}
		}
	}
	return next, ok
}
