package verbs

import (
	"context"
	"fmt"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A Plan is what may happen to a saga from here, forward and back. It is played
// through by the very rules that decide, so it cannot say anything else.
type Plan struct {
	ID         string        `json:"id"`
	At         uint64        `json:"at"`
	Status     string        `json:"status"`
	Definition string        `json:"definition,omitempty"`
	Version    int           `json:"version,omitempty"`
	Steps      []PlannedStep `json:"steps"`
	Forward    Road          `json:"forward"` // without anybody's help
	Back       Road          `json:"back"`    // if it were cancelled now
	NotUndone  []string      `json:"not_undone"`
	Can        []Possible    `json:"can"`
}

// A PlannedStep is a step of the definition, and where it is.
type PlannedStep struct {
	Name          string    `json:"name"`
	Participant   string    `json:"participant"`
	Action        string    `json:"action"`
	After         []string  `json:"after"`
	Pivot         bool      `json:"pivot,omitempty"`
	NothingToUndo bool      `json:"nothing_to_undo,omitempty"`
	Compensation  *UndoneBy `json:"compensation,omitempty"`
	Do            Progress  `json:"do"`
	Undo          *Progress `json:"undo,omitempty"`
	Effect        string    `json:"effect"` // none, certain, possible or undone
}

// UndoneBy says who undoes a step.
type UndoneBy struct {
	Participant string `json:"participant"`
	Action      string `json:"action"`
}

// Possible is something that a person may ask for.
type Possible struct {
	Action      string `json:"action"`
	Step        string `json:"step,omitempty"`
	Direction   string `json:"direction,omitempty"`
	As          string `json:"as,omitempty"`
	NeedsOutput bool   `json:"needs_output,omitempty"`
}

// Plan plays a saga through, from the state after a message on.
func (v *Verbs) Plan(ctx context.Context, r SagaRequest) (Plan, error) {
	part, err := v.home(r.ID)
	if err != nil {
		return Plan{}, err
	}
	replayed, _, err := v.at(ctx, part, r.ID, r.At)
	if err != nil {
		return Plan{}, err
	}
	s := replayed.State
	p := Plan{
		ID: s.ID, At: replayed.Seen, Status: s.Status.String(), Definition: s.Definition, Version: max(s.Version, 0),
		Steps: []PlannedStep{}, NotUndone: []string{}, Can: []Possible{}, Forward: still(s), Back: still(s),
	}
	def, ok, err := v.definition(ctx, s.Definition, s.Version)
	if err != nil {
		return Plan{}, err
	}
	if !ok {
		p.Forward.Needs = fmt.Sprintf("the definition %s@%d is not registered: no decision was made by it yet", protocol.Text(s.Definition, 64), s.Version)
		p.Back.Needs = p.Forward.Needs
		return p, nil
	}
	for i := range def.Steps {
		step := planned(def, i, s.Step(def.Steps[i].Name))
		if !s.Status.Over() && (step.Effect == "certain" || step.Effect == "possible") {
			p.NotUndone = append(p.NotUndone, step.Name)
		}
		p.Steps = append(p.Steps, step)
	}
	p.Can = possible(def, s)
	p.Forward = play(def, s, false)
	if p.Back = p.Forward; !s.Back {
		p.Back = play(def, s, true)
	}
	return p, nil
}

func planned(def sagas.Definition, i int, at *instance.Step) PlannedStep {
	d := def.Steps[i]
	out := PlannedStep{
		Name: d.Name, Participant: d.Participant, Action: d.Action, After: []string{}, Pivot: d.Pivot, NothingToUndo: d.NothingToUndo,
		Do: Progress{Phase: "idle"}, Effect: "none",
	}
	for _, k := range d.After {
		out.After = append(out.After, def.Steps[k].Name)
	}
	if c := d.Compensation; c != nil {
		out.Compensation = &UndoneBy{c.Participant, c.Action}
	}
	if at == nil {
		return out
	}
	out.Do = progress(at.Do, false)
	if at.Undo.Phase != instance.Idle {
		undo := progress(at.Undo, false)
		out.Undo = &undo
	}
	do, undo := at.Do, at.Undo
	switch {
	case undo.Phase == instance.Closed && (undo.Outcome == protocol.Undone || undo.Outcome == protocol.NothingToUndo):
		out.Effect = "undone"
	case do.Phase == instance.Closed && do.Outcome == protocol.Done:
		out.Effect = "certain"
	case do.Doubt || do.Phase == instance.Open || do.Phase == instance.Halted:
		out.Effect = "possible"
	}
	return out
}

// possible tries what a person may ask for on the rules that decide about it.
func possible(def sagas.Definition, s instance.State) []Possible {
	can := []Possible{}
	try := func(p Possible) {
		in := instance.Control{
			Sequence: max(s.Last, s.Read) + 1, Verb: instance.Verb(p.Action), By: "plan",
			Step: p.Step, Direction: protocol.Direction(p.Direction), As: protocol.Outcome(p.As),
		}
		d, err := instance.Decide(def, s, in, instance.Moment{At: s.Updated})
		if err != nil {
			return
		}
		for _, ev := range d.Events {
			if _, refused := ev.(instance.ControlRefused); refused {
				return
			}
			if c, ok := ev.(instance.CancelRequested); ok && c.TooLate {
				return
			}
		}
		can = append(can, p)
	}
	for _, verb := range []instance.Verb{instance.Cancel, instance.Suspend, instance.Resume} {
		try(Possible{Action: string(verb)})
	}
	for i := range s.Steps {
		for _, d := range [...]string{string(protocol.Do), string(protocol.Undo)} {
			name := s.Steps[i].Name
			try(Possible{Action: string(instance.Retry), Step: name, Direction: d})
			try(Possible{Action: string(instance.Resolve), Step: name, Direction: d, As: string(protocol.Done), NeedsOutput: true})
			try(Possible{Action: string(instance.Resolve), Step: name, Direction: d, As: string(protocol.Undone)})
		}
	}
	return can
}
