package orchestrator_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// What follows is about appends that are asked for: once, and not for ever.

// While reading is interrupted again and again an append in doubt is sent again
// all the same, as soon as the journal takes it.
func TestAnAppendInDoubtIsSentAgainThroughInterruptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		w.awaitEnds(w.startMany("before", 1))
		began := time.Now()
		m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
			if d.Chain != "" && time.Since(began) < 6*time.Second {
				return inmem.NotStored()
			}
			return inmem.Fault{}
		})
		ids := w.startMany("o", 3)
		flap := time.NewTicker(400 * time.Millisecond)
		defer flap.Stop()
		for w.state(ids[2]).Status != instance.Completed && time.Since(began) < time.Minute {
			<-flap.C
			m.journal.InterruptReaders()
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		if n := m.Status().Counts.Doubts; n > 21 { // seven each: after 0, 0.1, 0.3, 0.7, 1.5, 3.1 and 5.1 s
			t.Errorf("they were asked for %d times", n)
		}
		w.awaitEnds(ids)
	})
}

// What an append is told after the journal was asked does not count, unless it
// was stored: it is sent again once, not twice.
func TestAnAppendThatWasAskedForIsSentAgainOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		w.awaitEnds(w.startMany("before", 1))
		var sent atomic.Int64
		var first, second inmem.Gate
		m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
			if d.Chain == "" {
				return inmem.Fault{}
			}
			switch sent.Add(1) {
			case 1:
				return inmem.Fault{Drop: true, Err: orchestrator.ErrInDoubt, Ack: &first}
			case 2:
				return inmem.AckHeld(&second)
			}
			return inmem.Fault{}
		})
		w.start("o-1")
		w.until("it is sent", func() bool { return sent.Load() == 1 })
		m.journal.InterruptReaders()
		w.until("it is sent again", func() bool { return sent.Load() == 2 })
		first.Open()
		<-time.After(10 * time.Second)
		if n, doubts := sent.Load(), m.Status().Counts.Doubts; n != 2 || doubts != 1 {
			t.Errorf("it was sent %d times, and asked for %d times", n, doubts)
		}
		second.Open()
		w.await("o-1", instance.Completed)
	})
}

// faultFirst has a fault befall the first link that m appends, and counts them.
func (m *member) faultFirst(f inmem.Fault) (sent *atomic.Int64) {
	sent = new(atomic.Int64)
	m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
		if d.Chain != "" && sent.Add(1) == 1 {
			return f
		}
		return inmem.Fault{}
	})
	return sent
}

// An append that was stored after it was asked for is known by its late
// acknowledgement, too.
func TestALateAcknowledgementOfAnAppendThatWasAskedForCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		w.awaitEnds(w.startMany("before", 1))
		var late inmem.Gate
		sent := m.faultFirst(inmem.Fault{Store: &late})
		w.start("o-1")
		w.until("it is sent", func() bool { return sent.Load() == 1 })
		m.journal.InterruptReaders()
		w.until("it is asked for", func() bool { return m.Status().Counts.Doubts == 1 })
		late.Open()
		w.await("o-1", instance.Completed)
		if n := sent.Load(); n != 4 {
			t.Errorf("%d appends for three commands and an end", n)
		}
		w.checkView("o-1")
	})
}

// One that comes when the saga is long somewhere else changes nothing.
func TestAnAcknowledgementOfWhatIsLongKnownChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		w.awaitEnds(w.startMany("before", 1))
		var late inmem.Gate
		sent := m.faultFirst(inmem.AckHeld(&late))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "charge" }
		w.start("o-1")
		w.until("it is sent", func() bool { return sent.Load() == 1 })
		m.journal.InterruptReaders()
		w.until("charge is requested", func() bool { return w.lastCommand().Action == "charge" })
		late.Open()
		<-time.After(100 * time.Millisecond)
		w.reply(w.lastCommand(), protocol.Done)
		w.await("o-1", instance.Completed)
		if c := m.Status().Counts; c.Reloads+c.Conflicts+c.Rejected > 0 {
			t.Errorf("%+v", c)
		}
	})
}

// What was sent after an interruption is waited for as ever.
func TestWhatIsSentAfterAnInterruptionIsNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a")
		w.awaitEnds(w.startMany("before", 1))
		m.journal.InterruptReaders()
		<-time.After(500 * time.Millisecond)
		var gate inmem.Gate
		m.journal.SetHook(func(orchestrator.Draft) inmem.Fault { return inmem.AckHeld(&gate) })
		w.start("o-1")
		<-time.After(time.Second)
		gate.Open()
		w.await("o-1", instance.Completed)
		if n := m.Status().Counts.Doubts; n > 0 {
			t.Errorf("%d appends were asked for", n)
		}
	})
}

// A forgetfulJournal's replicas know whole histories, and nothing of their ends.
type forgetfulJournal struct{ *inmem.Journal }

func (j forgetfulJournal) Partition(p int) orchestrator.Partition {
	return forgetfulPartition{j.Journal.Partition(p)}
}

type forgetfulPartition struct{ orchestrator.Partition }

func (p forgetfulPartition) History(ctx context.Context, id string, from uint64) ([]orchestrator.Message, error) {
	if from > 1 {
		return nil, nil
	}
	return p.Partition.History(ctx, id, from)
}

// A saga that was read anew for a reply is not read again for the same one.
func TestASagaIsReadAnewOnceForAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a", func(c *orchestrator.Config) { c.Journal = forgetfulJournal{c.Journal.(*inmem.Journal)} })
		run := w.oneAttemptOpen()
		h := protocol.Header{}
		protocol.Reply{
			Attempt: protocol.Attempt{Run: run, Step: "reserve", Direction: protocol.Do, Number: 9}, Outcome: protocol.Done,
		}.WriteHeader(h)
		w.publish(w.subjects().Reply(0, "o-1", "inventory"), h, nil)
		w.until("it is rejected", func() bool { return m.Status().Counts.Rejected == 1 })
		if n := m.Status().Counts.Reloads; n != 1 {
			t.Errorf("it was read %d times", n)
		}
	})
}

// A saga that ended while an older row of it was written stays in memory until
// its end is written: else a late reply finds a row that runs.
func TestASagaWhoseEndIsNotWrittenStaysInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a", func(c *orchestrator.Config) { c.FlushEvery = time.Second })
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "reserve" }
		w.start("o-1")
		w.until("reserve is requested", func() bool { return len(w.state("o-1").Steps) == 1 })
		late := w.lastCommand()
		release := w.view.HoldWrites(0)
		w.until("a write waits", func() bool { return w.view.Held(0) > 0 })
		w.reply(late, protocol.Done)
		w.await("o-1", instance.Completed)
		release()
		<-time.After(100 * time.Millisecond)
		w.reply(late, protocol.Done)
		w.awaitPosition()
		if c := m.Status().Counts; c.Stale != 1 || c.Reloads+c.Conflicts > 0 {
			t.Errorf("%+v", c)
		}
		w.checkView("o-1")
	})
}

// A saga that is over stays in memory while its end is being written, whatever
// comes for it: that write may fail.
func TestASagaWhoseEndIsBeingWrittenStaysInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.run("a")
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) { return "", c.Action != "reserve" }
		w.start("o-1")
		w.until("reserve is requested", func() bool { return len(w.state("o-1").Steps) == 1 })
		w.checkView("o-1")
		late := w.lastCommand()
		w.reply(late, protocol.Done)
		w.await("o-1", instance.Completed)
		release := w.view.HoldWrites(0)
		w.until("a write waits", func() bool { return w.view.Held(0) > 0 })
		w.reply(late, protocol.Done)
		<-time.After(100 * time.Millisecond)
		w.view.Fail(errors.New("connection refused"))
		release()
		<-time.After(time.Second)
		w.view.Fail(nil)
		w.checkView("o-1")
	})
}

// A row that was written says nothing about the run that has taken its place
// in memory meanwhile.
func TestARunThatBeginsWhileTheOneBeforeIsWrittenStaysInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		m := w.run("a", func(c *orchestrator.Config) { c.FlushEvery = time.Second })
		release := w.view.HoldWrites(0)
		w.start("o-1")
		last := w.await("o-1", instance.Completed).Last
		w.until("a write waits", func() bool { return w.view.Held(0) > 0 })
		if err := w.journal.Partition(0).Purge(w.ctx, "o-1", last+1); err != nil { // a rival's
			t.Fatal(err)
		}
		w.answer = func(protocol.Command) (protocol.Outcome, bool) { return "", false }
		w.start("o-1")
		w.until("reserve is requested", func() bool { return len(w.state("o-1").Steps) == 1 })
		release()
		<-time.After(100 * time.Millisecond)
		w.answer = nil
		w.reply(w.lastCommand(), protocol.Done)
		w.await("o-1", instance.Completed)
		if n := m.Status().Counts.Stale; n > 0 {
			t.Error("its reply was taken for one to the run before")
		}
		w.checkView("o-1")
	})
}

// A deposedJournal has a leader that was deposed: it answers once, with what
// it knew then, and so does a replica.
type deposedJournal struct {
	*inmem.Journal
	knew *atomic.Pointer[orchestrator.Message]
}

func (j deposedJournal) Partition(p int) orchestrator.Partition {
	return deposedPartition{j.Journal.Partition(p), j}
}

type deposedPartition struct {
	orchestrator.Partition
	journal deposedJournal
}

func (p deposedPartition) Last(ctx context.Context, id string) (orchestrator.Message, error) {
	if m := p.journal.knew.Swap(nil); m != nil {
		p.journal.LagNext(1)
		return *m, nil
	}
	return p.Partition.Last(ctx, id)
}

// A leader that was deposed may answer for a link before the one that is
// known. No saga goes back to it.
func TestALeaderThatWasDeposedTakesNoLinkBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
			return "", c.Attempt.Number == 3 || c.Action != "reserve"
		}
		var knew atomic.Pointer[orchestrator.Message]
		m := w.run("a", quiet, func(c *orchestrator.Config) { c.Journal = deposedJournal{c.Journal.(*inmem.Journal), &knew} })
		w.start("o-1")
		attempt := func(n int) uint64 {
			w.until("the attempt is made", func() bool { return w.lastNumber() == n })
			return w.state("o-1").Last
		}
		first, err := w.journal.Partition(0).Get(w.ctx, attempt(1))
		if err != nil {
			t.Fatal(err)
		}
		attempt(2)
		knew.Store(&first)
		m.faultFirst(inmem.NotStored())
		w.await("o-1", instance.Completed)
		if n := m.Status().Counts.Conflicts; n != 1 { // the one that the deposed leader made us believe in
			t.Errorf("%d conflicts", n)
		}
		w.checkView("o-1")
	})
}

// lastNumber is the number of the attempt that was delivered last; 0 if none was.
func (w *world) lastNumber() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) == 0 {
		return 0
	}
	return w.sent[len(w.sent)-1].Attempt.Number
}
