package natsjournal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/orchestrator"
)

// call asks JetStream's API.
func (j *Journal) call(ctx context.Context, subject string, request, response any) error {
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	return j.leader.Call(ctx, subject, request, response)
}

// bounded gives ctx an end, if it has none.
func (j *Journal) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, j.timeout)
}

func (j *Journal) info(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	info, err := j.leader.Info(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", stream, err)
	}
	return info, nil
}

// look returns the message that l asks for, or ErrNotFound.
func (j *Journal) look(ctx context.Context, stream string, l leader.Lookup) (orchestrator.Message, error) {
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	return j.leader.Look(ctx, stream, l)
}

// all returns the messages of one subject in order, each asked of the leader.
func (j *Journal) all(ctx context.Context, stream, subject string) ([]orchestrator.Message, error) {
	var found []orchestrator.Message
	for next := uint64(1); ; {
		m, err := j.look(ctx, stream, leader.Lookup{Sequence: next, NextBySubject: subject})
		if isNotFound(err) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found, next = append(found, m), m.Sequence+1
	}
}

func isNotFound(err error) bool { return errors.Is(err, orchestrator.ErrNotFound) }
