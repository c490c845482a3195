package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// An owner drives the sagas of one partition while it holds the lease. All its
// fields belong to the goroutine of run; what others finish for it comes back
// through the inbox.
//
// What keeps it right, whoever else believes to own the partition:
//
//  1. State changes only by links that are stored.
//  2. A link is appended on condition that the link before it is the last.
//  3. Inputs are looked at in the journal's order, each by a saga at rest.
//  4. The position moves past an input only when its saga is at rest and its
//     row is in the same write.
type owner struct {
	cfg      *Config
	p        int
	part     Partition
	view     PartitionView
	subjects protocol.Subjects
	defs     definitions
	log      *slog.Logger
	stats    *stats
	confirm  func(context.Context) error // fails unless the lease is still ours

	ctx    context.Context
	fail   context.CancelCauseFunc
	inbox  *inbox
	sagas  map[string]*saga
	timers *agenda // by saga: when its next timer is due, in Unix milliseconds
	holds  *agenda // by saga: the lowest sequence that its work still needs read

	position   Position // as it was written last
	generation string
	goal       uint64    // where catching up ends
	told       time.Time // when progress was told last
	live       bool      // caught up: it decides
	asking     []*saga   // touched while catching up, to be asked without input
	flights    int
	progress
	flusher
	keeper
}

// Why an owner stops although it may go on later.
var (
	errForget   = errors.New("the view was written by somebody else, or lost")
	errViewAway = errors.New("the view could not be reached for too long")
)

// A LostError says that the journal lost what it had acknowledged. Nothing
// goes on from there without a person.
type LostError struct {
	Partition int
	What      string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("partition %d: the journal lost messages: %s; restore it, or accept the loss with 'amends rebuild --accept-loss'", e.Partition, e.What)
}

// run takes the partition over and drives it until ctx is over or it must stop.
func (o *owner) run(ctx context.Context) error {
	if err := o.confirm(ctx); err != nil {
		return err
	}
	ctx, o.fail = context.WithCancelCause(ctx)
	defer o.fail(nil)
	o.ctx = ctx
	from, err := o.takeOver(ctx)
	if err != nil {
		return err
	}
	if o.cfg.Observer != nil {
		o.cfg.Observer.Began(o.p, o.part, from)
	}
	end, err := o.part.Tail(ctx)
	if err != nil {
		return fmt.Errorf("end of partition %d: %w", o.p, err)
	}
	o.goal = end.Last
	messages := make(chan Message, 1024)
	reading, seen := make(chan struct{}), o.seen
	go func() {
		defer close(reading)
		o.fail(o.readAll(ctx, from, seen, messages))
	}()
	defer func() { o.fail(nil); <-reading }()
	if end.Last < from {
		o.goLive()
	}
	return o.loop(ctx, messages)
}

// loop handles whatever comes, one thing at a time.
func (o *owner) loop(ctx context.Context, messages <-chan Message) error {
	clock := time.NewTimer(0)
	defer clock.Stop()
	for {
		in := messages
		if o.flights >= maxFlights || o.crowded() {
			in = nil // what is under way comes first
		}
		select {
		case <-ctx.Done():
			o.flushAtEnd()
			return context.Cause(ctx)
		case m := <-in:
			o.take(m)
			o.drain(in)
		case <-o.inbox.wake:
			o.inbox.run()
		case <-clock.C:
			o.tick()
		}
		o.ask()
		o.flushIfDue()
		clock.Reset(o.untilNext())
	}
}

func (o *owner) take(m Message) {
	o.handle(m)
	if !o.live && o.read >= o.goal {
		o.goLive()
	}
}

// drainAtOnce bounds how many messages keep everything else waiting: some ms.
const drainAtOnce = 64

// drain takes messages that are there already: to look at clock and view after
// each one would cost as much again.
func (o *owner) drain(in <-chan Message) {
	for range min(len(in), drainAtOnce) {
		if o.flights >= maxFlights || o.crowded() || o.ctx.Err() != nil {
			return
		}
		o.take(<-in)
	}
}

// tick does what only time brings about.
func (o *owner) tick() {
	now := o.cfg.Now()
	if o.live {
		o.fireTimers(now)
	}
	o.keep(now)
	o.tell(time.Now())
}

// tellEvery is how often somebody who waits for a rebuild hears of it.
const tellEvery = 2 * time.Second

// tell logs how far reading is while catching up.
func (o *owner) tell(now time.Time) {
	if now.Sub(o.told) < tellEvery {
		return
	}
	first := o.told.IsZero()
	o.told = now
	if !o.live && !first {
		o.log.Info("catching up", "read", o.read, "end", o.goal, "sagas", len(o.sagas))
	}
}

// untilNext is how long nothing has to be done if nothing comes in.
func (o *owner) untilNext() time.Duration {
	now := o.cfg.Now()
	wait := min(o.cfg.CanaryEvery, tellEvery)
	if !o.canaryFlew {
		wait = min(wait, o.canaryAt.Sub(now))
	}
	if o.live {
		if o.failing.IsZero() { // no history leaves while the view is away
			wait = min(wait, o.retainAt.Sub(now))
		}
		if _, at, ok := o.timers.first(); ok {
			wait = min(wait, time.UnixMilli(at).Sub(now))
		}
	}
	switch {
	case o.writing:
	case len(o.dirty) > 0 || len(o.deleted) > 0:
		wait = min(wait, time.Until(o.flushAt))
	case o.safe() != o.position.To:
		wait = min(wait, idleFlush-time.Since(o.wrote))
	}
	return max(wait, time.Millisecond)
}

// readAll reads the partition until ctx is over: everything up to the goal, so
// that all links are known which others have stored, and from then on inputs
// alone. After every interruption it first looks whether the journal still has
// what was seen.
func (o *owner) readAll(ctx context.Context, from uint64, seen Stamp, messages chan<- Message) error {
	read, caughtUp := o.part.Read, from > o.goal
	for {
		if caughtUp {
			read = o.part.ReadInputs
		}
		err := read(ctx, from, func(m Message) error {
			select {
			case messages <- m:
			case <-ctx.Done():
				return ctx.Err()
			}
			if from = m.Sequence + 1; m.Sequence > seen.Sequence {
				seen.Sequence, seen.Time = m.Sequence, m.Time
			}
			if !caughtUp && m.Sequence >= o.goal {
				caughtUp = true // whatever the reader says that has ended it
				return errCaughtUp
			}
			return nil
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errCaughtUp):
			continue
		case !errors.Is(err, ErrInterrupted):
			return fmt.Errorf("read partition %d from %d: %w", o.p, from, err)
		}
		o.log.Info("reading was interrupted", "from", from, "reason", err)
		if f := o.link.Load(); f != nil { // now: one that is stored later would hide a loss
			seen.Link, seen.Decision = f.sequence, f.draft.Header.Get(protocol.HeaderDecision)
		}
		pause.For(ctx, retryWait(0)) // a stream without a leader interrupts at once
		if err := o.verifyUntilReachable(ctx, seen); err != nil {
			return err
		}
		o.askAfter(time.Now())
	}
}

var errCaughtUp = errors.New("everything up to the goal was read")

// handle takes one message of the journal.
func (o *owner) handle(m Message) {
	if !o.live {
		o.whole = m.Sequence
	}
	switch kind := m.Address.Kind; {
	case kind == protocol.KindStart:
		o.handleStart(m)
	case kind == protocol.KindLink:
		o.handleLink(m)
	case kind.Input():
		o.handleInput(m)
	case kind == protocol.KindPurged:
		o.handlePurged(m)
	case kind == protocol.KindUnknown:
		o.reject(m, errors.New("its subject is none of the journal's"))
	}
	o.handled(m)
	if o.cfg.Observer != nil {
		o.cfg.Observer.Read(o.p, m, o.live)
	}
}

// noRow is what the view has of a saga that was never written.
var noRow instance.State

func (o *owner) handleStart(m Message) {
	if !Genuine(m) {
		o.handleForgedStart(m)
		return
	}
	sg := o.sagas[m.Address.ID]
	if sg != nil && sg.state.Run >= m.Sequence {
		return // it was read with the saga's history
	}
	fresh := &saga{proven: true}
	if sg != nil { // the run before, whose history has left; its row may be there
		o.forget(sg)
	} else if o.live { // one that is read again may have a row, newer than the position
		fresh.written = &noRow
	}
	o.begin(fresh, m)
}

func (o *owner) begin(sg *saga, m Message) {
	state, pending := begin(m, o.defs.partitions)
	sg.state = state
	o.sagas[m.Address.ID] = sg
	sg.push(pending)
	o.touch(sg, m.Sequence)
	o.turn(sg)
}

// handleForgedStart takes a start that the server stored unconditionally.
func (o *owner) handleForgedStart(m Message) {
	sg := o.lookup(m.Address.ID, m.Sequence)
	o.alarm(sg, "a start was published without its condition", "saga", m.Address.ID, "sequence", m.Sequence)
	if sg == nil {
		return
	}
	o.touch(sg, m.Sequence) // it may be the saga's first: then it is to be decided
	switch {
	case sg.frozen != nil || m.Sequence <= sg.state.Last:
	case sg.flight != nil || sg.loading || !o.knows(sg, m.Sequence):
		o.reload(sg, m.Sequence) // the condition is void, or does not say what it follows
	default:
		sg.state = instance.Repeat(sg.state, m.Sequence, m.Time.UTC())
		sg.resting = false
		o.markDirty(sg)
	}
	o.turn(sg)
}

// handleInput queues an input for its saga.
func (o *owner) handleInput(m Message) {
	in, err := readInput(m)
	if err != nil {
		o.reject(m, err)
		return
	}
	if home := protocol.Partition(m.Address.ID, o.defs.partitions); home != o.p {
		o.reject(m, fmt.Errorf("its saga belongs to partition %d", home))
		return
	}
	sg := o.sagas[m.Address.ID]
	if sg == nil {
		if sg = o.lookup(m.Address.ID, m.Sequence); sg == nil {
			o.orphan(m)
			return
		}
	}
	sg.push(Pending{Sequence: m.Sequence, Input: in})
	o.touch(sg, m.Sequence)
	o.turn(sg)
}

// handleLink takes a decision that is read while catching up.
func (o *owner) handleLink(m Message) {
	sg := o.sagas[m.Address.ID]
	if sg != nil && m.Sequence <= sg.state.Last && sg.proven {
		return
	}
	if sg == nil {
		if sg = o.lookup(m.Address.ID, m.Sequence); sg == nil {
			o.reject(m, ErrNoStart)
			return
		}
	}
	o.touch(sg, m.Sequence)
	switch {
	case !sg.proven && m.Sequence <= sg.state.Last && unparks(m):
		// Inputs that waited for it are before the position. The view's row is
		// parked no more, and need not have read them all.
		o.reload(sg, m.Sequence)
	case sg.frozen != nil || m.Sequence <= sg.state.Last:
	case !o.fold(sg, m):
		o.stats.rivals.Add(1)
		o.reload(sg, m.Sequence)
	}
	o.turn(sg)
}

// unparks reports whether m, a link, ends that its saga was parked.
func unparks(m Message) bool {
	events, err := DecodeEvents(m.Header.Get(protocol.HeaderEvents))
	return err == nil && slices.ContainsFunc(events, func(ev instance.Event) bool { _, ok := ev.(instance.Unparked); return ok })
}

// fold applies a link that is read while catching up, unless it does not
// follow on from what is known.
func (o *owner) fold(sg *saga, m Message) bool {
	if !follows(m, sg.state.Last) {
		return false
	}
	link, err := readLink(m)
	if err != nil || !complete(link.Events, sg.bodyOf) {
		return false
	}
	sg.state = instance.Fold(sg.state, link)
	kept := sg.queue[:0]
	for _, p := range sg.queue {
		if p.Sequence > sg.state.Read {
			kept = append(kept, p)
		}
	}
	sg.queue = kept
	sg.resting = false
	o.changed(sg)
	return true
}

// forget drops a saga from memory, with whatever was to be done about it.
func (o *owner) forget(sg *saga) {
	if sg.flight != nil {
		o.end(sg.flight)
	}
	if sg.dirty {
		o.dirty = without(o.dirty, sg)
		o.dirtyBytes -= sg.dirtyBytes
	}
	sg.loading = false
	delete(o.sagas, sg.id())
	o.timers.remove(sg.id())
	o.holds.remove(sg.id())
}

// touch holds the position before sequence until the saga is idle.
func (o *owner) touch(sg *saga, sequence uint64) { o.holds.add(sg.id(), int64(sequence)) }

// changed follows every change of a saga's state.
func (o *owner) changed(sg *saga) {
	o.markDirty(sg)
	if t, ok := sg.state.NextTimer(); ok {
		o.timers.set(sg.id(), t.Due.UnixMilli())
	} else {
		o.timers.remove(sg.id())
	}
}
