package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/startup"
	"github.com/amends-io/amends/cmd/amends/internal/web"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/sagas"
)

// patience is how long the servers may be away when a member begins.
const patience = time.Minute

// A Member is an orchestrator with its service, as the demo and dev run it.
type Member struct {
	NC          *nats.Conn
	Redis       redis.UniversalClient
	Prefix      string // of the journal's subjects
	KeyPrefix   string // of the view's keys
	Name        string // drawn at random if empty
	Version     string // of the program
	Definitions []sagas.Definition
	Log         *slog.Logger
	// New makes the orchestrator; orchestrator.New if nil.
	New func(orchestrator.Config, redis.UniversalClient) (*orchestrator.Orchestrator, error)
}

// Run drives sagas, and answers for them, until ctx is over. The journal is
// there already. Without definitions it only answers.
func (m Member) Run(ctx context.Context) error {
	var parts web.Parts
	var end func()
	if err := startup.Await(ctx, patience, m.Log, func() (err error) {
		parts, end, err = web.Stores{NATS: m.NC, Redis: m.Redis, Prefix: m.Prefix, KeyPrefix: m.KeyPrefix}.Open(ctx, m.Log)
		return err
	}); err != nil {
		return err
	}
	defer end()
	parts.Name = m.Name
	v := parts.Verbs()
	defer v.Close()
	service := natsservice.Config{Journal: parts.Journal, View: parts.View, Verbs: v, Prefix: m.Prefix, Version: m.Version, Log: m.Log}
	drive := func(ctx context.Context) error { <-ctx.Done(); return nil }
	if len(m.Definitions) > 0 {
		if m.New == nil {
			m.New = func(c orchestrator.Config, _ redis.UniversalClient) (*orchestrator.Orchestrator, error) {
				return orchestrator.New(c)
			}
		}
		o, err := m.New(orchestrator.Config{
			Journal: parts.Journal, View: parts.View, Definitions: m.Definitions, Name: m.Name, Prefix: m.Prefix, Log: m.Log,
		}, m.Redis)
		if err != nil {
			return err
		}
		service.Orchestrator, drive = o, o.Run
	}
	s, err := natsservice.New(m.NC, service)
	if err != nil {
		return err
	}
	if err = errors.Join(drive(ctx), s.Stop()); err != nil {
		return fmt.Errorf("orchestrator: %w", err)
	}
	return nil
}
