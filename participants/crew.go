package participants

import "sync"

// A crew runs handlers, up to a bound at a time. A member takes one delivery
// after the other, and another is hired only behind it: handlers that answer at
// once are run by one or two goroutines whose stacks are warm, and handlers that
// wait by as many as there are. When nothing is left to do, one of them stays:
// a stack that grows for each command costs more than the handler.
type crew struct {
	handle func(*delivery)

	mu      sync.Mutex
	queue   []*delivery
	free    int  // members that may be hired
	coming  bool // one was hired or woken up, and has not looked yet
	staying bool // one waits for something to do
	over    bool // nobody stays any more
	wake    *sync.Cond
	working sync.WaitGroup
}

func newCrew(size int, handle func(*delivery)) *crew {
	c := &crew{free: size, handle: handle}
	c.wake = sync.NewCond(&c.mu)
	return c
}

// add has d handled.
func (c *crew) add(d *delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, d)
	c.hire()
}

// hire brings a member for what waits, unless one is coming. The caller has
// locked c.
func (c *crew) hire() {
	switch {
	case len(c.queue) == 0 || c.coming:
	case c.staying:
		c.staying, c.coming = false, true
		c.wake.Signal()
	case c.free > 0:
		c.coming = true
		c.free--
		c.working.Go(c.work)
	}
}

// end sends whoever stays away. The others leave when nothing is left to do.
func (c *crew) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over, c.staying = true, false
	c.wake.Broadcast()
}

func (c *crew) work() {
	// Also where a handler calls runtime.Goexit, which ends the member.
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.free++
		c.hire()
	}()
	for d := c.next(true); d != nil; d = c.next(false) {
		c.handle(d)
	}
}

// next returns what is to be handled next, or nil. What waits behind it must
// not wait for its handler.
func (c *crew) next(arrived bool) *delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	if arrived {
		c.coming = false
	}
	if len(c.queue) == 0 {
		if c.staying || c.coming || c.over {
			return nil
		}
		for c.staying = true; c.staying; {
			c.wake.Wait()
		}
		if c.coming = false; len(c.queue) == 0 {
			return nil
		}
	}
	d := c.queue[0]
	c.queue[0] = nil
	if c.queue = c.queue[1:]; len(c.queue) == 0 {
		c.queue = nil
	}
	c.hire()
	return d
}
