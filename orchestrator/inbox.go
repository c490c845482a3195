package orchestrator

import "sync"

// An inbox hands work to an owner's goroutine. It has no bound: what is put in
// is the outcome of something that the owner began, and the owner bounds that.
type inbox struct {
	mu   sync.Mutex
	work []func()
	wake chan struct{}
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// put adds work. It never blocks, so that any goroutine may call it.
func (b *inbox) put(f func()) {
	b.mu.Lock()
	b.work = append(b.work, f)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run does the work that is there.
func (b *inbox) run() {
	b.mu.Lock()
	work := b.work
	b.work = nil
	b.mu.Unlock()
	for _, f := range work {
		f()
	}
}
