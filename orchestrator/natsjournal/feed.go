package natsjournal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/orchestrator"
)

// A silent consumer sends a sign of life at each heartbeat. One that is not
// heard of for three of them is lost.
const (
	heartbeat = 500 * time.Millisecond
	patience  = 3 * heartbeat
)

// inactivity is how long the server keeps a consumer whose reader went away.
const inactivity = 5 * time.Second

// A delivery is one message that a consumer sent.
type delivery struct {
	*nats.Msg
	sequence uint64 // in the stream
	time     time.Time
	pending  uint64 // how many there are after it
}

// A feed is one push consumer without acknowledgements that ends at the first
// sign that something may be missing. The ordered consumers of nats.go heal
// themselves instead, and their readers never hear of it.
type feed struct {
	nc     *nats.Conn
	handle func(delivery) error
	busy   atomic.Bool  // inside receive
	heard  atomic.Int64 // when receive ended last, in ns

	mu        sync.Mutex
	over      bool
	delivered uint64 // number of messages, as the consumer counts them
	ended     chan error
}

// follow calls handle, one call at a time, with what a consumer of config
// sends, and first start with what the server says of that consumer. It
// returns when ctx is over, with handle's or start's error, or with ErrInterrupted.
func (j *Journal) follow(ctx context.Context, stream string, config jetstream.ConsumerConfig,
	start func(context.Context, *jetstream.ConsumerInfo) error, handle func(delivery) error,
) error {
	changes := j.nc.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED)
	defer j.nc.RemoveStatusListener(changes)
	if !j.nc.IsConnected() {
		return fmt.Errorf("not connected: %w", orchestrator.ErrInterrupted)
	}
	f := &feed{nc: j.nc, handle: handle, ended: make(chan error, 1)}
	f.heard.Store(time.Now().UnixNano())
	f.mu.Lock() // until start has run
	config.DeliverSubject = j.nc.NewInbox()
	sub, err := j.nc.Subscribe(config.DeliverSubject, f.receive)
	if err != nil {
		return fmt.Errorf("%w: %w", err, orchestrator.ErrInterrupted)
	}
	defer f.stop(sub)
	if err := pipeline.Unbounded(sub); err != nil {
		f.mu.Unlock()
		return err
	}
	name, err := j.startFeed(ctx, stream, config, start)
	f.heard.Store(time.Now().UnixNano())
	f.mu.Unlock()
	if name != "" {
		// Nobody waits for the answer; if it gets lost the server finds out.
		defer func() { _ = j.nc.Publish(j.leader.Prefix+"CONSUMER.DELETE."+stream+"."+name, nil) }()
	}
	if err != nil {
		return err
	}
	return f.wait(ctx, sub, changes)
}

// startFeed makes the consumer, and returns its name once it exists.
func (j *Journal) startFeed(ctx context.Context, stream string, config jetstream.ConsumerConfig,
	start func(context.Context, *jetstream.ConsumerInfo) error,
) (name string, err error) {
	config.AckPolicy, config.MaxDeliver = jetstream.AckNonePolicy, 1
	config.FlowControl, config.IdleHeartbeat = true, heartbeat
	config.MemoryStorage, config.Replicas, config.InactiveThreshold = true, 1, inactivity
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	consumer, err := j.js.CreatePushConsumer(ctx, stream, config)
	if err != nil {
		return "", fmt.Errorf("make a consumer of %s: %w", stream, err)
	}
	info := consumer.CachedInfo()
	return info.Name, start(ctx, info)
}

// stop makes sure that handle is not running and will not run again.
func (f *feed) stop(sub *nats.Subscription) {
	_ = sub.Unsubscribe() // fails only if the connection is closed
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
}

// wait returns when the feed has ended.
func (f *feed) wait(ctx context.Context, sub *nats.Subscription, changes <-chan nats.Status) error {
	watch := time.NewTicker(heartbeat)
	defer watch.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-f.ended:
			return err
		case <-changes:
			return fmt.Errorf("the connection was lost: %w", orchestrator.ErrInterrupted)
		case now := <-watch.C:
			if f.silent(sub, now) {
				return fmt.Errorf("the consumer was not heard of for %v: %w", patience, orchestrator.ErrInterrupted)
			}
		}
	}
}

// silent reports whether the consumer is. While messages wait here for handle
// it is handle that takes its time.
func (f *feed) silent(sub *nats.Subscription, now time.Time) bool {
	if waiting, _, err := sub.Pending(); f.busy.Load() || err != nil || waiting > 0 {
		return false
	}
	return now.UnixNano()-f.heard.Load() > int64(patience)
}

// receive runs in the subscription's own goroutine.
func (f *feed) receive(m *nats.Msg) {
	f.busy.Store(true)
	f.mu.Lock()
	defer func() {
		f.mu.Unlock()
		f.heard.Store(time.Now().UnixNano())
		f.busy.Store(false)
	}()
	if f.over {
		return
	}
	if err := f.take(m); err != nil {
		f.over = true
		f.ended <- err
	}
}

func (f *feed) take(m *nats.Msg) error {
	// Only what the consumer sends of its own has no such reply: no stored
	// message can pass for a heartbeat by its headers.
	if !strings.HasPrefix(m.Reply, "$JS.ACK.") {
		return f.control(m)
	}
	d, number, err := readDelivery(m)
	if err != nil {
		return err
	}
	if number != f.delivered+1 {
		return fmt.Errorf("the consumer's message %d came after %d: %w", number, f.delivered, orchestrator.ErrInterrupted)
	}
	f.delivered = number
	return f.handle(d)
}

// control answers flow control, and compares a heartbeat's count with ours.
func (f *feed) control(m *nats.Msg) error {
	if m.Reply != "" { // flow control: all before it is handled
		return f.resume(m.Reply)
	}
	if stalled := m.Header.Get("Nats-Consumer-Stalled"); stalled != "" {
		if err := f.resume(stalled); err != nil {
			return err
		}
	}
	if sent, err := strconv.ParseUint(m.Header.Get("Nats-Last-Consumer"), 10, 64); err == nil && sent != f.delivered {
		return fmt.Errorf("the consumer sent %d messages, %d came: %w", sent, f.delivered, orchestrator.ErrInterrupted)
	}
	return nil
}

func (f *feed) resume(subject string) error {
	if err := f.nc.Publish(subject, nil); err != nil {
		return fmt.Errorf("answer flow control: %w: %w", err, orchestrator.ErrInterrupted)
	}
	return nil
}

var errDelivery = errors.New("a delivery whose reply subject cannot be read")

// readDelivery reads the metadata in m's reply subject, and the consumer's
// number of it:
//
//	$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<tries>.<stream sequence>.<number>.<time>.<pending>[.<random>]
func readDelivery(m *nats.Msg) (d delivery, number uint64, err error) {
	const plain, withDomain = 9, 11
	var tokens [16]string
	n := 0
	for rest, more := m.Reply, true; more && n < len(tokens); n++ {
		tokens[n], rest, more = strings.Cut(rest, ".")
	}
	first := 5
	switch {
	case n == withDomain || n == withDomain+1:
		first = 7
	case n != plain:
		return delivery{}, 0, errDelivery
	}
	var numbers [4]uint64
	for i := range numbers {
		if numbers[i], err = strconv.ParseUint(tokens[first+i], 10, 64); err != nil {
			return delivery{}, 0, errDelivery
		}
	}
	return delivery{m, numbers[0], time.Unix(0, int64(numbers[2])).UTC(), numbers[3]}, numbers[1], nil
}
