// Package pipeline publishes messages to JetStream, many at a time over one
// connection. It is what the journal's adapter and the participants share of
// that server's client, leaner than jetstream.PublishMsgAsync, which has a timer,
// a future and a goroutine's wake-up for each message.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// ErrInDoubt says that nobody knows whether a message was stored.
var ErrInDoubt = errors.New("it is not known whether it was stored")

// A Publisher sends messages and matches the acknowledgements that come to its
// one inbox. Whatever happens, each message is answered exactly once: by its
// acknowledgement, by the time-out, or when the connection is lost over which
// the acknowledgement was to come. One timer does for all of them, as all wait
// equally long. It may be used by several goroutines.
type Publisher struct {
	nc      *nats.Conn
	inbox   string // with the last dot
	sub     *nats.Subscription
	timeout time.Duration

	stop     context.CancelFunc
	watching chan struct{} // closed when nobody looks after the connection any more

	mu     sync.Mutex
	queue  []waiting // in the order of sending
	number uint64    // of the first in queue; the others count on
	head   int       // all of queue before it are answered
	named  uint64
	timer  *time.Timer
	armed  bool
}

// waiting is who waits for an answer.
type waiting struct {
	until time.Time
	done  func(sequence uint64, err error) // nil once it is answered
}

// New returns a publisher that waits so long for each acknowledgement. Whoever
// has it closes it.
func New(nc *nats.Conn, timeout time.Duration) (*Publisher, error) {
	p := &Publisher{nc: nc, inbox: nc.NewInbox() + ".", timeout: timeout, number: 1}
	sub, err := nc.Subscribe(p.inbox+"*", p.receive)
	if err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	p.sub = sub
	if err := Unbounded(sub); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop, p.watching = cancel, make(chan struct{})
	go p.watch(ctx, nc.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED))
	return p, nil
}

// Unbounded keeps the client from dropping messages of sub that are not handled
// yet. If it fails, sub has ended.
func Unbounded(sub *nats.Subscription) error {
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return errors.Join(fmt.Errorf("lift the limits of a subscription: %w", err), sub.Unsubscribe())
	}
	return nil
}

// watch fails what waits whenever the connection is lost, until ctx ends.
func (p *Publisher) watch(ctx context.Context, changes chan nats.Status) {
	defer close(p.watching)
	defer p.nc.RemoveStatusListener(changes)
	for !p.nc.IsClosed() {
		select {
		case <-ctx.Done():
			return
		case <-changes:
			p.fail(nats.ErrDisconnected)
		}
	}
	p.fail(nats.ErrConnectionClosed)
}

// Publish sends m, whose Reply it sets, and returns. Then done is called once,
// from any goroutine, and must not block for long. Its error is an
// *jetstream.APIError if the server refused m, wraps ErrInDoubt if nobody knows,
// and is else the client's, which did not send it.
func (p *Publisher) Publish(m *nats.Msg, done func(sequence uint64, err error)) {
	number := p.wait(done)
	var room [64]byte
	m.Reply = string(strconv.AppendUint(append(room[:0], p.inbox...), number, 36))
	if err := p.nc.PublishMsg(m); err != nil {
		// Not from here: the caller may hold what done needs.
		go p.answer(number, 0, sendError(err))
	}
}

// sendError says what a failure to send means. Only what the client itself
// refuses was certainly not stored.
func sendError(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject),
		errors.Is(err, nats.ErrBadHeaderMsg), errors.Is(err, nats.ErrHeadersNotSupported):
		return err
	}
	return fmt.Errorf("%w: %w", err, ErrInDoubt)
}

// wait notes that done is owed an answer.
func (p *Publisher) wait(done func(uint64, error)) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, waiting{time.Now().Add(p.timeout), done})
	if !p.armed {
		p.arm(p.timeout)
	}
	return p.number + uint64(len(p.queue)-1)
}

// name returns a name that no other batch has.
func (p *Publisher) name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.named++
	return strings.TrimPrefix(p.inbox, nats.InboxPrefix) + strconv.FormatUint(p.named, 36)
}

// answer calls what waits under number, unless it was called already.
func (p *Publisher) answer(number, sequence uint64, err error) {
	p.mu.Lock()
	var done func(uint64, error)
	if i := number - p.number; i < uint64(len(p.queue)) {
		done, p.queue[i].done = p.queue[i].done, nil
		p.advance()
	}
	p.mu.Unlock()
	if done != nil {
		done(sequence, err)
	}
}

// advance passes what is answered at the head of the queue, and makes room
// once that is half of it. The caller has locked p.
func (p *Publisher) advance() {
	for p.head < len(p.queue) && p.queue[p.head].done == nil {
		p.head++
	}
	if 2*p.head >= len(p.queue) {
		rest := copy(p.queue, p.queue[p.head:])
		clear(p.queue[rest:])
		p.queue, p.number, p.head = p.queue[:rest], p.number+uint64(p.head), 0
	}
}

// receive handles an acknowledgement.
func (p *Publisher) receive(m *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, p.inbox), 36, 64)
	if err != nil {
		return // somebody else's idea of an inbox
	}
	sequence, err := ReadAck(m)
	p.answer(number, sequence, err)
}

func (p *Publisher) arm(d time.Duration) {
	p.armed = true
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.expire)
		return
	}
	p.timer.Reset(d)
}

// expire answers everything whose time is over, and waits for the next.
func (p *Publisher) expire() {
	now, late := time.Now(), []func(uint64, error){}
	p.mu.Lock()
	p.armed = false
	for len(p.queue) > 0 && !p.queue[p.head].until.After(now) {
		late = append(late, p.queue[p.head].done)
		p.queue[p.head].done = nil
		p.advance()
	}
	if len(p.queue) > 0 {
		p.arm(p.queue[p.head].until.Sub(now))
	}
	p.mu.Unlock()
	for _, done := range late {
		done(0, fmt.Errorf("no acknowledgement within %v: %w", p.timeout, ErrInDoubt))
	}
}

// fail answers everything that waits.
func (p *Publisher) fail(cause error) {
	p.mu.Lock()
	lost := p.queue
	p.queue, p.number, p.head = nil, p.number+uint64(len(lost)), 0
	p.mu.Unlock()
	for _, w := range lost {
		if w.done != nil {
			w.done(0, fmt.Errorf("%w: %w", cause, ErrInDoubt))
		}
	}
}

// Close ends the subscription, and fails what waits. It may be called again.
// What is published later is answered by the time-out.
func (p *Publisher) Close() {
	p.stop()
	<-p.watching
	_ = p.sub.Unsubscribe() // fails only if the connection is closed, or p is
	p.fail(nats.ErrConnectionClosed)
}
