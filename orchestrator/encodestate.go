package orchestrator

import (
	"encoding/json"

	"github.com/amends-io/amends/orchestrator/instance"
)

// EncodeState writes s as rows of the view have it: what json.Marshal would
// write, which a test compares field by field.
func EncodeState(s instance.State) ([]byte, error) {
	return AppendState(make([]byte, 0, 512+256*len(s.Steps)+2*len(s.Input)), &s)
}

// AppendState is EncodeState behind what b has.
func AppendState(b []byte, s *instance.State) ([]byte, error) {
	o := object{b: b}
	o.state(s)
	return o.b, o.err
}

// DecodeState reads what EncodeState wrote.
func DecodeState(b []byte) (instance.State, error) {
	var s instance.State
	err := json.Unmarshal(b, &s)
	return s, err
}

func (o *object) state(s *instance.State) {
	o.open()
	o.text("id", s.ID)
	o.text("definition", s.Definition)
	o.count("version", s.Version)
	o.given("fingerprint", s.Fingerprint)
	if len(s.Tags) > 0 {
		o.key("tags")
		o.marshal(s.Tags)
	}
	o.given("trace", s.Trace)
	o.number("run", s.Run)
	o.number("last", s.Last)
	o.number("read", s.Read)
	o.count("links", s.Links)
	o.text("status", string(s.Status))
	o.yes("suspended", s.Suspended)
	o.given("parked", s.Parked)
	o.yes("back", s.Back)
	o.yes("past_pivot", s.PastPivot)
	o.yes("cancelled", s.Cancelled)
	o.given("back_at", s.BackAt)
	o.given("back_for", s.BackFor)
	o.given("reason", s.Reason)
	o.bytes("input", s.Input)
	if len(s.Steps) > 0 {
		o.key("steps")
		o.steps(s.Steps)
	}
	if len(s.Signals) > 0 {
		o.key("signals")
		o.marshal(s.Signals)
	}
	if len(s.Asked) > 0 {
		o.key("asked")
		o.marshal(s.Asked)
	}
	if s.Repeated != 0 {
		o.number("repeated", s.Repeated)
	}
	o.time("started", s.Started)
	o.time("updated", s.Updated)
	o.givenTime("ended", s.Ended)
	o.givenTime("back_since", s.BackSince)
	o.givenTime("stuck_since", s.StuckSince)
	o.close()
}

func (o *object) steps(steps []instance.Step) {
	for i := range steps {
		o.b = append(o.b, "[,"[min(i, 1)])
		o.open()
		o.text("name", steps[i].Name)
		o.key("do")
		o.progress(&steps[i].Do)
		if !empty(&steps[i].Undo) {
			o.key("undo")
			o.progress(&steps[i].Undo)
		}
		o.close()
	}
	o.b = append(o.b, ']')
}

// empty reports whether p is the zero Progress.
func empty(p *instance.Progress) bool {
	return p.Phase == "" && p.Number == 0 && p.Participant == "" && p.Due.IsZero() && p.Outcome == "" && !p.Doubt &&
		p.Reason == "" && p.Command == 0 && p.Settling == "" && !p.ByHand && p.Output == nil
}

func (o *object) progress(p *instance.Progress) {
	o.open()
	o.given("phase", string(p.Phase))
	if p.Number != 0 {
		o.count("number", p.Number)
	}
	o.given("participant", p.Participant)
	o.givenTime("due", p.Due)
	o.given("outcome", string(p.Outcome))
	o.yes("doubt", p.Doubt)
	o.given("reason", p.Reason)
	if p.Command != 0 {
		o.number("command", p.Command)
	}
	o.given("settling", string(p.Settling))
	o.yes("by_hand", p.ByHand)
	o.bytes("output", p.Output)
	o.close()
}
