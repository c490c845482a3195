package web

import (
	"context"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// Stores are where a console looks that drives nothing. The journal exists; the
// connections stay the caller's.
type Stores struct {
	NATS      *nats.Conn
	Redis     redis.UniversalClient
	Prefix    string // of the journal's subjects
	KeyPrefix string // of the view's keys
}

// Apart serves the console beside an orchestrator, and not in it. Verbs and
// feed of cfg are made here.
func Apart(ctx context.Context, s Stores, cfg Config) (_ *Server, err error) {
	var parts []func()
	defer func() {
		if err != nil {
			closeAll(parts)
		}
	}()
	journal, err := natsjournal.Open(ctx, s.NATS, natsjournal.WithPrefix(s.Prefix))
	if err != nil {
		return nil, err
	}
	parts = append(parts, journal.Close)
	view, err := redisview.Open(ctx, s.Redis, redisview.WithPrefix(s.KeyPrefix), redisview.WithLogger(cfg.Log))
	if err != nil {
		return nil, err
	}
	c, err := client.New(s.NATS, client.WithPrefix(s.Prefix))
	if err != nil {
		return nil, err
	}
	parts = append(parts, c.Close)
	cfg.Verbs, cfg.Feed = Parts{Journal: journal, View: view, Client: c, Log: cfg.Log}.Verbs(), c
	parts = append(parts, cfg.Verbs.Close)
	server, err := Start(cfg)
	if err != nil {
		return nil, err
	}
	server.parts = parts
	return server, nil
}

// closeAll closes what was opened last first.
func closeAll(parts []func()) {
	for _, end := range slices.Backward(parts) {
		end()
	}
}
