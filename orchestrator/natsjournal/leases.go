package natsjournal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/orchestrator"
)

// Leases are keys of a bucket whose own TTL is their life. A TTL of the key
// would not survive its first renewal.
type leases struct {
	journal *Journal
	kv      jetstream.KeyValue
	ttl     time.Duration
	stream  string
	subject string // of a key, without it
}

func (j *Journal) openLeases(ctx context.Context) (*leases, error) {
	name := leaseBucket(j.subjects)
	kv, err := j.js.KeyValue(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("look for bucket %s: %w", name, err)
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for bucket %s: %w", name, err)
	}
	l := &leases{journal: j, kv: kv, ttl: status.TTL(), stream: "KV_" + name, subject: "$KV." + name + "."}
	switch {
	case l.ttl == 0:
		return nil, &DifferentError{Stream: l.stream, Field: "max_age", Want: "the life of a lease", Have: "0"}
	case status.LimitMarkerTTL() == 0:
		return nil, &DifferentError{Stream: l.stream, Field: "subject_delete_marker_ttl", Want: markerTTL.String(), Have: "0"}
	}
	return l, nil
}

// TTL implements orchestrator.Leases.
func (l *leases) TTL() time.Duration { return l.ttl }

// Acquire implements orchestrator.Leases.
func (l *leases) Acquire(ctx context.Context, key string, value []byte) (uint64, error) {
	ctx, cancel := l.journal.bounded(ctx)
	defer cancel()
	revision, err := l.kv.Create(ctx, key, value)
	if err != nil {
		return 0, fmt.Errorf("acquire %s: %w", key, taken(err))
	}
	return revision, nil
}

// Renew implements orchestrator.Leases.
func (l *leases) Renew(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if revision == 0 {
		return 0, fmt.Errorf("renew %s: %w", key, orchestrator.ErrTaken) // the store would create it
	}
	ctx, cancel := l.journal.bounded(ctx)
	defer cancel()
	next, err := l.kv.Update(ctx, key, value, revision)
	if err != nil {
		return 0, fmt.Errorf("renew %s: %w", key, taken(err))
	}
	return next, nil
}

// Release implements orchestrator.Leases.
func (l *leases) Release(ctx context.Context, key string, revision uint64) error {
	if revision == 0 {
		return fmt.Errorf("release %s: %w", key, orchestrator.ErrTaken)
	}
	ctx, cancel := l.journal.bounded(ctx)
	defer cancel()
	if err := l.kv.Delete(ctx, key, jetstream.LastRevision(revision)); err != nil {
		return fmt.Errorf("release %s: %w", key, taken(err))
	}
	return nil
}

// taken tells a condition that did not hold from other errors.
func taken(err error) error {
	if errors.Is(err, jetstream.ErrKeyExists) || leader.IsCode(err, jetstream.JSErrCodeStreamWrongLastSequence) ||
		leader.IsCode(err, jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return fmt.Errorf("%w: %w", err, orchestrator.ErrTaken)
	}
	return err
}

// Watch implements orchestrator.Leases.
func (l *leases) Watch(ctx context.Context, handle func(orchestrator.Lease)) error {
	config := jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, FilterSubject: l.subject + ">"}
	all := false
	start := func(_ context.Context, info *jetstream.ConsumerInfo) error {
		if info.NumPending == 0 && info.Delivered.Consumer == 0 {
			all = true
			handle(orchestrator.Lease{})
		}
		return nil
	}
	take := func(d delivery) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		lease := orchestrator.Lease{Key: strings.TrimPrefix(d.Subject, l.subject), Revision: d.sequence}
		if !gone(d) {
			if lease.Value = d.Data; lease.Value == nil {
				lease.Value = []byte{}
			}
		}
		if all || lease.Value != nil {
			handle(lease)
		}
		if !all && d.pending == 0 {
			all = true
			handle(orchestrator.Lease{})
		}
		return nil
	}
	if err := l.journal.follow(ctx, l.stream, config, start, take); err != nil {
		return fmt.Errorf("watch leases: %w", interruption(ctx, err))
	}
	return nil
}

// gone reports whether d marks a key that was deleted or expired.
func gone(d delivery) bool {
	return d.Header.Get("KV-Operation") != "" || d.Header.Get(jetstream.MarkerReasonHeader) != ""
}
