package verbs

import (
	"context"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Summary is a saga without its payloads, as people and programs read it.
type Summary struct {
	ID         string            `json:"id"`
	Definition string            `json:"definition"`
	Version    int               `json:"version"`
	Status     string            `json:"status"`
	Suspended  bool              `json:"suspended,omitempty"`
	Parked     string            `json:"parked,omitempty"`
	Stuck      string            `json:"stuck,omitempty"` // which kind: parked, cannot-go-on, not-fully-undone
	Back       bool              `json:"back,omitempty"`
	BackFor    string            `json:"back_for,omitempty"`
	BackAt     string            `json:"back_at,omitempty"`
	BackSince  time.Time         `json:"back_since,omitzero"`
	StuckSince time.Time         `json:"stuck_since,omitzero"`
	Cluster    string            `json:"cluster,omitempty"` // of failures like its own
	PastPivot  bool              `json:"past_pivot,omitempty"`
	Cancelled  bool              `json:"cancelled,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Run        uint64            `json:"run"`
	Last       uint64            `json:"last"`
	Links      int               `json:"links"`
	Started    time.Time         `json:"started"`
	Updated    time.Time         `json:"updated"`
	Ended      time.Time         `json:"ended,omitzero"`
	Waiting    []Waiting         `json:"waiting"`
}

// Waiting is something that a saga waits for.
type Waiting struct {
	Step        string    `json:"step"`
	Direction   string    `json:"direction"`
	Phase       string    `json:"phase"`
	Attempt     int       `json:"attempt"`
	Participant string    `json:"participant,omitempty"`
	Due         time.Time `json:"due,omitzero"`
	Reason      string    `json:"reason,omitempty"`
}

// A Saga is one with its steps, and with its payloads where they are wanted.
type Saga struct {
	Summary
	Fingerprint string      `json:"fingerprint,omitempty"`
	Trace       string      `json:"trace,omitempty"`
	Read        uint64      `json:"read"`
	At          uint64      `json:"at,omitempty"`
	Pending     int         `json:"pending"`
	Input       any         `json:"input,omitempty"`
	InputBytes  int         `json:"input_bytes,omitempty"`
	Steps       []StepState `json:"steps"`
	Signals     []Signal    `json:"signals,omitempty"`
}

// A StepState is one step that was requested.
type StepState struct {
	Name string    `json:"name"`
	Do   Progress  `json:"do"`
	Undo *Progress `json:"undo,omitempty"`
}

// Progress is what is known of one direction of a step.
type Progress struct {
	Phase       string    `json:"phase"`
	Attempt     int       `json:"attempt,omitempty"`
	Participant string    `json:"participant,omitempty"`
	Due         time.Time `json:"due,omitzero"`
	Outcome     string    `json:"outcome,omitempty"`
	Doubt       bool      `json:"doubt,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Command     uint64    `json:"command,omitempty"`
	Settling    string    `json:"settling,omitempty"`
	ByHand      bool      `json:"by_hand,omitempty"`
	Output      any       `json:"output,omitempty"`
	OutputBytes int       `json:"output_bytes,omitempty"`
}

// A Signal is kept until something waits for it.
type Signal struct {
	Name  string `json:"name"`
	Input uint64 `json:"input"`
	Body  any    `json:"body,omitempty"`
}

// Summarize returns what lists show of s.
func Summarize(s instance.State) Summary {
	out := Summary{
		ID: s.ID, Definition: s.Definition, Version: max(s.Version, 0), Status: s.Status.String(), Suspended: s.Suspended,
		Parked: s.Parked, Back: s.Back, BackFor: s.BackFor, BackAt: s.BackAt, BackSince: s.BackSince,
		Cluster: orchestrator.ClusterOf(&s), PastPivot: s.PastPivot, Cancelled: s.Cancelled,
		Reason: s.Reason, Tags: s.Tags, Run: s.Run, Last: s.Last, Links: s.Links,
		Started: s.Started, Updated: s.Updated, Ended: s.Ended, Waiting: []Waiting{},
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		for _, d := range [...]protocol.Direction{protocol.Do, protocol.Undo} {
			if p := step.Toward(d); p.Phase != instance.Idle && p.Phase != instance.Closed {
				out.Waiting = append(out.Waiting, Waiting{step.Name, string(d), string(p.Phase), p.Number, p.Participant, p.Due, p.Reason})
			}
		}
	}
	if s.Status == instance.Stuck {
		out.StuckSince = s.StuckSince
	}
	switch {
	case s.Status != instance.Stuck:
	case s.Parked != "":
		out.Stuck = "parked"
	case s.Back:
		out.Stuck = "not-fully-undone"
	default:
		out.Stuck = "cannot-go-on"
	}
	return out
}

// Saga returns a saga whole, payloads included.
func (v *Verbs) Saga(ctx context.Context, r SagaRequest) (Saga, error) {
	found, err := v.Get(ctx, orchestrator.GetRequest{ID: r.ID, At: r.At})
	if err != nil {
		return Saga{}, err
	}
	return Show(found, true), nil
}

// Show returns s whole, as r adds up to it.
func Show(r orchestrator.Replayed, payloads bool) Saga {
	s := r.State
	out := Saga{
		Summary: Summarize(s), Fingerprint: s.Fingerprint, Trace: protocol.Text(s.Trace, maxText), Read: s.Read,
		At: r.Seen, Pending: len(r.Pending), InputBytes: len(s.Input), Steps: []StepState{},
	}
	if payloads {
		out.Input = Readable(s.Input)
	}
	for i := range s.Steps {
		step := StepState{Name: s.Steps[i].Name, Do: progress(s.Steps[i].Do, payloads)}
		if s.Steps[i].Undo.Phase != instance.Idle {
			undo := progress(s.Steps[i].Undo, payloads)
			step.Undo = &undo
		}
		out.Steps = append(out.Steps, step)
	}
	for _, signal := range s.Signals {
		shown := Signal{Name: signal.Name, Input: signal.Input}
		if payloads {
			shown.Body = Readable(signal.Body)
		}
		out.Signals = append(out.Signals, shown)
	}
	return out
}

func progress(p instance.Progress, payloads bool) Progress {
	out := Progress{
		Phase: string(p.Phase), Attempt: p.Number, Participant: p.Participant, Due: p.Due, Outcome: string(p.Outcome),
		Doubt: p.Doubt, Reason: p.Reason, Command: p.Command, Settling: string(p.Settling), ByHand: p.ByHand, OutputBytes: len(p.Output),
	}
	if out.Phase == "" {
		out.Phase = "idle"
	}
	if payloads {
		out.Output = Readable(p.Output)
	}
	return out
}
