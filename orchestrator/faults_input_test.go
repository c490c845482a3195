package orchestrator_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

type counted struct {
	N int `json:"n"`
}

// countingRequests has one step, whose mapping counts how often it is called.
func countingRequests(made *int) sagas.Definition {
	act := protocol.NewAction[counted, counted]("inventory", "act")
	undo := protocol.NewAction[counted, protocol.None]("inventory", "undo")
	return sagas.Define("counting", 1, sagas.Step("act", act,
		func(counted) counted { *made++; return counted{*made} }, nil).
		UndoneBy(sagas.By(undo, func(counted, *counted) counted { return counted{} }))).Definition
}

// Faults, rows 7, 18 and 27: replies that are late, twice, malformed, of
// another participant or with an unknown word change nothing; the journal
// keeps them, they are counted, and the saga goes its way.
func TestHostileRepliesChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "charge" }
		m := w.run("a")
		run := w.start("o-1")
		w.until("charge is requested", func() bool { s := w.state("o-1"); return s.Step("charge") != nil })
		before := w.state("o-1")
		reply := func(from string, change func(protocol.Header)) {
			h := protocol.Header{}
			protocol.Reply{
				Attempt: protocol.Attempt{Run: run, Step: "charge", Direction: protocol.Do, Number: 1},
				Outcome: protocol.Done,
			}.WriteHeader(h)
			change(h)
			w.publish(w.subjects().Reply(0, "o-1", from), h, []byte(`{}`))
		}
		set := func(key, value string) func(protocol.Header) {
			return func(h protocol.Header) { h.Set(key, value) }
		}
		for _, f := range []func(protocol.Header){
			set(protocol.HeaderOutcome, "succeeded"), set(protocol.HeaderOutcome, ""), set(protocol.HeaderOutcome, "unknown"),
			set(protocol.HeaderOutcome, "undone"), set(protocol.HeaderAttempt, "2"), set(protocol.HeaderAttempt, "-1"),
			set(protocol.HeaderAttempt, "99999999999999999999"), set(protocol.HeaderStep, "nosuch"), set(protocol.HeaderStep, "*"),
			set(protocol.HeaderStep, "ship"), set(protocol.HeaderRun, "999"), set(protocol.HeaderRun, "x"),
			set(protocol.HeaderDirection, "undo"), set(protocol.HeaderDirection, "sideways"),
			func(h protocol.Header) { clear(h) },
		} {
			reply("payment", f)
		}
		reply("inventory", func(protocol.Header) {})                            // answers for another
		reply("payment", set(protocol.HeaderStep, "reserve"))                   // was asked of another, and is over
		w.control("nosuch", "c-1", instance.Cancel)                             // no such saga
		w.publish("saga.0.o-1.in.payment.more", nil, []byte{0xff})              // no such subject
		w.publish("saga.0.o-1.in.signal.bad name", nil, nil)                    // no id
		w.publish(w.subjects().Control(0, "o-1", "c-1"), nil, []byte("cancel")) // says nothing
		for range 3 {
			reply("payment", set(protocol.HeaderOutcome, "rejected"))
		}
		w.awaitPosition()
		if after := w.state("o-1"); after.Last != before.Last {
			t.Errorf("it caused %d links", after.Links-before.Links)
		}
		counts := m.Status().Counts
		if counts.Rejected < 18 || counts.Stale < 3 || counts.Orphans != 1 {
			t.Errorf("rejected %d, stale %d, orphans %d", counts.Rejected, counts.Stale, counts.Orphans)
		}
		if got := len(m.Rejected()); uint64(got) != counts.Rejected {
			t.Errorf("%d rejected inputs are listed, %d were counted", got, counts.Rejected)
		}
		w.answer = nil
		reply("payment", func(protocol.Header) {})
		w.await("o-1", instance.Completed)
		reply("payment", func(protocol.Header) {}) // after the end
		w.awaitPosition()
		w.checkView("o-1")
	})
}

// awaitPosition waits until the view has passed everything that is stored now.
func (w *world) awaitPosition() {
	w.t.Helper()
	tail, err := w.journal.Partition(0).Tail(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.until("the position has passed everything", func() bool { return w.position() >= tail.Last })
}

// Faults, row 34: every stored start gets a decision. One that can never run
// ends with the reason, one whose definition is not linked in is parked until
// somebody has it; no other saga is harmed.
func TestEveryStoredStartGetsADecision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		first := w.run("a")
		ended := map[string]string{}
		forge := func(id, why string, change func(h protocol.Header)) {
			ended[id] = why
			h := protocol.Header{}
			h.Set(protocol.HeaderDefinition, "order")
			h.Set(protocol.HeaderVersion, "1")
			h.Set(protocol.HeaderExpectedSequence, "0")
			h.Set(protocol.HeaderExpectedSubject, w.subjects().Chain(0, id))
			change(h)
			w.publish(w.subjects().Start(0, id), h, []byte(`{}`))
		}
		forge("no-condition", "without the condition", func(h protocol.Header) {
			delete(h, protocol.HeaderExpectedSequence)
			delete(h, protocol.HeaderExpectedSubject)
		})
		forge("no-definition", "definition is empty", func(h protocol.Header) { delete(h, protocol.HeaderDefinition) })
		forge("bad-definition", "at byte", func(h protocol.Header) { h.Set(protocol.HeaderDefinition, "a.b") })
		forge("bad-version", "no version", func(h protocol.Header) { h.Set(protocol.HeaderVersion, "v1") })
		forge("bad-tags", "twice", func(h protocol.Header) { h.Set(protocol.HeaderTags, `{"a":"1","a":"2"}`) })
		for id, why := range ended {
			s := w.await(id, instance.Compensated)
			if !strings.Contains(s.Reason, why) {
				t.Errorf("%s ended because %q, want %q", id, s.Reason, why)
			}
		}
		made := 0
		later := countingRequests(&made)
		w.startOf("unknown", "counting", 1, `{}`)
		w.startOf("newer", "order", 2, `{}`)
		for _, id := range []string{"unknown", "newer"} {
			if s := w.await(id, instance.Stuck); !strings.Contains(s.Parked, "not linked in") {
				t.Errorf("%s is parked because %q", id, s.Parked)
			}
		}
		w.awaitEnds(w.startMany("others", 5))
		w.checkView("unknown", "newer", "no-condition", "others-4")

		first.stop()
		w.group.Go(func() { _ = w.journal.Commands(w.ctx, "inventory", w.serve) })
		w.run("b", func(c *orchestrator.Config) { c.Definitions = append(c.Definitions, later) })
		w.await("unknown", instance.Completed)
		if s := w.state("newer"); s.Status != instance.Stuck {
			t.Errorf("newer is %s", s.Status)
		}
		w.checkView("unknown", "newer")
	})
}

// A mapping that panics parks its saga; a process with the mended one goes on.
func TestAMappingThatPanicsParksItsSagaAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		act := protocol.NewAction[counted, counted]("inventory", "act")
		def := sagas.Define("panics", 1, sagas.Step("act", act, func(c counted) counted {
			if broken {
				panic("index out of range")
			}
			return c
		}, nil).NothingToUndo()).Definition
		w := newWorld(t, threeSteps(false), def)
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Saga != "p-1" }
		first := w.run("a")
		w.startOf("p-1", "panics", 1, `{"n":7}`)
		if s := w.await("p-1", instance.Stuck); !strings.Contains(s.Parked, "index out of range") {
			t.Errorf("parked because %q", s.Parked)
		}
		w.control("p-1", "c-1", instance.Suspend) // waits until somebody can decide
		w.awaitEnds(w.startMany("others", 5))
		links := w.state("p-1").Links
		first.stop()
		second := w.run("b") // as broken as the first: it says so once, not at each start
		w.until("b is live", func() bool { p := second.Status().Partitions; return len(p) == 1 && p[0].Live })
		w.awaitEnds(w.startMany("more", 5))
		if got := w.state("p-1").Links; got != links {
			t.Errorf("%d links after another process failed too, want %d", got, links)
		}
		second.stop()
		broken = false
		w.run("c")
		w.until("p-1 goes on, and takes what waited", func() bool { s := w.state("p-1"); return s.Parked == "" && s.Suspended })
		w.control("p-1", "c-2", instance.Resume)
		w.until("it is resumed", func() bool { return !w.state("p-1").Suspended })
		w.until("act was asked for", func() bool { return w.commands(func(c protocol.Command) bool { return c.Saga == "p-1" }) == 1 })
		w.reply(w.lastCommand(), protocol.Done)
		w.await("p-1", instance.Completed)
		w.checkView("p-1")
	})
}

// Faults, row 24: a second start is refused by the journal; one that forces
// its way in without the condition is refused by name, and harms nothing.
func TestASecondStartIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action == "reserve" }
		w.run("a")
		run := w.start("o-1")
		w.start("o-1") // refused by the journal
		w.until("charge is requested", func() bool { s := w.state("o-1"); return s.Step("charge") != nil })
		h := protocol.Header{}
		h.Set(protocol.HeaderDefinition, "order")
		h.Set(protocol.HeaderVersion, "1")
		forced := w.publish(w.subjects().Start(0, "o-1"), h, []byte(`{"other":true}`))
		w.until("it is refused by name", func() bool { return w.state("o-1").Last > forced })
		s := w.state("o-1")
		if s.Repeated != 0 || s.Run != run || strings.Contains(string(s.Input), "other") {
			t.Errorf("run %d, repeated %d, input %s", s.Run, s.Repeated, s.Input)
		}
		w.answer = nil
		w.reply(w.lastCommand(), protocol.Done)
		w.await("o-1", instance.Completed)
		w.checkView("o-1")
	})
}

// Faults, row 36: a request that is repeated is stored, and obeyed, once.
func TestARequestThatIsRepeatedIsObeyedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "charge" }
		w.run("a")
		w.start("o-1")
		w.until("charge is requested", func() bool { s := w.state("o-1"); return s.Step("charge") != nil })
		links := w.state("o-1").Links
		for range 3 {
			w.control("o-1", "s-1", instance.Suspend)
		}
		w.until("it is suspended", func() bool { return w.state("o-1").Suspended })
		w.control("o-1", "s-2", instance.Suspend) // another request: answered, and refused
		w.until("both are answered", func() bool { return w.state("o-1").Links == links+2 })
		w.control("o-1", "c-1", instance.Cancel)
		w.control("o-1", "r-1", instance.Resume)
		w.await("o-1", instance.Compensated) // charge is in doubt, so it is undone after its time-out
		w.awaitEnds([]string{"o-1"})
		w.checkView("o-1")
	})
}

// Faults, row 20: a definition that was changed without a new version is an
// error at start-up, before any saga is touched.
func TestADefinitionThatChangedIsAnErrorAtStartUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		first := w.run("a")
		w.awaitEnds(w.startMany("o", 2))
		first.stop()
		second := w.run("b", func(c *orchestrator.Config) { c.Definitions = []sagas.Definition{fanOut()} })
		var changed *orchestrator.ChangedError
		if err := <-second.ended; !errors.As(err, &changed) || changed.Definition != "order@1" {
			t.Errorf("got %v, want a ChangedError of order@1", err)
		}
	})
}

// An input of an hour ago without a start leaves, counted; one whose start
// came later stays.
func TestInputsWithoutAStartLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		w.control("ghost", "c-1", instance.Cancel)
		w.control("late", "c-1", instance.Cancel)
		w.until("both are counted", func() bool { return m.Status().Counts.Orphans == 2 })
		w.start("late")
		w.awaitEnds([]string{"late"})
		tick := time.NewTicker(time.Minute)
		defer tick.Stop()
		for range 70 {
			<-tick.C
		}
		if history, err := w.journal.Partition(0).History(w.ctx, "ghost", 0); err != nil || len(history) != 0 {
			t.Errorf("%d messages of ghost are left, %v", len(history), err)
		}
		if s := w.state("late"); s.Status != instance.Completed {
			t.Errorf("late is %s", s.Status)
		}
		w.checkView("late")
	})
}

// A start's trace is repeated by every link, so one that no link has room for is
// left out: else the start would get no decision.
func TestATraceWithoutBoundIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.run("a")
		const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		for id, c := range map[string]struct{ given, want string }{
			"traced": {trace, trace},
			"flood":  {strings.Repeat("0", 65_000), ""},
		} {
			h := protocol.Header{}
			h.Set(protocol.HeaderDefinition, "order")
			h.Set(protocol.HeaderVersion, "1")
			h.Set(protocol.HeaderTraceParent, c.given)
			h.Set(protocol.HeaderExpectedSequence, "0")
			h.Set(protocol.HeaderExpectedSubject, w.subjects().Chain(0, id))
			w.publish(w.subjects().Start(0, id), h, []byte(`{}`))
			if s := w.await(id, instance.Completed); s.Trace != c.want {
				t.Errorf("%s: a trace of %d bytes, want %d", id, len(s.Trace), len(c.want))
			}
		}
	})
}

// A start or an input in another partition than its id's is never taken for
// one of the saga: the start ends with the reason, the input is rejected.
func TestTheWrongPartitionIsToldBySubject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.journal = inmem.NewJournal(2)
		m := w.run("a", func(c *orchestrator.Config) { c.Definitions = []sagas.Definition{threeSteps(false)} })
		id := "o-1"
		wrong := 1 - protocol.Partition(id, 2)
		h := protocol.Header{}
		h.Set(protocol.HeaderDefinition, "order")
		h.Set(protocol.HeaderVersion, "1")
		h.Set(protocol.HeaderExpectedSequence, "0")
		h.Set(protocol.HeaderExpectedSubject, w.subjects().Chain(wrong, id))
		w.publish(w.subjects().Start(wrong, id), h, []byte(`{}`))
		w.publish(w.subjects().Reply(wrong, id, "inventory"), aReply(), nil)
		var s instance.State
		w.until("it is over", func() bool {
			r, err := orchestrator.Load(w.ctx, w.journal.Partition(wrong), id, 0, 2, nil)
			s = r.State
			return err == nil && s.Status.Over()
		})
		if s.Status != instance.Compensated || !strings.Contains(s.Reason, "its id belongs to") {
			t.Errorf("%s because %q", s.Status, s.Reason)
		}
		w.until("the reply is rejected", func() bool { return m.Status().Counts.Rejected == 1 })
	})
}

// aReply has the headers of a reply that is well formed.
func aReply() protocol.Header {
	h := protocol.Header{}
	protocol.Reply{
		Attempt: protocol.Attempt{Run: 1, Step: "reserve", Direction: protocol.Do, Number: 1}, Outcome: protocol.Done,
	}.WriteHeader(h)
	return h
}
