package orchestrator_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/participants/protocol"
)

// An owner that is live reads inputs alone, so it sees no link of another that
// believes to own the partition. What follows plays such links.

// A eavesdropper notes what an owner reads and stores.
type eavesdropper struct {
	mu           sync.Mutex
	before, live []orchestrator.Message
	stored       []uint64
}

func (*eavesdropper) TraceParent(*instance.State, protocol.Attempt) string { return "" }
func (*eavesdropper) Began(int, orchestrator.Partition, uint64)            {}
func (*eavesdropper) Context(ctx context.Context, _ *instance.State) context.Context {
	return ctx
}

func (l *eavesdropper) Stored(_ int, m orchestrator.Message, _ []instance.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored = append(l.stored, m.Sequence)
}

func (l *eavesdropper) Read(_ int, m orchestrator.Message, live bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if live {
		l.live = append(l.live, m)
	} else {
		l.before = append(l.before, m)
	}
}

// Everything that was stored before a takeover is read, links too; after it
// inputs alone, none is left out, and each link of our own is told once. What
// is read and stored adds up to the whole journal, whatever interrupts.
func TestLiveInputsAloneAreReadAndNoneIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		killed := w.killAt(first, 8, true)
		ids := w.startMany("before", 5)
		<-killed
		w.crash(first, &dead)
		synctest.Wait() // the participants answer what was requested
		tail, errTail := w.journal.Partition(0).Tail(w.ctx)
		at, errAt := w.view.Partition(0).Position(w.ctx) // the first canary may be behind it already
		if errTail != nil || errAt != nil || at.To > 1 {
			t.Fatalf("position %+v, %v, %v", at, errTail, errAt)
		}
		var l eavesdropper
		second := w.run("b", func(c *orchestrator.Config) { c.Observer = &l })
		w.until("b is live", func() bool { p := second.Status().Partitions; return len(p) == 1 && p[0].Live })
		for range 10 {
			ids = append(ids, w.startMany("after"+strconv.Itoa(len(ids)), 3)...)
			second.journal.InterruptReaders()
			<-time.After(100 * time.Millisecond)
		}
		w.awaitEnds(ids)
		w.awaitPosition()
		l.mu.Lock()
		defer l.mu.Unlock()
		all := slices.Clone(l.stored)
		for i, m := range l.before {
			if all = append(all, m.Sequence); m.Sequence != at.To+uint64(i+1) {
				t.Fatalf("message %d was read after %d", m.Sequence, at.To+uint64(i))
			}
		}
		if last := at.To + uint64(len(l.before)); last < tail.Last || last > tail.Last+1 { // the canary may be the one that ends it
			t.Errorf("messages were read up to %d to catch up, %d were there", last, tail.Last)
		}
		for _, m := range l.live {
			if all = append(all, m.Sequence); m.Address.Kind == protocol.KindLink {
				t.Errorf("link %d was read", m.Sequence)
			}
		}
		slices.Sort(all)
		for i, sequence := range all {
			if sequence != at.To+uint64(i+1) {
				t.Fatalf("after message %d comes %d", at.To+uint64(i), sequence)
			}
		}
	})
}

// secondAttempt is what a zombie stores that sees a time-out before we do.
func (w *world) secondAttempt(run uint64) uint64 {
	c := protocol.Command{
		Saga: "o-1", Definition: "order", Version: 1, Participant: "inventory", Action: "reserve",
		Attempt: protocol.Attempt{Run: run, Step: "reserve", Direction: protocol.Do, Number: 2},
	}
	return w.link("o-1", "zombie", &c, instance.ActionTimedOut{Step: "reserve", Number: 1},
		instance.ActionRequested{Step: "reserve", Number: 2, Participant: "inventory", Due: time.Now().Add(time.Hour)})
}

// oneAttemptOpen starts o-1, whose first attempt at reserve nobody answers.
func (w *world) oneAttemptOpen() (run uint64) {
	w.t.Helper()
	w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
		return "", c.Action != "reserve" || c.Attempt.Number == 2
	}
	run = w.start("o-1")
	w.until("reserve is requested", func() bool { return len(w.state("o-1").Steps) == 1 })
	return run
}

func (w *world) secondAttemptIsTaken(began time.Time) {
	w.t.Helper()
	s := w.await("o-1", instance.Completed)
	if took := time.Since(began); took > 5*time.Second {
		w.t.Errorf("it took %v: the reply was dropped", took)
	}
	if got := s.Step("reserve").Do.Number; got != 2 {
		w.t.Errorf("reserve took %d attempts, want 2", got)
	}
	w.checkView("o-1")
}

// A laggingJournal asks a replica that lacks the two newest messages, as often
// as lags says.
type laggingJournal struct {
	*inmem.Journal
	lags *atomic.Int64
}

func (j laggingJournal) Partition(p int) orchestrator.Partition {
	return laggingPartition{j.Journal.Partition(p), j}
}

type laggingPartition struct {
	orchestrator.Partition
	journal laggingJournal
}

func (p laggingPartition) History(ctx context.Context, id string, from uint64) ([]orchestrator.Message, error) {
	if p.journal.lags.Add(-1) >= 0 {
		p.journal.LagNext(2)
	}
	return p.Partition.History(ctx, id, from)
}

// Faults, row 38: a replica's answer counts only if it has the input in hand,
// even where it has something that came before the zombie's link. So does that
// of the one that is asked for the whole history.
func TestAReplicaThatLacksTheInputSaysNothing(t *testing.T) {
	for _, times := range []int64{1, 2, 5} {
		t.Run(strconv.FormatInt(times, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { laggingThenReply(t, times) })
		})
	}
}

func laggingThenReply(t *testing.T, times int64) {
	w := newWorld(t, threeSteps(false))
	var lags atomic.Int64
	w.run("b", func(c *orchestrator.Config) { c.Journal = laggingJournal{c.Journal.(*inmem.Journal), &lags} })
	run := w.oneAttemptOpen()
	began := time.Now()
	h := protocol.Header{}
	protocol.Reply{
		Attempt: protocol.Attempt{Run: run, Step: "reserve", Direction: protocol.Do, Number: 1}, Outcome: protocol.Rejected,
	}.WriteHeader(h)
	w.publish(w.subjects().Reply(0, "o-1", "inventory"), h, nil)
	lags.Store(times)
	w.secondAttempt(run)
	w.secondAttemptIsTaken(began)
}

// Faults, row 24: a start that was forced in after a zombie's link does not
// hide that link, although nothing says what it follows.
func TestAForcedStartHidesNoLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.run("b")
		run := w.oneAttemptOpen()
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", false }
		w.secondAttempt(run)
		h := protocol.Header{}
		h.Set(protocol.HeaderDefinition, "order")
		h.Set(protocol.HeaderVersion, "1")
		forced := w.publish(w.subjects().Start(0, "o-1"), h, []byte(`{}`))
		w.until("it is refused by name", func() bool { return w.state("o-1").Last > forced })
		w.checkView("o-1")
		s := w.state("o-1")
		if got := s.Step("reserve").Do.Number; got != 2 {
			t.Errorf("attempt %d, want the zombie's", got)
		}
	})
}

// counting counts the whole histories that are read.
func counting(whole *atomic.Int64) func(*orchestrator.Config) {
	return func(c *orchestrator.Config) {
		c.Journal = orchestratortest.Tampered{Journal: c.Journal, History: func(ctx context.Context, p orchestrator.Partition, id string, from uint64) ([]orchestrator.Message, error) {
			if from <= 1 {
				whole.Add(1)
			}
			return p.History(ctx, id, from)
		}}
	}
}

// Replies to attempts that never were are looked into, as they may tell of a
// zombie's; but whoever sends thousands cannot make an owner read thousands of
// histories.
func TestRepliesToAttemptsThatNeverWereReadNoHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var whole atomic.Int64
		m := w.run("b", counting(&whole))
		run := w.oneAttemptOpen()
		for n := range 500 {
			h := protocol.Header{}
			protocol.Reply{
				Attempt: protocol.Attempt{Run: run + uint64(n%2), Step: "reserve", Direction: protocol.Do, Number: 2 + n}, Outcome: protocol.Done,
			}.WriteHeader(h)
			w.publish(w.subjects().Reply(0, "o-1", "inventory"), h, []byte(`{}`))
		}
		w.until("they are rejected", func() bool { return m.Status().Counts.Rejected == 500 })
		if n := whole.Load(); n > 0 {
			t.Errorf("%d histories were read", n)
		}
		w.secondAttempt(run) // and one that is, all the same
		w.secondAttemptIsTaken(time.Now())
	})
}

// A saga whose history a rival made leave is forgotten when it is to go on, and
// its row goes. Its id may be used again.
func TestASagaWhoseHistoryARivalPurgedIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		run := w.oneAttemptOpen()
		w.checkView("o-1")
		if err := w.journal.Partition(0).Purge(w.ctx, "o-1", w.state("o-1").Last+1); err != nil {
			t.Fatal(err)
		}
		late := w.lastCommand()
		w.reply(late, protocol.Done)
		w.until("nothing is left of it", func() bool {
			rows, err := w.view.Partition(0).States(w.ctx, []string{"o-1"})
			sagas, appends := inMemory(m)
			return err == nil && len(rows)+sagas+appends == 0
		})
		w.awaitPosition()
		w.answer = nil
		if again := w.start("o-1"); again <= run {
			t.Fatalf("run %d after %d", again, run)
		}
		w.await("o-1", instance.Completed)
		w.checkView("o-1")
	})
}

// A leader that changes may take acknowledgements with it. They are asked for
// once reading was interrupted, before they time out.
func TestAnAcknowledgementThatIsLostWithALeaderIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		var held atomic.Int64
		m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
			if d.Chain != "" && held.Add(1) <= 20 {
				return inmem.AckHeld(&inmem.Gate{})
			}
			return inmem.Fault{}
		})
		ids := w.startMany("o", 20)
		w.until("all are held", func() bool { return held.Load() == 20 })
		began := time.Now()
		m.journal.InterruptReaders()
		w.awaitEnds(ids)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if n := m.Status().Counts.Conflicts; n > 0 {
			t.Errorf("%d of our own links were taken for somebody else's", n)
		}
		w.checkView(ids...)
	})
}

// Nothing is behind in a partition where nothing happens, although the last
// message is a link that its owner does not read.
func TestAnIdlePartitionIsNotBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a", func(c *orchestrator.Config) { c.CanaryEvery = time.Hour })
		w.awaitEnds(w.startMany("o", 10))
		w.awaitPosition()
		tail, err := w.journal.Partition(0).Tail(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		last, err := w.journal.Partition(0).Get(w.ctx, tail.Last)
		if err != nil || last.Address.Kind != protocol.KindLink {
			t.Fatalf("the last message is %v, %v", last.Address, err)
		}
		if got := m.Status().Partitions[0].Read; got != tail.Last {
			t.Errorf("it has read %d of %d", got, tail.Last)
		}
	})
}

// Faults, row 38: a row of the view is a prefix of the chain too. Its owner saw
// no link of a rival, and its position passed one all the same; so the next
// owner, who reads from there on, does not know every saga up to its goal.
func TestAReplyToAZombiesAttemptIsNotDroppedAfterATakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		run := w.oneAttemptOpen()
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
		link := w.secondAttempt(run)
		w.control("ghost", "c-1", instance.Cancel)
		w.until("the position has passed the zombie's link", func() bool { return w.position() > link })
		w.crash(first, &dead)
		began := time.Now()
		c := w.lastCommand()
		w.answer = nil
		w.reply(c, protocol.Done) // before the goal
		w.run("b")
		w.secondAttemptIsTaken(began)
	})
}

// An interruptedJournal's readers say that they were interrupted, whatever
// else has ended them in the same moment.
type interruptedJournal struct{ *inmem.Journal }

func (j interruptedJournal) Partition(p int) orchestrator.Partition {
	return interruptedPartition{j.Journal.Partition(p)}
}

type interruptedPartition struct{ orchestrator.Partition }

func (p interruptedPartition) Read(ctx context.Context, from uint64, handle func(orchestrator.Message) error) error {
	_ = p.Partition.Read(ctx, from, handle)
	return orchestrator.ErrInterrupted
}

// Links end with the goal also where reading is interrupted right there.
func TestWhoIsInterruptedAtTheGoalReadsInputsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var l eavesdropper
		w.run("a", func(c *orchestrator.Config) {
			c.Journal, c.Observer = interruptedJournal{c.Journal.(*inmem.Journal)}, &l
		})
		w.awaitEnds(w.startMany("o", 3))
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, m := range l.live {
			if m.Address.Kind == protocol.KindLink {
				t.Errorf("link %d was read", m.Sequence)
			}
		}
	})
}

// An append that lost to a rival's link takes its input along: it is looked at
// again, and at once, even if the replica that is asked has the link and lacks
// the input.
func TestAnInputWhoseAppendLostIsLookedAtAgain(t *testing.T) {
	for lag := range 2 {
		t.Run(strconv.Itoa(lag), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, threeSteps(false))
				m := w.run("b")
				run := w.oneAttemptOpen()
				w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
				w.secondAttempt(run)
				m.journal.LagNext(lag)
				began := time.Now()
				w.control("o-1", "c-1", instance.Suspend)
				w.until("it is suspended", func() bool { return w.state("o-1").Suspended })
				if took := time.Since(began); took > time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Links are read up to the goal and with it: it may be one.
func TestALinkAtTheGoalIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		var dead atomic.Bool
		first := w.run("a", mortal(&dead))
		run := w.oneAttemptOpen()
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
		w.awaitPosition()
		w.crash(first, &dead)
		began := time.Now()
		w.control("ghost", "c-1", instance.Cancel)
		w.secondAttempt(run)
		w.run("b")
		w.checkView("o-1")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
