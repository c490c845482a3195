package protocol

import (
	"encoding/json"
	"fmt"
)

// None is the type of a request or a result that says nothing.
type None struct{}

// An Action is the contract of one thing that a participant does: its name and
// the types of its request and its result. Both sides declare it once, in a
// package that imports this one alone. Bodies are JSON.
type Action[Req, Rep any] struct{ participant, name string }

// NewAction returns the action called name of participant. The names are
// checked where the action is used: by a definition's Validate and when a
// participant is started.
func NewAction[Req, Rep any](participant, name string) Action[Req, Rep] {
	return Action[Req, Rep]{participant, name}
}

// Participant is who carries the action out.
func (a Action[Req, Rep]) Participant() string { return a.participant }

// Name is what the participant calls it.
func (a Action[Req, Rep]) Name() string { return a.name }

// Check reports whether the action's names can be used.
func (a Action[Req, Rep]) Check() error {
	if err := CheckName("participant", a.participant); err != nil {
		return err
	}
	return CheckName("action", a.name)
}

// Encode returns v as a body; None is the empty body.
func Encode(v any) ([]byte, error) {
	if _, none := v.(None); none {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxPayload {
		return nil, fmt.Errorf("body has %d bytes, at most %d are allowed; send more by reference", len(b), MaxPayload)
	}
	return b, nil
}

// Decode reads a body into v. Unlike encoding/json it refuses duplicate keys
// and deep nesting (see CheckJSON). An empty body leaves a None as it is.
func Decode(body []byte, v any) error {
	if _, none := v.(*None); none && len(body) == 0 {
		return nil
	}
	return read(body, v)
}

// DecodeAgain reads a body that Decode took before, and does not check it once
// more.
func DecodeAgain(body []byte, v any) error {
	if _, none := v.(*None); none && len(body) == 0 {
		return nil
	}
	return json.Unmarshal(body, v)
}
