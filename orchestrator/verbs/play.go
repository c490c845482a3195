package verbs

import (
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A Road is what would happen if every answer were the best one.
type Road struct {
	Moves []Move `json:"moves"`
	Ends  string `json:"ends"`            // the status where it stops
	Needs string `json:"needs,omitempty"` // what a person would have to do first
}

// A Move is a command that would be sent. Those of one round run beside each
// other.
type Move struct {
	Step        string `json:"step"`
	Direction   string `json:"direction"`
	Participant string `json:"participant"`
	Action      string `json:"action"`
	Round       int    `json:"round"`
	Attempt     int    `json:"attempt"`
}

// still is the road of a saga of which nothing more can be said.
func still(s instance.State) Road { return Road{Moves: []Move{}, Ends: s.Status.String()} }

// A player plays a saga by the rules of the core, with made-up answers.
type player struct {
	def   sagas.Definition
	state instance.State
	now   time.Time
	road  Road
}

// play goes on from s until nothing happens any more: every attempt in flight
// takes effect, every waiting one begins at once.
func play(def sagas.Definition, s instance.State, back bool) Road {
	p := &player{def: def, state: s, now: s.Updated, road: still(s)}
	if s.Status.Over() {
		return p.road
	}
	p.state.Steps = slices.Clone(s.Steps)
	if reason := p.begin(back); reason != "" {
		p.road.Needs = reason
		return p.road
	}
	// Each round answers what is in flight; a step has at most a few turns.
	for round := 1; round <= 4*len(def.Steps)+4; round++ {
		if !p.rest(round) || !p.answer(round+1) {
			break
		}
	}
	p.road.Ends = p.state.Status.String()
	switch {
	case p.state.Status == instance.Stuck:
		p.road.Needs = "a person has to decide: " + p.state.Reason
	case p.state.Suspended:
		p.road.Needs = "it has to be resumed"
	}
	return p.road
}

// begin decides the start, if nobody has, and turns back, if that is asked for.
func (p *player) begin(back bool) (impossible string) {
	if p.state.Parked != "" {
		return "it is parked until somebody can decide: " + p.state.Parked
	}
	if p.state.Fingerprint == "" {
		p.decide(instance.Start{Sequence: p.state.Run}, 1)
	}
	if !back {
		return ""
	}
	if p.state.PastPivot {
		return "the pivot was requested: there is no way back"
	}
	if p.state.Suspended {
		p.decide(instance.Control{Verb: instance.Resume}, 1)
	}
	p.decide(instance.Control{Verb: instance.Cancel}, 1)
	return ""
}

// decide asks the core, and folds what it says. It reports whether it said
// anything.
func (p *player) decide(in instance.Input, round int) bool {
	next := max(p.state.Last, p.state.Read) + 1
	switch typed := in.(type) {
	case instance.Control:
		typed.Sequence, typed.By = next, "plan"
		in = typed
	case instance.Reply:
		typed.Sequence = next
		in = typed
	}
	d, err := instance.Decide(p.def, p.state, in, instance.Moment{At: p.now})
	if err != nil {
		p.road.Needs = err.Error()
		return false
	}
	if len(d.Events) == 0 {
		return false
	}
	if c := d.Command; c != nil {
		p.road.Moves = append(p.road.Moves, Move{
			c.Attempt.Step, string(c.Attempt.Direction), c.Participant, c.Action, round, c.Attempt.Number,
		})
	}
	p.state = instance.Stored(*d.After, next+1)
	return true
}

// rest asks without an input until there is nothing to add. It reports whether
// the saga goes on at all.
func (p *player) rest(round int) bool {
	for range 2*len(p.def.Steps) + 2 {
		if !p.decide(nil, round) {
			break
		}
	}
	if p.state.Status.Over() || p.road.Needs != "" {
		return false
	}
	// What waits for its time begins in this round.
	for {
		t, ok := p.state.NextTimer()
		if !ok || p.phase(t.Attempt) != instance.Waiting {
			return true
		}
		p.now = t.Due
		if !p.decide(instance.TimerFired{Attempt: t.Attempt}, round) {
			return true
		}
	}
}

func (p *player) phase(a protocol.Attempt) instance.Phase {
	return p.state.Step(a.Step).Toward(a.Direction).Phase
}

// answer has everything that is in flight take effect, which may send commands
// of that round. It reports whether there was anything.
func (p *player) answer(round int) (any bool) {
	type flight struct {
		participant string
		reply       protocol.Reply
	}
	var flights []flight // first, as answers open new attempts
	for i := range p.state.Steps {
		for _, dir := range [...]protocol.Direction{protocol.Do, protocol.Undo} {
			step := p.state.Steps[i]
			progress := step.Toward(dir)
			if progress.Phase != instance.Open {
				continue
			}
			r := protocol.Reply{
				Attempt: protocol.Attempt{Run: p.state.Run, Step: step.Name, Direction: dir, Number: progress.Number},
				Outcome: protocol.Done, Body: []byte("{}"),
			}
			switch {
			case dir == protocol.Undo:
				r.Outcome, r.Body = protocol.Undone, nil
			case progress.Settling == protocol.Undone:
				r.Outcome, r.Body = protocol.Refused, nil
			}
			flights = append(flights, flight{progress.Participant, r})
		}
	}
	for _, f := range flights {
		any = p.decide(instance.Reply{Participant: f.participant, Reply: f.reply}, round) || any
	}
	return any
}
