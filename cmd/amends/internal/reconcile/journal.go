// Package reconcile proves what became of the demo's orders. It computes it
// twice, from what the participants keep and from the journal alone, by a
// reading of its own that shares nothing with the orchestrator's, and compares
// the two with each other, with the view, and with what the client was told.
package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/participants/protocol"
)

// A Journal is what all the messages of a journal say, by saga.
type Journal struct {
	Lives    map[string]*Life
	Messages int      // about sagas
	Odd      []string // messages that are no part of any life
}

// patience is how long the next message of a journal may take to come.
const patience = 10 * time.Second

// ReadJournal reads every message of every stream below a prefix, up to the
// last one at the time.
func ReadJournal(ctx context.Context, nc *nats.Conn, subjects protocol.Subjects) (*Journal, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	j := &Journal{Lives: make(map[string]*Life)}
	count := 1
	for p := 0; p < count; p++ {
		stream, err := js.Stream(ctx, subjects.Stream(p))
		if err != nil {
			return nil, fmt.Errorf("read the journal: stream %s: %w", subjects.Stream(p), err)
		}
		info := stream.CachedInfo()
		if count, err = protocol.Partitions(info.Config.Metadata); err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		if err := j.read(ctx, stream, info.State.LastSeq, subjects); err != nil {
			return nil, fmt.Errorf("read the journal: stream %s: %w", subjects.Stream(p), err)
		}
	}
	return j, nil
}

func (j *Journal) read(ctx context.Context, stream jetstream.Stream, last uint64, subjects protocol.Subjects) error {
	if last == 0 {
		return nil
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(2000))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextMaxWait(patience))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		j.add(subjects, message{
			subject: m.Subject(), sequence: meta.Sequence.Stream,
			header: protocol.Header(m.Headers()), body: m.Data(),
		})
		if meta.Sequence.Stream >= last || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// A message is what the server stored.
type message struct {
	subject  string
	sequence uint64
	header   protocol.Header
	body     []byte
}

// add lets m take its place in the life of its saga.
func (j *Journal) add(subjects protocol.Subjects, m message) {
	a, err := subjects.Parse(m.subject)
	switch {
	case err != nil:
		j.odd("%d: %v", m.sequence, err)
		return
	case a.Kind == protocol.KindCanary || a.Kind == protocol.KindPurged:
		return // about no saga
	}
	j.Messages++
	life := j.Lives[a.ID]
	if life == nil {
		if a.Kind != protocol.KindStart {
			j.odd("%d: a %v of %s, which was never started", m.sequence, a.Kind, a.ID)
			return
		}
		life = &Life{ID: a.ID, chain: subjects.Chain(a.Partition, a.ID)}
		j.Lives[a.ID] = life
	}
	life.add(a, m)
}

func (j *Journal) odd(format string, args ...any) {
	j.Odd = append(j.Odd, fmt.Sprintf(format, args...))
}
