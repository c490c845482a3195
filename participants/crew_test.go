package participants

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What waits behind a handler is handled beside it, though it came before
// anybody had looked; and a handler that ends its goroutine leaves its place.
func TestACrewHiresBehindEveryHandler(t *testing.T) {
	t.Parallel()
	running, over := make(chan struct{}, 10), make(chan struct{})
	c := newCrew(3, func(*delivery) {
		running <- struct{}{}
		<-over
		runtime.Goexit()
	})
	var ended sync.Once
	end := func() { ended.Do(func() { close(over) }) }
	defer end()
	c.mu.Lock()
	c.queue = []*delivery{{}, {}, {}, {}, {}}
	c.hire()
	c.mu.Unlock()
	for i := range 5 {
		if i == 3 { // all places are taken
			end()
		}
		select {
		case <-running:
		case <-time.After(time.Minute):
			t.Fatalf("%d handlers run", i)
		}
	}
	c.working.Wait()
}

// What comes later is handled by the member that has stayed, and no more than
// one does.
func TestOneMemberOfACrewStaysUntilTheEnd(t *testing.T) {
	t.Parallel()
	handled := make(chan struct{})
	c := newCrew(3, func(*delivery) { handled <- struct{}{} })
	members := func() (n int, staying bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return 3 - c.free, c.staying
	}
	rests := func() bool { n, staying := members(); return n == 1 && staying }
	for round := range 3000 { // one may run out of work just when another is woken up
		together := 1 + round%3
		for range together {
			c.add(&delivery{})
		}
		for range together {
			<-handled
		}
		for deadline := time.Now().Add(time.Minute); !rests(); runtime.Gosched() {
			if time.Now().After(deadline) {
				n, staying := members()
				t.Fatalf("after %d: %d members, staying: %v", together, n, staying)
			}
		}
	}
	c.end()
	c.working.Wait()
	if n, _ := members(); n != 0 {
		t.Errorf("%d members after the end", n)
	}
}

// A member that runs out of work just when the one that stayed is woken up does
// not stay in its place.
func TestACrewHandlesWhateverComesAtAnyMoment(t *testing.T) {
	t.Parallel()
	const deliveries = 100_000
	var handled atomic.Int64
	c := newCrew(3, func(*delivery) { handled.Add(1) })
	for n := range deliveries {
		c.add(&delivery{})
		if n%7 == 0 {
			runtime.Gosched()
		}
	}
	for deadline := time.Now().Add(time.Minute); handled.Load() < deliveries; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("handled %d of %d", handled.Load(), deliveries)
		}
	}
	c.end()
	c.working.Wait()
}
