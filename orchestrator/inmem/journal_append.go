package inmem

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Append implements orchestrator.Appender, with the faults of its connection.
func (p partition) Append(d orchestrator.Draft, done func(uint64, error)) {
	if !strings.HasPrefix(d.Subject, strings.TrimSuffix(p.store.subjects.Partition(p.number), ">")) {
		p.journal.acks.push(func() { done(0, fmt.Errorf("append to %s: not of partition %d", d.Subject, p.number)) })
		return
	}
	f := p.journal.fault(d)
	answer := func(sequence uint64, err error) {
		f.Ack.then(func() { p.journal.acks.push(func() { done(sequence, err) }) })
	}
	header := condition(d)
	f.Store.then(func() {
		if f.Drop {
			return
		}
		sequence, err := p.add(d.Subject, header, d.Body)
		if f.Err == nil {
			answer(sequence, err)
		}
	})
	if f.Err != nil {
		answer(0, fmt.Errorf("append to %s: %w", d.Subject, f.Err))
	}
}

// condition returns d's headers with its condition among them.
func condition(d orchestrator.Draft) protocol.Header {
	h := cloneHeader(d.Header)
	if d.Chain == "" {
		return h
	}
	if h == nil {
		h = protocol.Header{}
	}
	h.Set(protocol.HeaderExpectedSequence, strconv.FormatUint(d.Expect, 10))
	h.Set(protocol.HeaderExpectedSubject, d.Chain)
	return h
}

// Publish stores a message as a client or a participant does: on the
// condition that its headers hold, if they hold one.
func (j *Journal) Publish(ctx context.Context, subject string, h protocol.Header, body []byte) (uint64, error) {
	if err := j.reach(ctx); err != nil {
		return 0, fmt.Errorf("publish to %s: %w", subject, err)
	}
	for n, s := range j.store.streams {
		if matches(subject, j.store.subjects.Partition(n)) {
			return s.add(subject, h, body)
		}
	}
	return 0, fmt.Errorf("publish to %s: no stream has it: %w", subject, orchestrator.ErrInDoubt)
}
