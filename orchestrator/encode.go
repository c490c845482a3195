package orchestrator

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
)

// eventTypes names every event on the wire. A name is for ever: a changed
// event is a new type with a new name.
var eventTypes = func() map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for _, ev := range []instance.Event{
		instance.Started{}, instance.StartRefused{}, instance.TurnedBack{}, instance.SagaCompleted{},
		instance.SagaCompensated{}, instance.Parked{}, instance.Unparked{}, instance.SignalReceived{},
		instance.ActionRequested{}, instance.ActionDone{}, instance.ActionRefused{}, instance.ActionFailed{},
		instance.ActionTimedOut{}, instance.CompensationRequested{}, instance.CompensationDone{},
		instance.CompensationFailed{}, instance.CompensationTimedOut{}, instance.RetryScheduled{},
		instance.StepHalted{}, instance.CancelRequested{}, instance.Suspended{}, instance.Resumed{},
		instance.RetryRequested{}, instance.ResolveRequested{}, instance.Resolved{}, instance.ResolveFailed{},
		instance.ControlRefused{},
	} {
		types[EventName(ev)] = reflect.TypeOf(ev)
	}
	return types
}()

// EventName is the name of ev's type on the wire.
func EventName(ev instance.Event) string { return reflect.TypeOf(ev).Name() }

// EncodeEvents writes events as the header Saga-Events has them: a JSON array
// of objects, each with the event's name as its only key.
func EncodeEvents(events []instance.Event) (string, error) {
	o := object{b: make([]byte, 0, 192)}
	o.events(events)
	return string(o.b), o.err
}

func (o *object) events(events []instance.Event) {
	o.b = append(o.b, '[')
	for i, ev := range events {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(append(append(o.b, '{', '"'), EventName(ev)...), '"', ':')
		o.event(ev)
		o.b = append(o.b, '}')
		if o.err != nil {
			o.err = fmt.Errorf("encode %T: %w", ev, o.err)
			return
		}
	}
	o.b = append(o.b, ']')
}

// event writes what encoding/json would. The events of every saga have code of
// their own, which a test compares with it.
func (o *object) event(ev instance.Event) {
	switch ev := ev.(type) {
	case instance.Started:
		o.open()
		o.text("fingerprint", ev.Fingerprint)
	case instance.ActionRequested:
		o.requested(ev.Step, ev.Number, ev.Participant, ev.Due)
		o.yes("pivot", ev.Pivot)
	case instance.ActionDone:
		o.attempt(ev.Step, ev.Number)
		o.number("reply", ev.Reply)
	case instance.CompensationRequested:
		o.requested(ev.Step, ev.Number, ev.Participant, ev.Due)
	case instance.CompensationDone:
		o.attempt(ev.Step, ev.Number)
		o.number("reply", ev.Reply)
		o.yes("nothing", ev.Nothing)
	default:
		o.marshal(ev)
		return
	}
	o.close()
}

// attempt begins an event that names one.
func (o *object) attempt(step string, number int) {
	o.open()
	o.text("step", step)
	o.count("number", number)
}

func (o *object) requested(step string, number int, participant string, due time.Time) {
	o.attempt(step, number)
	o.text("participant", participant)
	o.time("due", due)
}

// DecodeEvents reads what EncodeEvents wrote. It fails on an event that it
// does not know: to go on without it would make another state.
func DecodeEvents(text string) ([]instance.Event, error) {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("a link without events")
	}
	events := make([]instance.Event, 0, len(list))
	for _, entry := range list {
		if len(entry) != 1 {
			return nil, fmt.Errorf("an event with %d names", len(entry))
		}
		for name, body := range entry {
			t, ok := eventTypes[name]
			if !ok {
				return nil, fmt.Errorf("event %.64q is not known to this version", name)
			}
			ev := reflect.New(t)
			if err := json.Unmarshal(body, ev.Interface()); err != nil {
				return nil, fmt.Errorf("event %s: %w", name, err)
			}
			events = append(events, ev.Elem().Interface().(instance.Event))
		}
	}
	return events, nil
}
