package sagas

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// A Definition is the plan of a saga. It must not change once an instance of
// it exists: publish a new Version instead. The zero mapping, of a definition
// that was read as data, hands the saga's input to every step as it is.
type Definition struct {
	Name    string    `json:"name"`
	Version int       `json:"version"`
	Steps   []Planned `json:"steps"` // in an order that puts every step after its predecessors

	mapping     mapping
	faults      []error // what the builders found, for Validate to tell
	fingerprint string  // of a sealed one
}

// A Planned step is one local transaction of one participant.
type Planned struct {
	Name        string `json:"name"`
	Participant string `json:"participant"`
	Action      string `json:"action"`
	After       []int  `json:"after,omitempty"` // direct predecessors, as indexes of Steps

	Compensation  *Compensation `json:"compensation,omitempty"`    // what undoes it, or nil
	NothingToUndo bool          `json:"nothing_to_undo,omitempty"` // said so by the author
	Pivot         bool          `json:"pivot,omitempty"`           // once it is requested only its own refusal turns back

	Timeout   time.Duration `json:"timeout"` // then an attempt's outcome is unknown
	Retry     Policy        `json:"retry"`
	OnTimeout OnTimeout     `json:"on_timeout,omitempty"`
}

// A Compensation is how a step is undone.
type Compensation struct {
	Participant string        `json:"participant"`
	Action      string        `json:"action"`
	Timeout     time.Duration `json:"timeout"`
	Retry       Policy        `json:"retry"`
}

// OnTimeout says what follows when an attempt before the pivot got no answer.
type OnTimeout string

// What may follow a time-out.
const (
	RetryOnTimeout OnTimeout = ""          // ask again with the same idempotency key
	TurnBack       OnTimeout = "turn-back" // give up at once, and undo the step too
)

// Fingerprint identifies the structure: steps, order, participants, actions,
// compensations, the pivot. Time-outs and retry policies may change within a
// version, as recorded events hold what was decided by them.
func (d Definition) Fingerprint() string {
	if d.fingerprint != "" {
		return d.fingerprint
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %d\n", d.Name, d.Version)
	for _, s := range d.Steps {
		fmt.Fprintf(h, "%q %q %q %v %t %t", s.Name, s.Participant, s.Action, s.After, s.Pivot, s.NothingToUndo)
		if c := s.Compensation; c != nil {
			fmt.Fprintf(h, " %q %q", c.Participant, c.Action)
		}
		_, _ = io.WriteString(h, "\n")
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Sealed returns d with its fingerprint kept, for who asks for it with every
// saga. Its structure must not be changed any more.
func (d Definition) Sealed() Definition {
	d.fingerprint = ""
	d.fingerprint = d.Fingerprint()
	return d
}

// String is the definition's name and version, as name@version.
func (d Definition) String() string { return fmt.Sprintf("%s@%d", d.Name, d.Version) }

// Index returns the index of the step called name, or -1.
func (d Definition) Index(name string) int {
	for i := range d.Steps {
		if d.Steps[i].Name == name {
			return i
		}
	}
	return -1
}

// Pivot returns the index of the pivot, or -1.
func (d Definition) Pivot() int {
	for i := range d.Steps {
		if d.Steps[i].Pivot {
			return i
		}
	}
	return -1
}

// Precedes reports whether step i comes before step j on some path. Each step
// is looked at once: walking every path would take for ever in a wide graph.
func (d Definition) Precedes(i, j int) bool {
	if i >= j {
		return false // every step stands behind its predecessors
	}
	var few [32]bool // most sagas are short, and this is asked for every request
	behind := append(few[:0], make([]bool, j+1)...)
	behind[i] = true
	for n := i + 1; n <= j; n++ {
		for _, k := range d.Steps[n].After {
			behind[n] = behind[n] || k < n && behind[k]
		}
	}
	return behind[j]
}

// Participants returns everybody who takes part, each once, in order of appearance.
func (d Definition) Participants() []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, s := range d.Steps {
		add(s.Participant)
		if s.Compensation != nil {
			add(s.Compensation.Participant)
		}
	}
	return names
}
