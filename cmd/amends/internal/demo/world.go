package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/shop"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas/placeorder"
)

// A World is the servers that the demo runs on, and what it calls its own there.
type World struct {
	NC        *nats.Conn
	Redis     redis.UniversalClient
	Prefix    string // of the journal's subjects
	Namespace string // of the participants' keys
}

// KeyPrefix is the prefix of the view's keys, as the CLI has it.
func KeyPrefix(prefix string) string {
	if prefix == protocol.DefaultPrefix {
		return redisview.DefaultPrefix
	}
	return redisview.DefaultPrefix + prefix + ":"
}

func (w World) subjects() protocol.Subjects { return protocol.Subjects{Prefix: w.Prefix} }

// ErrUsed says that there are sagas in a journal that should have none.
var ErrUsed = errors.New("has sagas already, and the demo counts every one of them")

// Fresh returns the world on servers that may have been used before, also by an
// earlier demo. The prefix stays, if the journal of that name has no sagas; else
// another one is drawn, unless it must be that one.
func Fresh(ctx context.Context, nc *nats.Conn, rdb redis.UniversalClient, prefix string, must bool) (World, error) {
	draw := strconv.FormatUint(uint64(rand.Uint32()), 36)
	w := World{NC: nc, Redis: rdb, Prefix: prefix, Namespace: "demo-" + draw}
	used, err := w.used(ctx)
	switch {
	case err != nil:
		return w, err
	case used && must:
		return w, fmt.Errorf("the journal with the prefix %q %w; give it another --prefix", prefix, ErrUsed)
	case used:
		w.Prefix = "demo-" + draw
	}
	return w, nil
}

// used reports whether the journal has sagas, or, where there is none, whether
// a view was left over from an earlier one: an orchestrator would see that its
// journal lost everything, and stop.
func (w World) used(ctx context.Context) (bool, error) {
	js, err := jetstream.New(w.NC)
	if err != nil {
		return false, err
	}
	stream, err := js.Stream(ctx, w.subjects().Stream(0))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		n, err := w.Redis.Exists(ctx, KeyPrefix(w.Prefix)+"{0}:meta").Result()
		if err != nil {
			return false, fmt.Errorf("look at Redis: %w", err)
		}
		return n > 0, nil
	} else if err != nil {
		return false, fmt.Errorf("look at the journal: %w", err)
	}
	partitions, err := protocol.Partitions(stream.CachedInfo().Config.Metadata)
	if err != nil {
		return false, fmt.Errorf("look at the journal: %w", err)
	}
	for p := range partitions {
		if stream, err = js.Stream(ctx, w.subjects().Stream(p)); err != nil {
			return false, fmt.Errorf("look at the journal: %w", err)
		}
		starts, err := stream.Info(ctx, jetstream.WithSubjectFilter(w.subjects().Start(p, "*")))
		if err != nil {
			return false, fmt.Errorf("look at the journal: %w", err)
		}
		if len(starts.State.Subjects) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// CreateJournal makes the journal where there is none, and the consumers of the
// participants: one that finds none waits a while until it looks again.
func (w World) CreateJournal(ctx context.Context, partitions int, participants ...string) error {
	journal, err := natsjournal.Open(ctx, w.NC, natsjournal.WithPrefix(w.Prefix))
	if errors.Is(err, natsjournal.ErrNoJournal) {
		journal, err = natsjournal.Open(ctx, w.NC, natsjournal.WithPrefix(w.Prefix), natsjournal.WithCreate(partitions, 1))
	}
	if err != nil {
		return err
	}
	defer journal.Close()
	return journal.Provision(ctx, participants)
}

// open lays the goods in and lets the participants work until ctx is over.
// What ends one of them before that is told to fail.
func (w World) open(ctx context.Context, orders []placeorder.Order, log *slog.Logger, fail func(error)) (*shop.Shop, *sync.WaitGroup, error) {
	s, err := shop.New(w.Redis, w.Namespace)
	if err != nil {
		return nil, nil, err
	}
	if err := s.Fill(ctx, orders); err != nil {
		return nil, nil, err
	}
	var group sync.WaitGroup
	for _, p := range s.Participants(w.NC, participants.WithPrefix(w.Prefix), participants.WithLogger(log)) {
		group.Go(func() {
			if err := p.Run(ctx); err != nil {
				fail(fmt.Errorf("participant %s: %w", p.Name(), err))
			}
		})
	}
	return s, &group, nil
}
