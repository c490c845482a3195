package orchestrator_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// Faults, row 14: of two orchestrators that both believe to own the partition
// one append wins, and the other reloads. No step takes effect twice.
func TestTwoOwnersNeverDecideTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = refuseShippingOf("7")
		w.run("a")
		w.run("b")
		var ids []string
		for n := range 300 {
			id := fmt.Sprintf("o-%d", n)
			ids = append(ids, id)
			w.start(id)
			if n%20 == 0 { // whoever holds it goes on for a while, beside the next one
				w.journal.ExpireLease("partition.0")
				w.until("the lease is taken again", func() bool { return w.state(id).Status != instance.Absent })
			}
		}
		w.awaitEnds(ids)
		w.checkView(ids...)
	})
}

func refuseShippingOf(suffix string) func(protocol.Command) (protocol.Outcome, bool) {
	return func(c protocol.Command) (protocol.Outcome, bool) {
		if c.Action == "ship" && c.Saga[len(c.Saga)-1:] == suffix {
			return protocol.Refused, true
		}
		return "", true
	}
}

// awaitEnds waits for all, and checks each effect: once, or not at all.
func (w *world) awaitEnds(ids []string) {
	w.t.Helper()
	for _, id := range ids {
		w.until(id+" is over", func() bool { return w.state(id).Status.Over() })
		want := 0
		if w.state(id).Status == instance.Completed {
			want = 1
		}
		for _, step := range []string{"reserve", "charge", "ship"} {
			if got := w.effect(id, step); got != want {
				w.t.Errorf("%s is %s, net effect of %s: %d, want %d", id, w.state(id).Status, step, got, want)
			}
		}
	}
}

// Faults, rows 28, 29 and 39, and matrix row 2: killed before or after each
// append in turn, a process leaves nothing that the next one does not finish.
// It dies at once, or while its appends go nowhere and it still writes the view.
func TestKilledAtEveryAppendTheNextOwnerFinishes(t *testing.T) {
	for n := 1; n <= 17; n++ {
		for _, stored := range []bool{false, true} {
			for _, lingers := range []bool{false, true} {
				t.Run(fmt.Sprintf("append %d, stored %t, lingers %t", n, stored, lingers), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { killAndFinish(t, n, stored, lingers) })
				})
			}
		}
	}
}

func killAndFinish(t *testing.T, n int, stored, lingers bool) {
	def := fanOut()
	def.Steps[2].OnTimeout = sagas.TurnBack
	w := newWorld(t, def)
	w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
		if c.Action == "ship" && c.Saga == "turns" {
			return protocol.Refused, true
		}
		return "", c.Action != "ship" || c.Saga != "silent"
	}
	var dead atomic.Bool
	first := w.run("a", mortal(&dead))
	killed := w.killAt(first, n, stored)
	for _, id := range []string{"goes", "turns", "silent"} {
		w.start(id)
	}
	<-killed
	if lingers {
		<-time.After(time.Second)
	}
	w.crash(first, &dead)
	w.run("b")
	w.await("goes", instance.Completed)
	w.await("turns", instance.Compensated)
	w.await("silent", instance.Compensated) // its shipping took effect, and nobody said so
	w.awaitEnds([]string{"goes", "turns", "silent"})
	w.checkView("goes", "turns", "silent")
}

// fanOut is reserve and charge side by side, then ship.
func fanOut() sagas.Definition {
	d := threeSteps(false)
	d.Steps[1].After = nil
	d.Steps[2].After = []int{0, 1}
	return d
}

// Faults, row 28: after a decision that leaves another step ready, the core is
// asked again; a process that dies in between leaves the saga not at rest, and
// the next owner asks it although no input is left.
func TestASagaThatIsNotAtRestIsFoundByTheNextOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fanOut())
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false } // nobody answers
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		killed := w.killAt(first, 2, false)
		w.start("o-1")
		began := time.Now()
		<-killed
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("it took %v until the other step was to be requested", took)
		}
		w.until("the first command is delivered", func() bool { return w.commands(func(protocol.Command) bool { return true }) == 1 })
		w.crash(first, &dead)
		w.run("b")
		w.promptly("the other step is requested", func() bool {
			return w.commands(func(c protocol.Command) bool { return c.Action == "charge" }) == 1
		})
	})
}

// promptly is until, before a time-out could have brought the same about.
func (w *world) promptly(what string, ok func() bool) {
	w.t.Helper()
	began := time.Now()
	w.until(what, ok)
	if took := time.Since(began); took > 8*time.Second {
		w.t.Errorf("it took %v until %s: only a time-out told", took, what)
	}
}

// Faults, rows 28 and 39: a timer's turn of several links, of which only the
// first was stored, is finished at once by the next owner, although the view
// was written in between.
func TestATimersTurnThatWasCutShortIsFinishedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		def := fanOut()
		def.Steps[2].After, def.Steps[2].OnTimeout = nil, sagas.TurnBack
		w := newWorld(t, def)
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
			return "", c.Attempt.Direction == protocol.Do && c.Action != "ship"
		}
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		w.start("o-1")
		w.until("two steps are done", func() bool { return w.state("o-1").Links == 6 })
		killed := w.killAt(first, 2, false)
		<-killed
		<-time.After(2 * time.Second)
		if w.position() < w.state("o-1").Last {
			t.Log("the position waits before the timer's turn")
		}
		w.crash(first, &dead)
		w.run("b")
		w.promptly("all three are to be undone", func() bool {
			return w.commands(func(c protocol.Command) bool { return c.Attempt.Direction == protocol.Undo }) == 3
		})
	})
}

// Faults, row 38: a zombie's link, which no input tells of, opens an attempt.
// The owner knows it before the reply to that attempt, whatever the replica
// that it asks lacks; if it dropped the reply, only a time-out would tell.
func TestAReplyToAZombiesAttemptIsNotDropped(t *testing.T) {
	for _, lag := range []int{0, 1, 2} {
		t.Run(fmt.Sprintf("replica lacks %d", lag), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { zombieThenReply(t, lag) })
		})
	}
}

func zombieThenReply(t *testing.T, lag int) {
	w := newWorld(t, threeSteps(false))
	w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
		return "", c.Action != "reserve" || c.Attempt.Number == 2
	}
	m := w.run("b")
	run := w.start("o-1")
	began := time.Now()
	w.until("reserve is requested", func() bool { return len(w.state("o-1").Steps) == 1 })
	second := protocol.Command{
		Saga: "o-1", Definition: "order", Version: 1, Participant: "inventory", Action: "reserve",
		Attempt: protocol.Attempt{Run: run, Step: "reserve", Direction: protocol.Do, Number: 2},
	}
	m.journal.LagNext(lag)
	w.link("o-1", "zombie", &second,
		instance.ActionTimedOut{Step: "reserve", Number: 1},
		instance.ActionRequested{Step: "reserve", Number: 2, Participant: "inventory", Due: time.Now().Add(time.Hour)})
	s := w.await("o-1", instance.Completed)
	if got := s.Step("reserve").Do.Number; got != 2 {
		t.Errorf("reserve took %d attempts, want 2", got)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v: the reply was dropped", took)
	}
	if m.Status().Counts.Rivals != 1 {
		t.Errorf("%d links of others were seen, want 1", m.Status().Counts.Rivals)
	}
	w.checkView("o-1")
}

// Faults, row 39: the position must not pass a timer's turn whose link is in
// flight, or the next owner never reads that link.
func TestThePositionWaitsForATimersTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Saga == "busy" }
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		w.start("slow")
		w.until("reserve is requested", func() bool { return len(w.state("slow").Steps) == 1 })
		w.checkView("slow")
		// The timer's link is stored, and its acknowledgement never comes.
		gate := &inmem.Gate{}
		fired := make(chan struct{})
		first.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
			if d.Chain == w.subjects().Chain(0, "slow") {
				close(fired)
				return inmem.StoredLate(gate)
			}
			return inmem.Fault{}
		})
		<-fired
		w.start("busy")
		w.await("busy", instance.Completed)
		w.checkView("busy")
		before := w.position()
		dead.Store(true) // from here on the view hears nothing
		gate.Open()
		w.until("the timer's link is stored", func() bool { s := w.state("slow"); return s.Step("reserve").Do.Phase == instance.Waiting })
		if timer := w.state("slow").Last; before >= timer {
			t.Errorf("the position was %d before the timer's link %d was stored", before, timer)
		}
		w.crash(first, &dead)
		w.answer = nil
		w.run("b")
		w.await("slow", instance.Completed)
		w.checkView("slow", "busy")
	})
}

func (w *world) position() uint64 {
	w.t.Helper()
	at, err := w.view.Partition(0).Position(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return at.To
}

// Faults, row 25: a timer that both an old and a new owner fire is one decision.
func TestATimerThatFiresTwiceIsOneDecision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Attempt.Number > 1 }
		w.run("a")
		w.run("b")
		w.start("o-1")
		tick := time.NewTicker(1900 * time.Millisecond)
		defer tick.Stop()
		for w.state("o-1").Status != instance.Completed {
			<-tick.C
			w.journal.ExpireLease("partition.0")
		}
		s := w.state("o-1")
		for _, step := range s.Steps {
			if step.Do.Number != 2 {
				t.Errorf("%s took %d attempts, want 2", step.Name, step.Do.Number)
			}
		}
		w.checkView("o-1")
	})
}

// Faults, row 15: a clock that jumps by an hour delays, or fires early, and
// breaks nothing.
func TestAClockThatJumpsCorruptsNothing(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Attempt.Number > 1 }
				var skew atomic.Int64
				w.run("a", func(c *orchestrator.Config) {
					c.Now = func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
				})
				w.start("o-1")
				w.until("it runs", func() bool { return len(w.state("o-1").Steps) == 1 })
				skew.Store(int64(jump))
				w.start("o-2")
				if jump < 0 { // its first timer is an hour late at most
					w.await("o-2", instance.Completed)
					skew.Store(0)
				}
				w.await("o-1", instance.Completed)
				w.await("o-2", instance.Completed)
				w.awaitEnds([]string{"o-1", "o-2"})
				w.checkView("o-1", "o-2")
			})
		})
	}
}

// A new owner that finds nothing to read still fires the timers of sagas that
// wait: it takes them from the view.
func TestANewOwnerFiresTheTimersOfIdleSagas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Attempt.Number > 1 }
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		w.start("o-1")
		w.until("it runs", func() bool { return len(w.state("o-1").Steps) == 1 })
		w.checkView("o-1")
		w.awaitPosition()
		w.crash(first, &dead)
		w.run("b")
		w.await("o-1", instance.Completed)
		w.checkView("o-1")
	})
}

// Faults, row 45: that a dead member's leases expired is news which a watcher
// can miss. Its partitions are taken all the same.
func TestAMemberWhoseEndNobodyHearsOfIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Attempt.Number > 1 }
		var dead [2]atomic.Bool
		members := []*member{w.run("a", mortal(&dead[0])), w.run("b", mortal(&dead[1]))}
		<-time.After(5 * time.Second) // so that both know of each other, and who drives it stays
		w.start("o-1")
		w.until("it runs", func() bool { return len(w.state("o-1").Steps) == 1 })
		w.journal.ExpireUnseen()
		for n, m := range members {
			if len(m.Status().Partitions) == 1 {
				w.crash(m, &dead[n])
			}
		}
		w.await("o-1", instance.Completed)
		w.checkView("o-1")
	})
}
