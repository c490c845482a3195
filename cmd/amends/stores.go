package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/startup"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// stores are the journal and the view, for commands that look at both without
// an orchestrator.
type stores struct {
	nc         *nats.Conn
	rdb        redis.UniversalClient
	journal    *natsjournal.Journal
	view       *redisview.View
	partitions []int // those that were asked for
}

// stores opens both. Only is a partition, or -1 for all. The caller closes it.
func (a *app) stores(ctx context.Context, only int) (*stores, error) {
	s := &stores{}
	if err := a.open(ctx, s, only); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (a *app) open(ctx context.Context, s *stores, only int) (err error) {
	if s.nc, err = a.connect(); err != nil {
		return err
	}
	if s.journal, err = a.journal(ctx, s.nc); err != nil {
		return err
	}
	if s.view, s.rdb, err = a.view(ctx, nil); err != nil {
		return err
	}
	s.partitions, err = choose(only, s.journal.Partitions())
	return err
}

// await opens both over the connection that s has, and waits for servers that
// are not there yet. The caller closes s, also after an error.
func (a *app) await(ctx context.Context, s *stores, patience time.Duration, log *slog.Logger) error {
	if err := startup.Await(ctx, patience, log, func() (err error) {
		s.journal, err = a.journal(ctx, s.nc)
		return err
	}); err != nil {
		return err
	}
	return startup.Await(ctx, patience, log, func() (err error) {
		s.view, s.rdb, err = a.view(ctx, log)
		return err
	})
}

func (s *stores) close() {
	if s.journal != nil {
		s.journal.Close()
	}
	if s.nc != nil {
		s.nc.Close()
	}
	if s.rdb != nil {
		_ = s.rdb.Close() // nothing is under way any more
	}
}

// choose returns all partitions, or the only one that was asked for.
func choose(only, count int) ([]int, error) {
	if only >= count || only < -1 {
		return nil, usagef("--partition %d: the journal has %d, from 0", only, count)
	}
	if only >= 0 {
		return []int{only}, nil
	}
	all := make([]int, count)
	for p := range all {
		all[p] = p
	}
	return all, nil
}
