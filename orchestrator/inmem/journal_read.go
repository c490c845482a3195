package inmem

import (
	"context"
	"fmt"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// batch is how many messages a reader takes at a time.
const batch = 256

// Read implements orchestrator.Reader.
func (p partition) Read(ctx context.Context, from uint64, handle func(orchestrator.Message) error) error {
	return p.read(ctx, from, p.store.subjects.Partition(p.number), handle)
}

// ReadInputs implements orchestrator.Reader.
func (p partition) ReadInputs(ctx context.Context, from uint64, handle func(orchestrator.Message) error) error {
	return p.read(ctx, from, p.store.subjects.Inputs(p.number), handle)
}

func (p partition) read(ctx context.Context, from uint64, filter string, handle func(orchestrator.Message) error) error {
	interrupted := p.journal.interrupted()
	p.store.mu.Lock()
	lost, end := p.lost.wait(), uint64(len(p.messages))
	p.store.mu.Unlock()
	if from > end+1 {
		return fmt.Errorf("read partition %d from %d: it ends at %d: %w", p.number, from, end, orchestrator.ErrInterrupted)
	}
	for next := from; ; {
		p.store.mu.Lock()
		messages, grown := p.from(next, batch), p.grown.wait()
		p.store.mu.Unlock()
		for _, m := range messages {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-interrupted:
				return fmt.Errorf("read partition %d: %w", p.number, orchestrator.ErrInterrupted)
			case <-lost:
				return fmt.Errorf("read partition %d: %w", p.number, orchestrator.ErrInterrupted)
			default:
			}
			next = m.Sequence + 1
			if !matches(m.Subject, filter) {
				continue
			}
			if err := handle(m); err != nil {
				return err
			}
		}
		if len(messages) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-interrupted:
			return fmt.Errorf("read partition %d: %w", p.number, orchestrator.ErrInterrupted)
		case <-lost:
			return fmt.Errorf("read partition %d: %w", p.number, orchestrator.ErrInterrupted)
		case <-grown:
		}
	}
}

// A durable is how far a participant has taken its commands.
type durable struct{ next []uint64 } // by partition

// Commands calls handle with the commands for participant, old ones first,
// until ctx is over. Several calls share the commands; each is handed out
// once, unless Redeliver asks for them again. Who is not provisioned waits.
func (j *Journal) Commands(ctx context.Context, participant string, handle func(orchestrator.Message)) error {
	for {
		j.store.mu.Lock()
		m, ok := j.store.take(participant)
		grown := j.store.grown.wait()
		j.store.mu.Unlock()
		if ok {
			handle(m)
			if ctx.Err() == nil {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

// Redeliver hands all commands for participant out again.
func (j *Journal) Redeliver(participant string) {
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	if d := j.store.durables[participant]; d != nil {
		clear(d.next)
		j.store.grown.wake()
	}
}

// take returns the next command for participant.
func (s *store) take(participant string) (orchestrator.Message, bool) {
	d := s.durables[participant]
	if d == nil {
		return orchestrator.Message{}, false
	}
	for n, st := range s.streams {
		for d.next[n] < uint64(len(st.messages)) {
			m := st.messages[d.next[n]]
			d.next[n]++
			if m != nil && m.Address.Kind == protocol.KindLink && m.Address.Name == participant {
				return *m, true
			}
		}
	}
	return orchestrator.Message{}, false
}
