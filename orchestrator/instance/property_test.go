package instance_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// FuzzDecide drives random sagas through random lives, in which most inputs
// are late, repeated, out of order, or lies, and checks after every decision
// what must hold (see checker). Of two lives one has honest participants: when
// it is over, its effects in the world are counted.
func FuzzDecide(f *testing.F) {
	for seed := range uint64(700) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		live(t, seed, nil)
	})
}

// live drives one life from beginning to end. Its links are told to watch.
func live(t *testing.T, seed uint64, watch func(before instance.State, e entry)) {
	t.Helper()
	d := newDriver(seed, watch)
	defer func() {
		if r := recover(); r != nil {
			d.check.fail("panic: %v", r)
			t.Error(d.report(seed))
			panic(r)
		}
	}()
	for n := 0; n < 150 && !d.state.Status.Over() && len(d.check.faults) == 0; n++ {
		d.step()
	}
	d.heal()
	d.audit()
	if len(d.check.faults) > 0 {
		t.Fatal(d.report(seed))
	}
}

// A driver is the rest of the world around a life.
type driver struct {
	*life
	*rand.Rand
	plans   []plan
	code    *mappings
	check   *checker
	world   *world
	honest  bool
	sent    []instance.Command
	replies []instance.Reply // answers that were given, and may come any time
	frozen  []snapshot
	log     strings.Builder
}

// A snapshot is a state that must never change again.
type snapshot struct {
	state instance.State
	text  string
}

func newDriver(seed uint64, watch func(instance.State, entry)) *driver {
	r := rand.New(rand.NewPCG(seed, 7))
	d := &driver{Rand: r, world: newWorld(r), honest: seed%2 == 0, code: &mappings{broken: map[string]bool{}}}
	d.plans = (&generator{Rand: r}).plans()
	d.life = begin(d.code.define(d.plans...), `{"id":"o-1"}`)
	if err := d.def.Validate(); err != nil {
		panic(err)
	}
	d.check = newChecker(d.def)
	d.ask = d.decideTwice
	if watch != nil { // somebody wants to see many lives, soon
		d.ask = d.decideOnce
	}
	d.watch = func(in instance.Input, e entry, err error) {
		fmt.Fprintf(&d.log, "%8s  %+v\n", since(d.now), in)
		if err != nil {
			fmt.Fprintf(&d.log, "%10sdropped: %v\n", "", err)
			return
		}
		fmt.Fprintf(&d.log, "%10slink %d read %d: %s\n", "", e.Sequence, e.Read, e.text)
		if watch != nil {
			watch(d.prior, e)
		}
		d.check.link(e, d.bodies[e.Sequence])
		d.check.read(in, e.Read)
		if e.command != nil {
			d.sent = append(d.sent, *e.command)
		}
	}
	return d
}

func (d *driver) decideOnce(s instance.State, in instance.Input, now instance.Moment) (instance.Decision, error) {
	return instance.Decide(d.life.def, s, in, now)
}

// decideTwice asks the core, and checks that it is a function of its arguments
// that leaves them as they were.
func (d *driver) decideTwice(s instance.State, in instance.Input, now instance.Moment) (instance.Decision, error) {
	before := s
	before.Steps, before.Signals = slices.Clone(s.Steps), slices.Clone(s.Signals)
	first, err := instance.Decide(d.life.def, s, in, now)
	if !reflect.DeepEqual(before, s) {
		d.check.fail("Decide changes its argument: %s", cmp.Diff(before, s))
	}
	second, again := instance.Decide(d.life.def, s, in, now)
	if !reflect.DeepEqual(first, second) || fmt.Sprint(err) != fmt.Sprint(again) {
		d.check.fail("the same arguments give another decision: %s, %v, %v", cmp.Diff(first, second), err, again)
	}
	if err != nil && len(first.Events) > 0 {
		d.check.fail("error %v comes with events %v", err, first.Events)
	}
	return first, err
}

func encode(s instance.State) string {
	b, err := orchestrator.EncodeState(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// step lets one thing happen.
func (d *driver) step() {
	switch n := d.IntN(100); {
	case !d.started() && n < 60:
		_ = d.take(instance.Start{Sequence: firstRun})
	case !d.started() && n < 62: // somebody found that it can never run
		d.append(instance.Start{Sequence: firstRun}, instance.Refuse(d.state, "the start cannot be read", d.now))
	case n < 28:
		d.deliver()
	case n < 53:
		d.answer()
	case n < 57:
		d.timer()
	case n < 74:
		d.stray()
	case n < 78:
		d.early()
	case n < 84 && !d.honest:
		d.lie()
	case n < 94:
		d.operate()
	case n < 95:
		_ = d.take(instance.Start{Sequence: firstRun})
	case n < 96:
		d.repeat()
	case n < 98:
		d.release()
	default:
		d.restart()
	}
	d.atRest()
}

// deliver hands a command to its participant: the latest one, or any again.
// answer lets a reply come in: mostly the latest, and now and then once more.
// reply takes in, and checks that it counts exactly if its attempt is open.
// timer lets the time of the next timer come.
// stray takes a reply that speaks of nothing that is open: of another attempt,
// another run, or by somebody else than who was asked.
// early fires a timer that is not due, or must wait, or is none.
// lie answers an open attempt with any word, whatever became of it.
// operate is a person, or a client that sends a signal.
// attemptToDecide is most often one that a person can decide about.
// control takes in, which must be answered by the decision that reads it.
// release brings new code, which mends what was broken, or breaks something.
func (d *driver) release() {
	d.code.version, d.code.broken = d.code.version+1, map[string]bool{}
	if d.IntN(2) == 0 {
		d.code.broken["do "+d.def.Steps[d.IntN(len(d.def.Steps))].Name] = true
		d.code.broken["undo "+d.def.Steps[d.IntN(len(d.def.Steps))].Name] = true
		d.code.broken["check"] = d.IntN(4) == 0
	}
	d.rest()
}

// restart goes on from the row that a view would have, or from the state that
// was written there, which nobody may change any more.
func (d *driver) restart() {
	text := encode(d.state)
	d.frozen = append(d.frozen, snapshot{d.state, text})
	s, err := orchestrator.DecodeState([]byte(text))
	if err != nil {
		d.check.fail("a row cannot be read: %v", err)
	}
	if diff := cmp.Diff(d.state, s); diff != "" {
		d.check.fail("a row is another state: %s", diff)
	}
	if d.IntN(2) == 0 {
		d.state = s
	}
	d.rest()
}
