package orchestrator

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// turn decides what a saga does, one append at a time, until it is at rest and
// has no input left. While the owner catches up it waits: the journal may hold
// the decisions already.
func (o *owner) turn(sg *saga) {
	if o.sagas[sg.id()] != sg {
		return // forgotten: another run may have taken its place, and its hold
	}
	for o.live && sg.flight == nil && !sg.loading && !sg.blocked && sg.frozen == nil {
		decision, input, ok := o.next(sg)
		if !ok {
			break
		}
		if err := o.append(sg, decision, input, false); err != nil {
			o.later(sg, err)
			return
		}
	}
	o.settle(sg)
}

// settle lets the position pass a saga that has nothing under way. One that is
// over and written already leaves memory, as no write to come would see to it.
func (o *owner) settle(sg *saga) {
	if !sg.idle() && !sg.over() {
		return
	}
	o.holds.remove(sg.id())
	if o.live && sg.over() && sg.written != nil && sg.written.Last == sg.state.Last {
		o.evict(sg)
	}
}

// next returns the saga's next decision: first what is ready without an
// input, then what its inputs cause, in order. Inputs that cause none are
// dropped, which the core allows only where the state proves them over.
func (o *owner) next(sg *saga) (instance.Decision, *Pending, bool) {
	now := instance.Moment{At: o.moment(), Random: rand.Float64()}
	if !sg.resting && sg.state.Fingerprint != "" {
		d, err := o.decide(sg, nil, now)
		switch {
		case err != nil && sg.state.Parked == "" || errors.Is(err, errNoDefinition):
			return o.park(sg, err, errors.Is(err, errNoDefinition))
		case err != nil: // its command still cannot be made, but inputs can be read: a cancel, say
		case len(d.Events) > 0:
			return d, nil, true
		}
	}
	sg.resting = true
	for len(sg.queue) > 0 {
		p := sg.queue[0]
		if p.Refusal != "" {
			sg.queue = sg.queue[1:]
			return instance.Refuse(sg.state, p.Refusal, now.At), &p, true
		}
		d, err := o.decide(sg, p.Input, now)
		switch {
		case err == nil:
			sg.queue = sg.queue[1:]
			return d, &p, true
		case mustPark(err):
			return o.park(sg, err, true)
		case errors.Is(err, instance.ErrNoStep) && !o.knows(sg, p.Sequence):
			// It may speak of a link that we lack: the journal knows.
			if !o.reload(sg, p.Sequence) {
				return instance.Decision{}, nil, false
			}
			return o.next(sg)
		}
		sg.queue = sg.queue[1:]
		o.drop(sg, p, err)
	}
	return instance.Decision{}, nil, false
}

// moment is the time of a decision that is made now.
func (o *owner) moment() time.Time { return o.cfg.Now().UTC().Truncate(time.Millisecond) }

// errNoDefinition says that this process cannot decide for a saga.
var errNoDefinition = errors.New("its definition is not linked in here")

func (o *owner) decide(sg *saga, in instance.Input, now instance.Moment) (instance.Decision, error) {
	if sg.state.Status.Over() {
		if in == nil {
			return instance.Decision{}, nil
		}
		return instance.Decision{}, instance.ErrOver
	}
	def, err := o.defs.of(&sg.state)
	if err != nil {
		return instance.Decision{}, err
	}
	return instance.Decide(sg.own(def), sg.state, in, now)
}

// mustPark reports whether err says that this process cannot decide.
func mustPark(err error) bool {
	var mapping *instance.MappingError
	return errors.As(err, &mapping) || errors.Is(err, errNoDefinition)
}

// park makes a saga visibly stuck that this process cannot decide for. If it is
// the next input that cannot be decided, the saga is blocked: what it could not
// decide stays unread, for whoever can.
func (o *owner) park(sg *saga, err error, blocked bool) (instance.Decision, *Pending, bool) {
	sg.blocked = blocked
	if sg.state.Parked != "" {
		return instance.Decision{}, nil, false // it is parked already, and stays so
	}
	o.alarm(sg, "a saga is parked", "saga", sg.id(), "definition", sg.state.Definition, "version", sg.state.Version, "reason", err)
	d := instance.Park(sg.state, protocol.Text(err.Error(), protocol.MaxReason), o.moment())
	if err := o.append(sg, d, nil, true); err != nil {
		sg.blocked = false
		o.later(sg, err)
	}
	return instance.Decision{}, nil, false
}

// append publishes a decision on condition that the saga's last link is the
// one it was decided from.
func (o *owner) append(sg *saga, d instance.Decision, input *Pending, park bool) error {
	if d.Command != nil && d.Command.Again != 0 {
		first, err := o.get(d.Command.Again)
		if err != nil {
			if input != nil {
				sg.queue = append([]Pending{*input}, sg.queue...)
			}
			return fmt.Errorf("bytes of the first attempt: %w", err)
		}
		d.Command.Body = first.Body
	}
	draft, err := LinkDraft(o.subjects, o.p, &sg.state, d)
	if err != nil {
		return err
	}
	f := &flight{saga: sg, decision: d, draft: draft, input: input, park: park}
	if o.cfg.Observer != nil && d.Command != nil {
		o.traceCommand(f)
	}
	sg.flight = f
	o.flights++
	o.publish(f)
	return nil
}

func (o *owner) publish(f *flight) {
	f.tries++
	f.sent = time.Now()
	try := f.tries
	o.part.Append(f.draft, func(sequence uint64, err error) {
		o.inbox.put(func() { o.landed(f, try, sequence, err) })
	})
}

// landed takes the outcome of a try to append.
func (o *owner) landed(f *flight, try int, sequence uint64, err error) {
	switch {
	case f.saga.flight != f: // it was found, or given up, before
	case err != nil && try != f.tries: // the journal was asked meanwhile
	case err == nil:
		o.stored(f, sequence)
	case errors.Is(err, ErrConflict), errors.Is(err, ErrInDoubt):
		o.doubt(f, err)
	case errors.Is(err, ErrTooMuch):
		o.tooMuch(f, err)
	default:
		o.fail(fmt.Errorf("append to %s: %w", f.draft.Subject, err))
	}
}

// stored takes a link of ours that the journal has, and goes on. The state is
// still the one that the link was decided from, as its condition held.
func (o *owner) stored(f *flight, sequence uint64) {
	sg := f.saga
	o.end(f)
	sg.state = instance.Stored(*f.decision.After, sequence)
	sg.resting = false
	o.stats.links.Add(1)
	o.acknowledged(f, sequence)
	if o.cfg.Observer != nil {
		o.observe(f, sequence)
	}
	o.changed(sg)
	o.turn(sg)
}

func (o *owner) end(f *flight) {
	if f.saga.flight == f {
		f.saga.flight = nil
		o.flights--
	}
}

// tooMuch parks a saga whose link the journal will never take.
func (o *owner) tooMuch(f *flight, err error) {
	sg := f.saga
	o.end(f)
	if f.input != nil {
		sg.queue = append([]Pending{*f.input}, sg.queue...)
	}
	if f.park {
		sg.frozen = err
		o.alarm(sg, "a saga cannot even be parked", "saga", sg.id(), "error", err)
	} else {
		o.park(sg, err, true)
	}
	o.settle(sg)
}
