package inmem

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/amends-io/amends/orchestrator"
)

// A leaseStore is what the connections to one journal share of its leases.
type leaseStore struct {
	ttl time.Duration

	mu       sync.Mutex
	revision uint64
	values   map[string]held
	unseen   bool // nobody is told that a lease expired
	watchers map[*watcher]bool
}

type held struct {
	orchestrator.Lease
	expiry *time.Timer
}

// A watcher has its own queue, so that a slow one holds nobody up.
type watcher struct {
	queue []orchestrator.Lease
	more  chan struct{} // has room for one
}

func newLeases(ttl time.Duration) *leaseStore {
	return &leaseStore{ttl: ttl, values: map[string]held{}, watchers: map[*watcher]bool{}}
}

// leases are those of one connection.
type leases struct {
	journal *Journal
	*leaseStore
}

// TTL implements orchestrator.Leases.
func (l leases) TTL() time.Duration { return l.ttl }

// Acquire implements orchestrator.Leases.
func (l leases) Acquire(ctx context.Context, key string, value []byte) (uint64, error) {
	if err := l.journal.reach(ctx); err != nil {
		return 0, fmt.Errorf("acquire %s: %w", key, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, taken := l.values[key]; taken {
		return 0, fmt.Errorf("acquire %s: %w", key, orchestrator.ErrTaken)
	}
	return l.put(key, value), nil
}

// Renew implements orchestrator.Leases.
func (l leases) Renew(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := l.journal.reach(ctx); err != nil {
		return 0, fmt.Errorf("renew %s: %w", key, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.values[key].Revision != revision || revision == 0 {
		return 0, fmt.Errorf("renew %s: %w", key, orchestrator.ErrTaken)
	}
	return l.put(key, value), nil
}

// Release implements orchestrator.Leases.
func (l leases) Release(ctx context.Context, key string, revision uint64) error {
	if err := l.journal.reach(ctx); err != nil {
		return fmt.Errorf("release %s: %w", key, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.values[key].Revision != revision || revision == 0 {
		return fmt.Errorf("release %s: %w", key, orchestrator.ErrTaken)
	}
	l.remove(key)
	return nil
}

// ExpireLease ends the lease of key now, whoever has it.
func (j *Journal) ExpireLease(key string) {
	l := j.store.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.values[key]; ok {
		l.remove(key)
	}
}

// ExpireUnseen makes leases expire from now on without a watcher being told, as
// a replica does that was behind for longer than the news of it is kept.
func (j *Journal) ExpireUnseen() {
	l := j.store.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unseen = true
}

// Watch implements orchestrator.Leases.
func (l leases) Watch(ctx context.Context, handle func(orchestrator.Lease)) error {
	if err := l.journal.reach(ctx); err != nil {
		return fmt.Errorf("watch leases: %w", err)
	}
	interrupted := l.journal.interrupted()
	w := l.join()
	defer l.leave(w)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-interrupted:
			return fmt.Errorf("watch leases: %w", orchestrator.ErrInterrupted)
		case <-w.more:
		}
		l.mu.Lock()
		queue := w.queue
		w.queue = nil
		l.mu.Unlock()
		for _, lease := range queue {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			handle(lease)
		}
	}
}

// join adds a watcher that begins with what there is.
func (l *leaseStore) join() *watcher {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &watcher{more: make(chan struct{}, 1)}
	for _, h := range l.values {
		w.queue = append(w.queue, h.Lease)
	}
	l.watchers[w] = true
	w.add(orchestrator.Lease{})
	return w
}

func (l *leaseStore) leave(w *watcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.watchers, w)
}

func (w *watcher) add(lease orchestrator.Lease) {
	w.queue = append(w.queue, lease)
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (l *leaseStore) put(key string, value []byte) uint64 {
	if old, ok := l.values[key]; ok {
		old.expiry.Stop()
	}
	if value = bytes.Clone(value); value == nil {
		value = []byte{} // nil says that it is gone
	}
	l.revision++
	revision := l.revision
	lease := orchestrator.Lease{Key: key, Value: value, Revision: revision}
	l.values[key] = held{lease, time.AfterFunc(l.ttl, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case l.values[key].Revision != revision: // it was renewed while this was about to run
		case l.unseen:
			delete(l.values, key)
		default:
			l.remove(key)
		}
	})}
	l.tell(lease)
	return revision
}

func (l *leaseStore) remove(key string) {
	l.values[key].expiry.Stop()
	delete(l.values, key)
	l.revision++
	l.tell(orchestrator.Lease{Key: key, Revision: l.revision})
}

func (l *leaseStore) tell(lease orchestrator.Lease) {
	for w := range l.watchers {
		w.add(lease)
	}
}
