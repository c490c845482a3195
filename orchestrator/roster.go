package orchestrator

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// A roster is what one member has heard of the leases: who is a member, and who
// holds which partition. What was not heard of for twice the life of a lease is
// gone, whatever the watch says: a watcher can miss that a lease expired, when
// the replica that it hears was behind for longer than the news is kept. It may
// be wrong for a while, as acquiring a lease that is held fails.
type roster struct {
	ttl time.Duration

	mu      sync.Mutex
	fresh   bool
	members map[string]heard[memberRecord] // by name
	holders map[int]heard[string]          // by partition
}

// heard is what was last heard of a lease.
type heard[T any] struct {
	what T
	at   time.Time
}

func newRoster(ttl time.Duration) *roster {
	return &roster{ttl: ttl, members: make(map[string]heard[memberRecord]), holders: make(map[int]heard[string])}
}

// watched says that a watch begins, which tells everything that there is, and
// not what is gone since the last one.
func (r *roster) watched() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = true
}

func (r *roster) note(l Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fresh {
		r.fresh = false
		clear(r.members)
		clear(r.holders)
	}
	if name, ok := isKey(l.Key, memberKey); ok {
		delete(r.members, name)
		var m memberRecord
		if l.Value != nil && json.Unmarshal(l.Value, &m) == nil && m.Name == name {
			r.members[name] = heard[memberRecord]{m, time.Now()}
		}
	}
	if number, ok := isKey(l.Key, partitionKey); ok {
		if p, err := strconv.Atoi(number); err == nil {
			delete(r.holders, p)
			if l.Value != nil {
				r.holders[p] = heard[string]{string(l.Value), time.Now()}
			}
		}
	}
}

// there returns the members that were heard of lately, in no order.
func (r *roster) there() []memberRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	members := make([]memberRecord, 0, len(r.members))
	for _, m := range r.members {
		if r.lately(m.at) {
			members = append(members, m.what)
		}
	}
	return members
}

// free reports whether nobody was heard of lately who holds partition p.
func (r *roster) free(p int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, held := r.holders[p]
	return !held || !r.lately(h.at)
}

func (r *roster) lately(t time.Time) bool { return time.Since(t) < 2*r.ttl }
