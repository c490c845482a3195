package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// headerSequence is what the server adds to an announcement: the sequence under
// which the message is stored.
const headerSequence = "Nats-Sequence"

// Wait returns when the saga is over or stuck, or with ctx's error. It listens
// before it looks, and looks again from time to time: an announcement may be
// lost, and nothing tells.
func (s Saga) Wait(ctx context.Context, options ...WaitOption) (End, error) {
	v := &vigil{Saga: s}
	for _, option := range options {
		option(&v.waiting)
	}
	w, known := s.c.feed.join(s.id, s.mark)
	defer s.c.feed.leave(s.id, w)
	var first time.Duration
	if known { // all that happened since the start was heard
		first = jittered(s.c.every, rand.Float64())
	}
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		var end *End
		var err error
		select {
		case <-ctx.Done():
			return End{ID: s.id, Run: s.run}, deadline(ctx, "wait for saga "+s.id, v.failed)
		case h := <-w.links:
			end, err = v.heard(ctx, h)
		case <-w.look:
			end, err = v.look(ctx)
		case <-timer.C:
			end, err = v.look(ctx)
			timer.Reset(jittered(s.c.every, rand.Float64()))
		}
		if end != nil || err != nil {
			return v.end(end), err
		}
		if s.c.nc.IsClosed() {
			return End{ID: s.id, Run: s.run}, fmt.Errorf("client: wait for saga %s: %w", s.id, nats.ErrConnectionClosed)
		}
	}
}

// A vigil is one Wait.
type vigil struct {
	Saga
	waiting
	folded uint64 // sequence of the last link when the state was looked at
	failed error  // why the last look showed nothing
}

func (v *vigil) end(e *End) End {
	if e == nil {
		return End{ID: v.id, Run: v.run}
	}
	return *e
}

// heard takes an announced link. One that ends the saga is enough; any other
// may have made it stuck, which only the state tells.
func (v *vigil) heard(ctx context.Context, h protocol.Header) (*End, error) {
	run, errRun := strconv.ParseUint(h.Get(protocol.HeaderRun), 10, 64)
	sequence, errSequence := strconv.ParseUint(h.Get(headerSequence), 10, 64)
	if errRun != nil || errSequence != nil {
		return nil, nil // no orchestrator's
	}
	// The end of another run of the id is none of ours; the state tells.
	if status, reason, ok := ending(h); ok && run == v.run && v.statusOnly {
		return &End{ID: v.id, Run: run, Status: status, Reason: reason, Last: sequence}, nil
	} else if !ok && !mayStick(h) {
		return nil, nil
	}
	return v.fold(ctx, sequence)
}

// look reads the saga's last link, and its state if that changed.
func (v *vigil) look(ctx context.Context) (*End, error) {
	select {
	case v.c.looks <- struct{}{}:
		defer func() { <-v.c.looks }()
	case <-ctx.Done():
		return nil, nil
	}
	last, err := v.c.look(ctx, v.partition, leader.Lookup{LastBySubject: v.c.subjects.Chain(v.partition, v.id)})
	if errors.Is(err, ErrNotFound) {
		return nil, v.gone()
	}
	if v.failed = err; err != nil || last.Sequence == v.folded {
		return nil, nil
	}
	if last.Address.Kind == protocol.KindStart && last.Sequence == v.run {
		return nil, nil // nothing was decided yet
	}
	return v.fold(ctx, last.Sequence)
}

// fold looks at the whole saga, whose last link has at least that sequence.
func (v *vigil) fold(ctx context.Context, last uint64) (*End, error) {
	state, err := v.c.read(ctx, v.partition, v.id, last)
	if errors.Is(err, ErrNotFound) {
		return nil, v.gone()
	}
	if v.failed = err; err != nil {
		return nil, nil
	}
	if v.run != 0 && state.Run != v.run {
		return nil, v.gone()
	}
	v.folded = state.Last
	if !state.Status.Over() && (state.Status != instance.Stuck || v.throughStuck) {
		return nil, nil
	}
	end := &End{ID: v.id, Run: state.Run, Status: state.Status, Reason: why(state), Last: state.Last}
	if !v.statusOnly {
		end.State = state
	}
	return end, nil
}

func (v *vigil) gone() error {
	if v.run == 0 {
		return fmt.Errorf("client: saga %s: %w", v.id, ErrNotFound)
	}
	return fmt.Errorf("client: saga %s: its history has left the journal: %w", v.id, ErrNotFound)
}

// why says why a saga is not on its way forward.
func why(s instance.State) string {
	switch {
	case s.Parked != "":
		return s.Parked
	case s.Status == instance.Completed:
		return ""
	}
	return s.Reason
}

// ending reports whether h is of a link that ends its saga, how, and why if it
// says so.
func ending(h protocol.Header) (status instance.Status, reason string, ok bool) {
	status = instance.Status(h.Get(protocol.HeaderStatus))
	if !status.Over() {
		return "", "", false
	}
	return status, h.Get(protocol.HeaderReason), true
}

// mayStick reports whether the link of h may have made its saga stuck.
func mayStick(h protocol.Header) bool {
	text := h.Get(protocol.HeaderEvents)
	for _, name := range []string{`"StepHalted"`, `"Parked"`, `"ResolveFailed"`} {
		if strings.Contains(text, name) {
			return true
		}
	}
	return false
}
