package orchestrator_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// Faults, row 17: every append that is in doubt is read back; neither a lost
// acknowledgement nor a publish that is stored late makes a second decision.
func TestAppendsInDoubtAreReadBack(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				w.answer = refuseShippingOf("4")
				m := w.run("a")
				r := rand.New(rand.NewPCG(seed, 7))
				var late []*inmem.Gate
				m.journal.SetHook(func(orchestrator.Draft) inmem.Fault {
					switch r.IntN(6) {
					case 0:
						return inmem.AckLost()
					case 1:
						return inmem.NotStored()
					case 2:
						g := &inmem.Gate{}
						late = append(late, g)
						return inmem.StoredLate(g)
					}
					if len(late) > 0 {
						g := late[0]
						late = late[1:]
						go g.Open()
					}
					return inmem.Fault{}
				})
				ids := w.startMany("o", 40)
				w.awaitEnds(ids)
				m.journal.SetHook(nil)
				w.checkView(ids...)
				if m.Status().Counts.Doubts == 0 {
					t.Error("no append was in doubt: the test shows nothing")
				}
			})
		})
	}
}

// Faults, row 46: a link that the journal will not take parks its saga, and
// the partition goes on.
func TestALinkOverABoundParksItsSagaAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
			if d.Subject == w.subjects().Link(0, "large", "payment") {
				return inmem.Fails(orchestrator.ErrTooMuch)
			}
			return inmem.Fault{}
		})
		w.start("large")
		s := w.await("large", instance.Stuck)
		if !strings.Contains(s.Parked, "bound") {
			t.Errorf("parked because %q", s.Parked)
		}
		w.awaitEnds(w.startMany("others", 10))
		w.checkView("large", "others-3")

		// A process for which the bound is no bound goes on where it stopped.
		m.stop()
		w.run("b")
		w.await("large", instance.Completed)
		w.checkView("large")
	})
}

// A saga that cannot even be parked is left alone; the partition goes on.
func TestASagaThatCannotBeParkedHarmsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
			if d.Chain == w.subjects().Chain(0, "full") {
				return inmem.Fails(orchestrator.ErrTooMuch)
			}
			return inmem.Fault{}
		})
		w.start("full")
		ids := w.startMany("others", 10)
		w.awaitEnds(ids)
		w.checkView(ids...)
		if m.Status().Counts.Alarms == 0 {
			t.Error("nobody was told")
		}
		w.until("the position passes it", func() bool { return w.position() > w.state("others-9").Read })
	})
}

// Any other refusal of the journal stops the partition, which is then taken
// over anew: it neither spins nor skips.
func TestAnUnknownErrorOfTheJournalTakesThePartitionOverAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		failed := 0
		m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
			if d.Chain != "" && failed < 3 {
				failed++
				return inmem.Fails(errors.New("insufficient storage resources"))
			}
			return inmem.Fault{}
		})
		ids := w.startMany("o", 10)
		w.awaitEnds(ids)
		w.checkView(ids...)
	})
}

// A retry sends the bytes of the first attempt, read from the journal, even if
// the mapping would make others by now (faults, row 35).
func TestARetrySendsTheFirstAttemptsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		def := countingRequests(&made)
		w := newWorld(t, def)
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
			if c.Attempt.Number < 3 {
				return protocol.Failed, true
			}
			return "", true
		}
		w.run("a")
		w.startOf("o-1", def.Name, 1, `{}`)
		w.await("o-1", instance.Completed)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.sent) != 3 {
			t.Fatalf("%d commands, want 3", len(w.sent))
		}
		for _, c := range w.sent {
			if string(c.Body) != `{"n":1}` {
				t.Errorf("attempt %d sent %s", c.Attempt.Number, c.Body)
			}
		}
	})
}

// A connection that is cut for longer than a lease loses nothing.
func TestAConnectionThatIsCutLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		ids := w.startMany("before", 20)
		m.journal.Cut()
		ids = append(ids, w.startMany("during", 20)...)
		w.until("it owns nothing", func() bool { return len(m.Status().Partitions) == 0 })
		m.journal.Restore()
		w.awaitEnds(ids)
		w.checkView(ids...)
	})
}

// An interrupted reader goes on where it was, once the journal was looked at.
func TestAnInterruptedReaderSkipsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		var ids []string
		for n := range 20 {
			ids = append(ids, w.startMany(fmt.Sprintf("o%d", n), 5)...)
			m.journal.InterruptReaders()
		}
		w.awaitEnds(ids)
		w.checkView(ids...)
	})
}
