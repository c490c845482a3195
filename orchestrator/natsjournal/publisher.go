package natsjournal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator"
)

// A publisher sends messages and matches the acknowledgements that come to its
// one inbox. Whatever happens, each message is answered exactly once: by its
// acknowledgement, by the end of the connection, or by the time-out. One timer
// does for all of them, as all wait equally long.
//
// It is leaner than jetstream.PublishMsgAsync, which has a timer, a future and
// a goroutine's wake-up for each message (see BenchmarkAppend).
type publisher struct {
	nc      *nats.Conn
	inbox   string // with the last dot
	sub     *nats.Subscription
	timeout time.Duration

	mu      sync.Mutex
	count   uint64
	waiting map[uint64]func(sequence uint64, err error)
	queue   []deadline // in the order of sending; answered ones leave when they come to its head
	timer   *time.Timer
	armed   bool
}

type deadline struct {
	number uint64
	at     time.Time
}

func newPublisher(nc *nats.Conn, timeout time.Duration) (*publisher, error) {
	p := &publisher{nc: nc, inbox: nc.NewInbox() + ".", timeout: timeout, waiting: map[uint64]func(uint64, error){}}
	sub, err := nc.Subscribe(p.inbox+"*", p.receive)
	if err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	p.sub = sub
	return p, unbounded(sub)
}

// unbounded keeps the client from dropping messages that are not handled yet.
func unbounded(sub *nats.Subscription) error {
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return errors.Join(fmt.Errorf("lift the limits of a subscription: %w", err), sub.Unsubscribe())
	}
	return nil
}

// publish sends m, whose Reply it sets.
func (p *publisher) publish(m *nats.Msg, done func(uint64, error)) {
	number := p.wait(done)
	m.Reply = p.inbox + strconv.FormatUint(number, 36)
	if err := p.nc.PublishMsg(m); err != nil {
		// Not from here: the caller may hold what done needs.
		go p.answer(number, 0, publishError(err))
	}
}

// wait notes that done is owed an answer.
func (p *publisher) wait(done func(uint64, error)) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	p.waiting[p.count] = done
	p.queue = append(p.queue, deadline{p.count, time.Now().Add(p.timeout)})
	if !p.armed {
		p.arm(p.timeout)
	}
	return p.count
}

// answer calls what waits under number, unless it was called already.
func (p *publisher) answer(number, sequence uint64, err error) {
	p.mu.Lock()
	done, ok := p.waiting[number]
	delete(p.waiting, number)
	p.mu.Unlock()
	if ok {
		done(sequence, err)
	}
}

// receive handles an acknowledgement.
func (p *publisher) receive(m *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, p.inbox), 36, 64)
	if err != nil {
		return // somebody else's idea of an inbox
	}
	sequence, err := readAck(m)
	p.answer(number, sequence, err)
}

func (p *publisher) arm(d time.Duration) {
	p.armed = true
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.expire)
		return
	}
	p.timer.Reset(d)
}

// expire answers everything whose time is over, and waits for the next.
func (p *publisher) expire() {
	now, late := time.Now(), []func(uint64, error){}
	p.mu.Lock()
	p.armed = false
	for len(p.queue) > 0 {
		head := p.queue[0]
		done, waits := p.waiting[head.number]
		if waits && head.at.After(now) {
			p.arm(head.at.Sub(now))
			break
		}
		if waits {
			delete(p.waiting, head.number)
			late = append(late, done)
		}
		p.queue = p.queue[1:]
	}
	p.mu.Unlock()
	for _, done := range late {
		done(0, fmt.Errorf("no acknowledgement within %v: %w", p.timeout, orchestrator.ErrInDoubt))
	}
}

// fail answers everything that waits: its acknowledgement was on its way over
// a connection that is gone.
func (p *publisher) fail(cause error) {
	p.mu.Lock()
	lost := p.waiting
	p.waiting = map[uint64]func(uint64, error){}
	p.mu.Unlock()
	for _, done := range lost {
		done(0, fmt.Errorf("%w: %w", cause, orchestrator.ErrInDoubt))
	}
}

// close ends the subscription. What is published later is answered by the time-out.
func (p *publisher) close() {
	_ = p.sub.Unsubscribe() // fails only if the connection is closed
	p.fail(nats.ErrConnectionClosed)
}
