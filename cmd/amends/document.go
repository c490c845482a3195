package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// A document is a saga as JSON shows it to people and programs: the state, with
// payloads that can be read.
type document struct {
	instance.State
	Input   any              `json:"input,omitempty"`
	Steps   []stepDocument   `json:"steps,omitempty"`
	Signals []signalDocument `json:"signals,omitempty"`
}

type stepDocument struct {
	Name string            `json:"name"`
	Do   progressDocument  `json:"do"`
	Undo *progressDocument `json:"undo,omitempty"`
}

type progressDocument struct {
	instance.Progress
	Output any `json:"output,omitempty"`
}

type signalDocument struct {
	instance.Signal
	Body any `json:"body,omitempty"`
}

func documentOf(s instance.State) document {
	d := document{State: s, Input: verbs.Readable(s.Input)}
	for _, step := range s.Steps {
		entry := stepDocument{Name: step.Name, Do: progressDocument{step.Do, verbs.Readable(step.Do.Output)}}
		if step.Undo.Phase != instance.Idle {
			entry.Undo = &progressDocument{step.Undo, verbs.Readable(step.Undo.Output)}
		}
		d.Steps = append(d.Steps, entry)
	}
	for _, signal := range s.Signals {
		d.Signals = append(d.Signals, signalDocument{signal, verbs.Readable(signal.Body)})
	}
	return d
}

// statusText is a status with what else a person has to know.
func statusText(s instance.State) string {
	text := s.Status.String()
	if s.Parked != "" {
		text += ", parked"
	}
	if s.Suspended {
		text += ", suspended"
	}
	return text
}

// reasonText is why a saga is not on its way forward.
func reasonText(s instance.State) string {
	if s.Parked != "" {
		return s.Parked
	}
	return s.Reason
}

// tagsText is a saga's tags for one cell.
func tagsText(tags map[string]string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, key+"="+tags[key])
	}
	return strings.Join(list, " ")
}
