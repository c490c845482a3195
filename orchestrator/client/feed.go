package client

import (
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/participants/protocol"
)

// keepLinks is how many sagas' newest links are remembered: who starts a saga
// and waits for it a moment later needs not ask what happened in between.
const keepLinks = 4096

// A feed hears of the links that carry no command, the ends of sagas among
// them, over one subscription for all that wait. Nothing depends on it: what it
// misses, waiters find by looking.
type feed struct {
	nc       *nats.Conn
	subjects protocol.Subjects

	mu      sync.Mutex
	sub     *nats.Subscription
	closed  bool
	stop    chan struct{}
	waiters map[string]map[*waiter]bool // by saga
	newest  map[string]protocol.Header  // by saga: what was heard last
	order   []string                    // of newest, a ring
	heard   uint64                      // how many came into order
	gaps    uint64                      // how often something may have been missed
}

// A mark is a moment of a feed. The zero mark is none.
type mark struct {
	heard, gaps uint64
	valid       bool
}

// A waiter is told of the links of one saga.
type waiter struct {
	links chan protocol.Header
	look  chan struct{} // something may have been missed: look
}

func newFeed(nc *nats.Conn, subjects protocol.Subjects) *feed {
	return &feed{nc: nc, subjects: subjects, stop: make(chan struct{}),
		waiters: make(map[string]map[*waiter]bool), newest: make(map[string]protocol.Header)}
}

// begin makes sure that the feed listens, and returns the moment: links that
// are stored after what is sent from now on will be heard, or a gap is known.
func (f *feed) begin() mark {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.listen() {
		return mark{}
	}
	return mark{heard: f.heard, gaps: f.missed(), valid: true}
}

// missed counts what may have been missed. The caller has locked f.
func (f *feed) missed() uint64 {
	dropped, err := f.sub.Dropped()
	if err != nil { // the connection is closed
		f.gaps++
	}
	return f.gaps + uint64(max(dropped, 0))
}

// listen subscribes, if nobody has. The caller has locked f.
func (f *feed) listen() bool {
	if f.sub != nil || f.closed {
		return !f.closed
	}
	// Changes are listened to first, so that none between the two is lost.
	changes := f.nc.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	subject := f.subjects.Feed(strings.Replace(f.subjects.Link(0, "*", protocol.NoOne), ".0.", ".*.", 1))
	sub, err := f.nc.Subscribe(subject, f.receive)
	if err != nil {
		f.nc.RemoveStatusListener(changes)
		return false
	}
	f.sub, f.order = sub, make([]string, keepLinks)
	go f.watch(changes)
	return true
}

// watch has every waiter look after the connection was away: what was announced
// meanwhile went to nobody.
func (f *feed) watch(changes chan nats.Status) {
	defer f.nc.RemoveStatusListener(changes)
	for {
		select {
		case <-f.stop:
			return
		case status := <-changes:
			f.mu.Lock()
			f.gaps++
			for _, list := range f.waiters {
				for w := range list {
					w.kick()
				}
			}
			f.mu.Unlock()
			if status == nats.CLOSED {
				return
			}
		}
	}
}

func (f *feed) receive(m *nats.Msg) {
	// <prefix>-feed.<partition>.<id>.…
	_, rest, _ := strings.Cut(m.Subject, ".")
	_, rest, _ = strings.Cut(rest, ".")
	id, _, _ := strings.Cut(rest, ".")
	h := protocol.Header(m.Header)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, again := f.newest[id]; !again {
		at := f.heard % keepLinks
		delete(f.newest, f.order[at])
		f.order[at] = id
		f.heard++
	}
	f.newest[id] = h
	for w := range f.waiters[id] {
		select {
		case w.links <- h:
		default:
			w.kick()
		}
	}
}

func (w *waiter) kick() {
	select {
	case w.look <- struct{}{}:
	default: // it will look anyway
	}
}

// join adds a waiter for a saga. It reports whether all links since the mark
// are known: the newest is in the waiter's channel already, if there was one.
func (f *feed) join(id string, since mark) (w *waiter, known bool) {
	w = &waiter{links: make(chan protocol.Header, 8), look: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiters[id] == nil {
		f.waiters[id] = make(map[*waiter]bool)
	}
	f.waiters[id][w] = true
	if !f.listen() || !since.valid || since.gaps != f.missed() || f.heard-since.heard >= keepLinks {
		return w, false
	}
	if h, ok := f.newest[id]; ok {
		w.links <- h
	}
	return w, true
}

func (f *feed) leave(id string, w *waiter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiters[id], w)
	if len(f.waiters[id]) == 0 {
		delete(f.waiters, id)
	}
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	close(f.stop)
	if f.sub != nil {
		_ = f.sub.Unsubscribe() // fails only if the connection is closed
	}
	for _, list := range f.waiters {
		for w := range list {
			w.kick()
		}
	}
}
