package participants

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/participants/protocol"
)

// A delivery is a command that the server delivered and that we have neither
// acknowledged nor given back.
type delivery struct {
	msg     jetstream.Msg
	address protocol.Address
	command protocol.Command
	outcome protocol.Outcome
	reply   *nats.Msg // when the handler has answered
	tries   int       // to store the reply
	old     bool      // was there at the last heartbeat

	trace context.Context // of its span, for what is logged about it; nil before there is one
}

// context is what something is logged about d in.
func (d *delivery) context() context.Context {
	if d.trace == nil {
		return context.Background()
	}
	return d.trace
}

// flights are the deliveries of a session.
type flights struct {
	mu    sync.Mutex
	all   map[*delivery]struct{}
	empty chan struct{} // closed when all is empty, if somebody waits
}

func newFlights() flights {
	return flights{all: make(map[*delivery]struct{})}
}

func (f *flights) add(d *delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[d] = struct{}{}
}

func (f *flights) remove(d *delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, d)
	if len(f.all) == 0 && f.empty != nil {
		close(f.empty)
		f.empty = nil
	}
}

// old returns the deliveries that were there when it was called before: the
// others are too young to need a heartbeat.
func (f *flights) old() []*delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	var old []*delivery
	for d := range f.all {
		if d.old {
			old = append(old, d)
		}
		d.old = true
	}
	return old
}

func (f *flights) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

// idle returns a channel that is closed when nothing is in flight. Nothing may
// be added after it was called.
func (f *flights) idle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	empty := make(chan struct{})
	if len(f.all) == 0 {
		close(empty)
	} else {
		f.empty = empty
	}
	return empty
}
