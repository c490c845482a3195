package participants

import (
	"runtime"
	"sync"
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
		case <-time.After(10 * time.Second):
			t.Fatalf("%d handlers run", i)
		}
	}
	c.working.Wait()
}
