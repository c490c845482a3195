package orchestrator_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// errDead is what the view answers a process that was killed.
var errDead = errors.New("the process is dead")

// A mortalView is the view as one process reaches it.
type mortalView struct {
	*inmem.View
	dead *atomic.Bool
}

func (v mortalView) Ping(ctx context.Context) error {
	if v.dead.Load() {
		return errDead
	}
	return v.View.Ping(ctx)
}

func (v mortalView) Partition(p int) orchestrator.PartitionView {
	return mortalPartition{v.View.Partition(p), v.dead}
}

type mortalPartition struct {
	orchestrator.PartitionView
	dead *atomic.Bool
}

func (v mortalPartition) Write(ctx context.Context, w orchestrator.Write) error {
	if v.dead.Load() {
		return errDead
	}
	return v.PartitionView.Write(ctx, w)
}

func (v mortalPartition) Exchange(ctx context.Context, generation string) (orchestrator.Position, error) {
	if v.dead.Load() {
		return orchestrator.Position{}, errDead
	}
	return v.PartitionView.Exchange(ctx, generation)
}

// mortal makes a member that crash can kill.
func mortal(dead *atomic.Bool) func(*orchestrator.Config) {
	return func(c *orchestrator.Config) { c.View = mortalView{c.View.(*inmem.View), dead} }
}

// crash ends m as a kill does: nothing it does reaches journal or view any
// more, and its lease stays until it expires.
func (w *world) crash(m *member, dead *atomic.Bool) {
	dead.Store(true)
	m.journal.Cut()
	m.stop()
}

// killAt makes m's appends go nowhere from the n-th on, which is stored or not,
// but of which m never hears. The returned channel closes then.
func (w *world) killAt(m *member, n int, stored bool) <-chan struct{} {
	killed := make(chan struct{})
	var count atomic.Int64
	m.journal.SetHook(func(d orchestrator.Draft) inmem.Fault {
		if d.Chain == "" {
			return inmem.Fault{} // a canary
		}
		switch at := count.Add(1); {
		case at < int64(n):
			return inmem.Fault{}
		case at == int64(n):
			close(killed)
			if stored {
				return inmem.AckHeld(&inmem.Gate{})
			}
		}
		return inmem.NotStored()
	})
	return killed
}

// link appends a decision as another orchestrator would that knows the saga's
// last link, and returns its sequence.
func (w *world) link(id, decision string, command *protocol.Command, events ...instance.Event) uint64 {
	w.t.Helper()
	s := w.state(id)
	text, err := orchestrator.EncodeEvents(events)
	if err != nil {
		w.t.Fatal(err)
	}
	h := protocol.Header{}
	subject := w.subjects().Link(0, id, protocol.NoOne)
	if command != nil {
		command.WriteHeader(h)
		subject = w.subjects().Link(0, id, command.Participant)
	}
	h.Set(protocol.HeaderDefinition, s.Definition)
	h.Set(protocol.HeaderVersion, strconv.Itoa(s.Version))
	h.Set(protocol.HeaderRun, strconv.FormatUint(s.Run, 10))
	h.Set(protocol.HeaderDecision, decision)
	h.Set(protocol.HeaderRead, strconv.FormatUint(s.Read, 10))
	h.Set(protocol.HeaderTime, protocol.FormatTime(time.Now()))
	h.Set(protocol.HeaderEvents, text)
	h.Set(protocol.HeaderExpectedSequence, strconv.FormatUint(s.Last, 10))
	h.Set(protocol.HeaderExpectedSubject, w.subjects().Chain(0, id))
	return w.publish(subject, h, nil)
}
