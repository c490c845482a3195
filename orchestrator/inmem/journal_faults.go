package inmem

import (
	"context"
	"errors"
	"sync"

	"github.com/amends-io/amends/orchestrator"
)

// ErrCut is what a connection that was cut answers to everything but appends,
// which are in doubt.
var ErrCut = errors.New("inmem: the connection is cut")

// A Fault is what happens to one append. The zero value is no fault.
type Fault struct {
	Err   error // what done gets in place of the answer
	Drop  bool  // it is never stored
	Store *Gate // it is stored when this opens; an Err is told at once
	Ack   *Gate // done is called when this opens
}

// AckLost is stored, and nobody is told.
func AckLost() Fault { return Fault{Err: orchestrator.ErrInDoubt} }

// NotStored is lost on its way, and nobody is told.
func NotStored() Fault { return Fault{Drop: true, Err: orchestrator.ErrInDoubt} }

// Fails is refused with err.
func Fails(err error) Fault { return Fault{Drop: true, Err: err} }

// AckHeld is stored at once, and acknowledged when g opens.
func AckHeld(g *Gate) Fault { return Fault{Ack: g} }

// StoredLate is in doubt at once, and reaches the store, with its condition,
// when g opens: a server that was stopped while it was on its way.
func StoredLate(g *Gate) Fault { return Fault{Err: orchestrator.ErrInDoubt, Store: g} }

// A Gate holds things back until it opens. The zero value is closed, nil is open.
type Gate struct {
	mu   sync.Mutex
	open bool
	held []func()
}

func (g *Gate) then(do func()) {
	if g == nil {
		do()
		return
	}
	g.mu.Lock()
	if !g.open {
		g.held = append(g.held, do)
		g.mu.Unlock()
		return
	}
	g.mu.Unlock()
	do()
}

// Open lets what it held go on, in order, and everything that comes later.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.held) > 0 {
		held := g.held
		g.held = nil
		g.mu.Unlock() // what goes on may come to this gate again
		for _, do := range held {
			do()
		}
		g.mu.Lock()
	}
	g.open = true
}

// faults are those of one connection.
type faults struct {
	mu        sync.Mutex
	hook      func(orchestrator.Draft) Fault
	cut       bool
	lag       int
	interrupt signal
}

// SetHook asks hook about every append; nil asks nobody. The hook must not
// append itself.
func (f *faults) SetHook(hook func(orchestrator.Draft) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// InterruptReaders ends every Read and Watch that is under way.
func (f *faults) InterruptReaders() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.interrupt.wake()
}

// Cut ends every Read and Watch, and lets nothing through until Restore.
func (f *faults) Cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = true
	f.interrupt.wake()
}

// Restore ends a Cut.
func (f *faults) Restore() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = false
}

// LagNext makes the next History lack the n newest messages of its partition,
// as a replica that is behind does.
func (f *faults) LagNext(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lag = n
}

func (f *faults) takeLag() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.lag
	f.lag = 0
	return n
}

func (f *faults) fault(d orchestrator.Draft) Fault {
	f.mu.Lock()
	hook, cut := f.hook, f.cut
	f.mu.Unlock()
	if cut {
		return NotStored()
	}
	if hook == nil {
		return Fault{}
	}
	fault := hook(d)
	if fault.Drop && fault.Err == nil {
		fault.Err = orchestrator.ErrInDoubt // done must be called all the same
	}
	return fault
}

// interrupted returns what is closed when readers are to end.
func (f *faults) interrupted() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return f.interrupt.wait()
}

// reach reports why a call cannot get through.
func (f *faults) reach(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		return ErrCut
	}
	return nil
}

// LoseTail takes the n newest messages of partition p away, as a power loss
// does to a journal that had not written them, and interrupts its readers.
func (j *Journal) LoseTail(p, n int) {
	s := j.store.streams[p]
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	keep := max(0, len(s.messages)-n)
	for _, m := range s.messages[keep:] {
		if m != nil {
			s.remove(m)
		}
	}
	s.messages = s.messages[:keep]
	s.lost.wake()
}

// Recreate puts an empty stream in the place of partition p's, and interrupts
// its readers.
func (j *Journal) Recreate(p int) {
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	j.store.streams[p].clear()
	j.store.streams[p].lost.wake()
}
