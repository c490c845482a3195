package startup_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/cmd/amends/internal/startup"
)

var quiet = slog.New(slog.DiscardHandler)

func TestOnlyWhatMayComeIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		away bool
	}{
		"nobody listens":          {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		"no NATS server":          {nats.ErrNoServers, true},
		"nobody leads":            {&jetstream.APIError{Code: 503, ErrorCode: 10008}, true},
		"no answer":               {context.DeadlineExceeded, true},
		"a connection to come":    {nats.ErrReconnectBufExceeded, true},
		"no such stream":          {jetstream.ErrStreamNotFound, false},
		"no permission":           {nats.ErrPermissionViolation, false},
		"a wrong password":        {errors.New("WRONGPASS invalid username-password pair"), false},
		"an old server":           {errors.New("Redis 6.0 is too old"), false},
		"a request cut short":     {context.Canceled, false},
		"a refusal of the server": {&jetstream.APIError{Code: 400}, false},
	} {
		if got := startup.Away(fmt.Errorf("open: %w", c.err)); got != c.away {
			t.Errorf("%s: %v, want %v", name, got, c.away)
		}
	}
}

func TestAServerThatComesIsWaitedFor(t *testing.T) {
	t.Parallel()
	calls := 0
	err := startup.Await(t.Context(), time.Hour, quiet, func() error {
		if calls++; calls < 3 {
			return nats.ErrNoServers
		}
		return nil
	})
	if err != nil || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		ctx      context.Context
		patience time.Duration
		err      error
	}{
		"without patience":         {t.Context(), 0, nats.ErrNoServers},
		"when nobody waits":        {over, time.Hour, nats.ErrNoServers},
		"when something is broken": {t.Context(), time.Hour, broken},
	} {
		calls := 0
		err := startup.Await(c.ctx, c.patience, quiet, func() error { calls++; return c.err })
		if !errors.Is(err, c.err) || calls != 1 {
			t.Errorf("%s: %d calls, %v", name, calls, err)
		}
	}
}
