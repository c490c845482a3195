package natsjournal

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/pipeline"
)

// Replies is an inbox for requests that are answered by many messages.
type replies struct {
	nc    *nats.Conn
	inbox string // with the last dot
	sub   *nats.Subscription

	mu    sync.Mutex
	count uint64
	open  map[string]chan *nats.Msg
}

func newReplies(nc *nats.Conn) (*replies, error) {
	r := &replies{nc: nc, inbox: nc.NewInbox() + ".", open: map[string]chan *nats.Msg{}}
	sub, err := nc.Subscribe(r.inbox+"*", r.receive)
	if err != nil {
		return nil, fmt.Errorf("subscribe to answers: %w", err)
	}
	r.sub = sub
	return r, pipeline.Unbounded(sub)
}

// request sends body and returns where up to most answers come, and what ends it.
func (r *replies) request(subject string, body []byte, most int) (<-chan *nats.Msg, func(), error) {
	answers := make(chan *nats.Msg, most)
	r.mu.Lock()
	r.count++
	name := strconv.FormatUint(r.count, 36)
	r.open[name] = answers
	r.mu.Unlock()
	end := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, name)
	}
	if err := r.nc.PublishRequest(subject, r.inbox+name, body); err != nil {
		end()
		return nil, nil, err
	}
	return answers, end, nil
}

func (r *replies) receive(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.open[strings.TrimPrefix(m.Subject, r.inbox)] <- m:
	default: // nobody waits any more (a nil channel), or more came than was asked for
	}
}
