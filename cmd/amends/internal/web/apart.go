package web

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// Stores are where journal and view are. The journal exists; the connections
// stay the caller's.
type Stores struct {
	NATS      *nats.Conn
	Redis     redis.UniversalClient
	Prefix    string // of the journal's subjects
	KeyPrefix string // of the view's keys
}

// Open opens what is asked and driven through. Close closes that again.
func (s Stores) Open(ctx context.Context, log *slog.Logger) (p Parts, close func(), err error) {
	journal, err := natsjournal.Open(ctx, s.NATS, natsjournal.WithPrefix(s.Prefix))
	if err != nil {
		return p, nil, err
	}
	view, err := redisview.Open(ctx, s.Redis, redisview.WithPrefix(s.KeyPrefix), redisview.WithLogger(log))
	if err != nil {
		journal.Close()
		return p, nil, err
	}
	c, err := client.New(s.NATS, client.WithPrefix(s.Prefix))
	if err != nil {
		journal.Close()
		return p, nil, err
	}
	return Parts{Journal: journal, View: view, Client: c, Log: log}, func() { c.Close(); journal.Close() }, nil
}

// Apart serves the console beside an orchestrator, and not in it. Verbs and
// feed of cfg are made here.
func Apart(ctx context.Context, s Stores, cfg Config) (*Server, error) {
	p, end, err := s.Open(ctx, cfg.Log)
	if err != nil {
		return nil, err
	}
	v := p.Verbs()
	cfg.Verbs, cfg.Feed = v, p.Client
	server, err := Start(cfg)
	if err != nil {
		v.Close()
		end()
		return nil, err
	}
	server.after = func() { v.Close(); end() }
	return server, nil
}
