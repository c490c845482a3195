package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
)

func newRebuild(a *app) *cobra.Command {
	partition, wait, accept := -1, false, false
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Have Redis made anew from the journal",
		Long: `Deletes what Redis has of each partition. The orchestrators notice at their
next write, and read the journal from its beginning; sagas go on when they are
through. Nothing is lost: Redis holds nothing that the journal does not.

An orchestrator that stops because the journal lost messages that it had
acknowledged does so since Redis remembers more than the journal has. Restore
the journal if there is a way. With --accept-loss you say that there is none:
Redis forgets, and the sagas go on from what is left.`,
		Example: `  amends rebuild --wait
  amends rebuild --partition 3
  amends rebuild --accept-loss`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.rebuild(cmd.Context(), partition, wait, accept)
		},
	}
	f := cmd.Flags()
	f.IntVar(&partition, "partition", -1, "this one only")
	f.BoolVar(&wait, "wait", false, "until Redis has followed to where the journal ends now")
	f.BoolVar(&accept, "accept-loss", false, "although the journal lacks messages that Redis has seen")
	return cmd
}

func (a *app) rebuild(ctx context.Context, only int, wait, accept bool) error {
	s, err := a.stores(ctx, only)
	if err != nil {
		return err
	}
	defer s.close()
	for _, p := range s.partitions {
		if err := a.forget(ctx, s.journal, s.view, p, accept); err != nil {
			return err
		}
	}
	if !wait {
		a.note("Redis forgot %d partition(s); running orchestrators make them anew. 'amends status' shows how far they are.", len(s.partitions))
		return nil
	}
	for _, p := range s.partitions {
		if err := a.awaitView(ctx, s.journal, s.view, p); err != nil {
			return err
		}
	}
	return nil
}

// forget empties a partition's view, unless that would hide a loss.
func (a *app) forget(ctx context.Context, j *natsjournal.Journal, v orchestrator.View, p int, accept bool) error {
	err := orchestrator.VerifyPosition(ctx, p, j, v)
	var lost *orchestrator.LostError
	switch {
	case errors.As(err, &lost) && !accept:
		return err
	case errors.As(err, &lost):
		a.note("partition %d: the loss is accepted: %s", p, lost.What)
	case err != nil:
		return err
	}
	if err := v.Partition(p).Forget(ctx); err != nil {
		return fmt.Errorf("forget partition %d: %w", p, err)
	}
	return nil
}

// awaitView waits until the view has followed to where the journal ends now.
func (a *app) awaitView(ctx context.Context, j *natsjournal.Journal, v orchestrator.View, p int) error {
	tail, err := j.Partition(p).Tail(ctx)
	if err != nil {
		return err
	}
	show := a.progress(fmt.Sprintf("partition %d", p))
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		at, err := v.Partition(p).Position(ctx)
		if err != nil {
			return fmt.Errorf("position of partition %d: %w", p, err)
		}
		if show != nil {
			show(min(at.To, tail.Last), tail.Last)
		}
		if at.To >= tail.Last {
			return a.line(fmt.Sprintf("partition %d: made anew up to %d", p, at.To))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("partition %d is at %d of %d: %w", p, at.To, tail.Last, ctx.Err())
		}
	}
}
