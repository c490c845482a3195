package redisbarrier

import (
	"context"
	"sync"
)

// turns lets those with one name go one after another. Without them, n
// handlers that watch one key would need about n² attempts.
type turns struct {
	mu      sync.Mutex
	waiting map[string]*turn
}

type turn struct {
	users int           // who holds it or waits for it
	free  chan struct{} // has a token when nobody holds it
}

// enter waits for the turn of name. The turn ends with leave.
func (t *turns) enter(ctx context.Context, name string) (leave func(), err error) {
	t.mu.Lock()
	mine := t.waiting[name]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.waiting[name] = mine
	}
	mine.users++
	t.mu.Unlock()

	gone := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.waiting, name)
		}
	}
	select {
	case <-mine.free:
		return func() { mine.free <- struct{}{}; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, ctx.Err()
	}
}
