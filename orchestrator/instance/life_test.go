package instance_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// firstRun is the sequence of every start: not the first of its journal, so
// that there can be inputs of an earlier run.
const firstRun = 100

// A life is one instance with the journal it is driven from. It does what the
// orchestrator's loop does: a decision is appended, and its link folded, and
// then the core is asked again without an input until it has nothing to add.
type life struct {
	def    sagas.Definition
	begun  instance.State // of which only the start is stored
	state  instance.State
	prior  instance.State // before the latest link
	now    time.Time
	random float64
	last   uint64 // sequence of the journal's last message

	links  []entry
	bodies map[uint64][]byte                           // of inputs and of commands, by sequence
	watch  func(in instance.Input, e entry, err error) // told of every link, and of every input that was dropped
	ask    func(s instance.State, in instance.Input, now instance.Moment) (instance.Decision, error)
}

// An entry is a link as the journal has it.
type entry struct {
	instance.Link
	text    string // Saga-Events; of a repeated start, nothing
	command *instance.Command
}

func begin(def sagas.Definition, input string) *life {
	l := &life{
		def: def, now: epoch, last: firstRun, bodies: map[uint64][]byte{},
		begun: instance.Begin(instance.Request{
			ID: "o-1", Sequence: firstRun, Time: epoch, Definition: def.Name, Version: def.Version, Input: []byte(input),
		}),
	}
	l.state = l.begun
	l.ask = func(s instance.State, in instance.Input, now instance.Moment) (instance.Decision, error) {
		return instance.Decide(def, s, in, now)
	}
	return l
}

// next hands out the sequence of a message whose body others may refer to.
func (l *life) next(body []byte) uint64 {
	l.last++
	l.bodies[l.last] = body
	return l.last
}

// take decides in and whatever is ready after it. It returns why in was
// dropped, if it was.
func (l *life) take(in instance.Input) error {
	err := l.decide(in)
	l.rest()
	return err
}

// rest asks without an input until there is nothing to add.
func (l *life) rest() {
	for n := 0; ; n++ {
		if n > 1000 {
			panic("it never comes to rest")
		}
		links := len(l.links)
		if err := l.decide(nil); err != nil || len(l.links) == links {
			return
		}
	}
}

// decide asks once. What no process can decide now is parked.
func (l *life) decide(in instance.Input) error {
	d, err := l.ask(l.state, in, instance.Moment{At: l.now, Random: l.random})
	var mapping *instance.MappingError
	switch {
	case errors.As(err, &mapping):
		if l.state.Parked == "" {
			l.append(nil, instance.Park(l.state, err.Error(), l.now))
		}
	case err != nil:
		if l.watch != nil {
			l.watch(in, entry{}, err)
		}
	case len(d.Events) > 0:
		l.append(in, d)
	}
	return err
}

// append stores d, and folds what a reader of the journal finds.
func (l *life) append(in instance.Input, d instance.Decision) {
	text, err := orchestrator.EncodeEvents(d.Events)
	if err != nil {
		panic(err)
	}
	var body []byte
	if c := d.Command; c != nil {
		if body = c.Body; c.Again != 0 {
			body = l.bodies[c.Again]
		}
	}
	e := entry{instance.Link{Sequence: l.next(body), Time: l.now, Read: d.Read}, text, d.Command}
	e.Events = l.decode(text)
	l.links = append(l.links, e)
	l.prior, l.state = l.state, instance.Fold(l.state, e.Link)
	if foreseen := instance.Stored(*d.After, e.Sequence); encode(foreseen) != encode(l.state) {
		panic("the decision leads to another state than its link: " + cmp.Diff(l.state, foreseen))
	}
	if l.watch != nil {
		l.watch(in, e, nil)
	}
}

// repeat stores a second start as a client may that leaves out the condition.
func (l *life) repeat() {
	e := entry{Link: instance.Link{Sequence: l.next(nil), Time: l.now}}
	l.links = append(l.links, e)
	l.state = instance.Repeat(l.state, e.Sequence, e.Time)
	l.rest()
}

// decode reads events, with the bodies of the inputs that they refer to.
func (l *life) decode(text string) []instance.Event {
	events, err := orchestrator.DecodeEvents(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	for i, ev := range events {
		switch ev := ev.(type) {
		case instance.ActionDone:
			ev.Output = l.bodies[ev.Reply]
			events[i] = ev
		case instance.SignalReceived:
			ev.Body = l.bodies[ev.Input]
			events[i] = ev
		case instance.ResolveRequested:
			if ev.Direction == protocol.Do && ev.As == protocol.Done {
				ev.Output = l.bodies[ev.Input]
			}
			events[i] = ev
		case instance.Resolved:
			if ev.Direction == protocol.Do && ev.As == protocol.Done {
				ev.Output = l.bodies[ev.Input]
			}
			events[i] = ev
		}
	}
	return events
}

// replayed folds the whole journal again.
func (l *life) replayed() instance.State {
	s := l.begun
	for _, e := range l.links {
		if e.text == "" {
			s = instance.Repeat(s, e.Sequence, e.Time)
			continue
		}
		s = instance.Fold(s, instance.Link{Sequence: e.Sequence, Time: e.Time, Read: e.Read, Events: l.decode(e.text)})
	}
	return s
}
