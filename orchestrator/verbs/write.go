package verbs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// Anonymous is who asks, where nobody says it.
const Anonymous = "anonymous"

// A StartRequest asks for a saga.
type StartRequest struct {
	Definition string            `json:"definition"`
	Version    int               `json:"version,omitempty"` // 0: the newest that is registered
	ID         string            `json:"id,omitempty"`      // drawn if empty
	Input      json.RawMessage   `json:"input,omitempty"`   // {} if empty
	Tags       map[string]string `json:"tags,omitempty"`
}

// Started is a saga that is stored.
type Started struct {
	ID      string `json:"id"`
	Run     uint64 `json:"run"`
	Existed bool   `json:"existed"`
	Version int    `json:"version,omitempty"`
}

// What asks for something about a saga, or about many.
type What struct {
	Action    string          `json:"action"`
	Reason    string          `json:"reason,omitempty"`
	Who       string          `json:"who,omitempty"`
	Step      string          `json:"step,omitempty"`
	Direction string          `json:"direction,omitempty"`
	Attempt   int             `json:"attempt,omitempty"`
	As        string          `json:"as,omitempty"`
	Output    json.RawMessage `json:"output,omitempty"`
	Unsettled bool            `json:"unsettled,omitempty"`
}

// A ControlRequest asks for something about one saga. Request makes a repeat
// recognisable.
type ControlRequest struct {
	What
	Request string `json:"request,omitempty"`
}

// A SignalRequest is a message to a running saga.
type SignalRequest struct {
	Name    string          `json:"name"`
	Body    json.RawMessage `json:"body,omitempty"`
	Request string          `json:"request,omitempty"`
}

// A Decision is what was decided about a request.
type Decision struct {
	Request  string    `json:"request"`
	Asked    uint64    `json:"asked"`
	Repeated bool      `json:"repeated,omitempty"`
	Decided  uint64    `json:"decided"`
	Time     time.Time `json:"time,omitzero"`
	Obeyed   bool      `json:"obeyed"`
	Refused  string    `json:"refused,omitempty"`
	TooLate  bool      `json:"too_late,omitempty"`
	Events   []Event   `json:"events,omitempty"`
}

// Start stores a start.
func (v *Verbs) Start(ctx context.Context, r StartRequest) (Started, error) {
	if v.cfg.Sagas == nil {
		return Started{}, errReadOnly
	}
	if err := protocol.CheckName("definition", r.Definition); err != nil {
		return Started{}, Invalid(err)
	}
	if r.ID != "" {
		if err := protocol.CheckID(r.ID); err != nil {
			return Started{}, Invalid(err)
		}
	}
	if r.Version < 0 {
		return Started{}, invalidf("version %d: versions count from 1", r.Version)
	}
	if err := checkTags(r.Tags); err != nil {
		return Started{}, Invalid(err)
	}
	if r.Version == 0 {
		var err error
		if r.Version, err = v.newest(ctx, r.Definition); err != nil {
			return Started{}, err
		}
	}
	if len(r.Input) == 0 {
		r.Input = json.RawMessage("{}")
	}
	started, err := v.cfg.Sagas.Start(ctx, r)
	started.Version = r.Version
	return started, err
}

func checkTags(tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	text, err := json.Marshal(tags)
	if err == nil {
		_, err = orchestrator.ReadTags(string(text))
	}
	return err
}

// Control asks for something about a saga, and returns the decision. One that
// was refused is a Failure which has it.
func (v *Verbs) Control(ctx context.Context, id string, r ControlRequest) (Decision, error) {
	if v.cfg.Sagas == nil {
		return Decision{}, errReadOnly
	}
	if err := protocol.CheckID(id); err != nil {
		return Decision{}, Invalid(err)
	}
	if err := r.What.check(); err != nil {
		return Decision{}, Invalid(err)
	}
	if r.Request != "" {
		if err := protocol.CheckID(r.Request); err != nil {
			return Decision{}, invalidf("request: %w", err)
		}
	}
	return refusal(v.cfg.Sagas.Control(ctx, id, r))
}

// Signal sends a saga a message.
func (v *Verbs) Signal(ctx context.Context, id string, r SignalRequest) (Decision, error) {
	if v.cfg.Sagas == nil {
		return Decision{}, errReadOnly
	}
	if err := protocol.CheckID(id); err != nil {
		return Decision{}, Invalid(err)
	}
	if err := protocol.CheckName("signal", r.Name); err != nil {
		return Decision{}, Invalid(err)
	}
	if r.Request != "" {
		if err := protocol.CheckID(r.Request); err != nil {
			return Decision{}, invalidf("request: %w", err)
		}
	}
	return refusal(v.cfg.Sagas.Signal(ctx, id, r))
}

func refusal(d Decision, err error) (Decision, error) {
	switch {
	case err != nil || d.Obeyed:
		return d, err
	case d.TooLate:
		return d, &Failure{Code: orchestrator.CodeRefused, Decision: &d, Err: errors.New("too late: the pivot was requested; it takes effect only if that is refused")}
	}
	return d, &Failure{Code: orchestrator.CodeRefused, Decision: &d, Err: errors.New("refused: " + d.Refused)}
}

// check completes w, and says what can never be done.
func (w *What) check() error {
	w.Who = cmp.Or(protocol.Text(w.Who, orchestrator.MaxWho), Anonymous)
	w.Reason = protocol.Text(w.Reason, protocol.MaxReason)
	if w.Attempt < 0 {
		return invalidf("attempt %d is negative", w.Attempt)
	}
	switch verb := instance.Verb(w.Action); verb {
	case instance.Cancel, instance.Suspend, instance.Resume:
		if w.Step != "" || w.Direction != "" || w.Attempt != 0 || w.As != "" || len(w.Output) > 0 || w.Unsettled {
			return invalidf("%s is about a whole saga: leave out step, direction, attempt, as, output and unsettled", verb)
		}
		return nil
	case instance.Retry, instance.Resolve:
		if err := protocol.CheckName("step", w.Step); err != nil {
			return err
		}
		if w.Direction = cmp.Or(w.Direction, string(protocol.Do)); !protocol.Direction(w.Direction).Valid() {
			return invalidf("direction %q is neither do nor undo", protocol.Text(w.Direction, 16))
		}
		if verb == instance.Retry && (w.As != "" || len(w.Output) > 0 || w.Unsettled) {
			return invalidf("retry has no as, output or unsettled: that is resolve")
		}
		if verb == instance.Resolve && w.As != string(protocol.Done) && w.As != string(protocol.Undone) {
			return invalidf("as %q is neither done nor undone", protocol.Text(w.As, 16))
		}
		return nil
	}
	return invalidf("action %q is none of cancel, suspend, resume, retry, resolve", protocol.Text(w.Action, 32))
}
