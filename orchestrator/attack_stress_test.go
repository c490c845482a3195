package orchestrator_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// Whatever happens to appends, leases, readers, the view, connections and
// processes, in any order: once it is over, every saga comes to its end, its
// effects are right, the view says what the journal folds to, and nothing of
// it is left in any owner's memory.
//
// AMENDS_SEEDS=from,to runs other seeds, with more sagas.
func TestAnyScheduleOfFaultsHeals(t *testing.T) {
	from, to, sagas := uint64(1), uint64(20), 20
	if text := os.Getenv("AMENDS_SEEDS"); text != "" {
		if _, err := fmt.Sscanf(text, "%d,%d", &from, &to); err != nil {
			t.Fatal(err)
		}
		sagas = 200
	}
	for seed := from; seed <= to; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newStorm(t, seed).run(sagas) })
		})
	}
}

// A storm is a world over which a seeded schedule of faults goes.
type storm struct {
	*world
	r         *rand.Rand
	members   [2]*member
	dead      [2]*atomic.Bool
	born      int
	snapshots []inmem.Snapshot
	ids       []string

	mu    sync.Mutex
	draw  *rand.Rand // for appends
	calm  bool
	gates []*inmem.Gate
}

func newStorm(t *testing.T, seed uint64) *storm {
	def := fanOut()
	if seed%3 == 0 {
		def = threeSteps(seed%2 == 0)
	}
	for i := range def.Steps {
		def.Steps[i].Timeout = 3 * time.Second
		def.Steps[i].Retry.Attempts = 50
		if def.Steps[i].Compensation != nil {
			def.Steps[i].Compensation.Timeout = 3 * time.Second
			def.Steps[i].Compensation.Retry.Attempts = 50
		}
	}
	s := &storm{world: newWorld(t, def), r: rand.New(rand.NewPCG(seed, 99)), draw: rand.New(rand.NewPCG(seed, 7))}
	// By the command alone, so that the order of deliveries does not matter.
	s.answer = func(c protocol.Command) (protocol.Outcome, bool) {
		h := fnv.New64a()
		fmt.Fprint(h, seed, c.Saga, c.Attempt.Step, c.Attempt.Direction)
		n := h.Sum64() >> 7
		early := c.Attempt.Number < 3
		switch {
		case c.Attempt.Direction == protocol.Do && c.Action != "reserve" && n%17 == 0:
			return protocol.Refused, true
		case early && n%7 == 1:
			return protocol.Failed, true
		case early && n%11 == 2:
			return "", false
		}
		return "", true
	}
	return s
}

func (s *storm) run(sagas int) {
	for i := range s.members {
		s.spawn(i)
	}
	for n := range sagas {
		id := fmt.Sprintf("o-%d", n)
		s.ids = append(s.ids, id)
		s.start(id)
		if s.r.IntN(4) == 0 {
			s.fault()
		}
		if s.r.IntN(3) == 0 {
			<-time.After(time.Duration(s.r.IntN(400)) * time.Millisecond)
		}
		if s.r.IntN(6) == 0 {
			s.speak(s.ids[s.r.IntN(len(s.ids))], n)
		}
	}
	for range 30 {
		s.fault()
		<-time.After(time.Duration(s.r.IntN(2000)) * time.Millisecond)
	}
	s.heal()
	s.awaitEnds(s.ids)
	s.checkView(s.ids...)
	s.awaitPosition()
	for _, id := range s.ids {
		s.mu.Lock()
		late := s.sent[s.r.IntN(len(s.sent))]
		s.mu.Unlock()
		late.Saga = id // nobody's attempt, or one that is long closed
		s.reply(late, protocol.Done)
	}
	s.awaitPosition()
	s.until("nothing is left in memory", func() bool {
		for _, m := range s.members {
			if sagas, appends := inMemory(m); sagas+appends > 0 {
				return false
			}
		}
		return true
	})
	s.agrees()
}

// spawn starts a process in place i.
func (s *storm) spawn(i int) {
	s.born++
	s.dead[i] = &atomic.Bool{}
	s.members[i] = s.world.run("m"+strconv.Itoa(s.born), strict(s.t, s.dead[i]))
	s.members[i].journal.SetHook(s.append)
}

// append is what happens to an append.
func (s *storm) append(orchestrator.Draft) inmem.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calm {
		return inmem.Fault{}
	}
	held := func() *inmem.Gate {
		g := &inmem.Gate{}
		s.gates = append(s.gates, g)
		return g
	}
	switch s.draw.IntN(60) {
	case 0:
		return inmem.AckLost()
	case 1:
		return inmem.NotStored()
	case 2:
		return inmem.StoredLate(held())
	case 3:
		return inmem.AckHeld(held())
	case 4:
		if s.draw.IntN(10) == 0 {
			return inmem.Fails(errors.New("insufficient storage resources"))
		}
	}
	return inmem.Fault{}
}

// fault lets something go wrong, or heals something.
func (s *storm) fault() {
	i := s.r.IntN(2)
	m := s.members[i]
	switch s.r.IntN(18) {
	case 0, 1:
		s.journal.ExpireLease("partition.0")
	case 2:
		s.view.Flush()
	case 3:
		s.snapshots = append(s.snapshots, s.view.Snapshot())
	case 4:
		if n := len(s.snapshots); n > 0 {
			s.view.Restore(s.snapshots[s.r.IntN(n)])
		}
	case 5:
		s.view.Fail(errors.New("connection refused"))
	case 6:
		s.view.Fail(nil)
		s.view.Doubt(nil)
	case 7:
		s.view.Doubt(errors.New("i/o timeout"))
	case 8, 9:
		m.journal.InterruptReaders()
	case 10:
		m.journal.Cut()
	case 11, 12:
		m.journal.Restore()
	case 13, 14:
		s.crash(m, s.dead[i])
		s.spawn(i)
	case 15:
		m.journal.LagNext(1 + s.r.IntN(5))
	case 16:
		s.view.LoseTimers(0)
	case 17:
		s.view.LoseRow(0, s.ids[s.r.IntN(len(s.ids))])
	}
	s.openSome()
}

func (s *storm) openSome() {
	s.mu.Lock()
	gates := s.gates
	if !s.calm && len(gates) > 1 {
		gates = gates[:len(gates)/2]
	}
	s.gates = s.gates[len(gates):]
	s.mu.Unlock()
	for _, g := range gates {
		g.Open()
	}
}

// speak sends a saga what a client or an operator may send.
func (s *storm) speak(id string, n int) {
	input := fmt.Sprintf("c-%d", n)
	switch s.r.IntN(4) {
	case 0:
		s.control(id, input, instance.Cancel)
	case 1:
		s.control(id, input, instance.Suspend)
		s.control(id, input+"r", instance.Resume)
	case 2:
		s.control("ghost-"+id, input, instance.Cancel)
	case 3:
		s.journal.Redeliver("payment")
	}
}

func (s *storm) heal() {
	s.mu.Lock()
	s.calm = true
	s.mu.Unlock()
	s.openSome()
	s.view.Fail(nil)
	s.view.Doubt(nil)
	for _, m := range s.members {
		m.journal.Restore()
	}
}

// agrees compares the view with the journal as an operator would.
func (s *storm) agrees() {
	s.t.Helper()
	_, err := orchestrator.Check(s.ctx, 0, s.journal, s.view, func(d orchestrator.Difference) {
		s.t.Errorf("%s %s: the view says %s, the journal %s", d.ID, d.Field, d.View, d.Journal)
	}, nil)
	if err != nil {
		s.t.Error(err)
	}
}
