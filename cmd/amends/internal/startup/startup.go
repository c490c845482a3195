// Package startup waits for the servers that a process needs when it begins:
// what starts everything together starts it in any order, and a cluster that
// elects a leader answers nobody for some seconds.
package startup

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
)

// pause is how long a server that does not answer is left alone.
const pause = 500 * time.Millisecond

// Await calls open until it succeeds, and again only while a server does not
// answer, for so long at most. Whatever else is wrong is returned at once: it
// would be wrong the next time too.
func Await(ctx context.Context, patience time.Duration, log *slog.Logger, open func() error) error {
	over := time.Now().Add(patience)
	for said := ""; ; {
		err := open()
		if err == nil || ctx.Err() != nil || !Away(err) || !time.Now().Before(over) {
			return err
		}
		if text := err.Error(); text != said {
			log.Warn("waiting for a server", "until", over.Format(time.TimeOnly), "error", text)
			said = text
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// Away reports that err may be over in a moment: nobody listens, nobody leads,
// or what is there still loads what it keeps.
func Away(err error) bool {
	for _, e := range []error{
		nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrReconnectBufExceeded,
		nats.ErrConnectionReconnecting, nats.ErrDisconnected, jetstream.ErrNoStreamResponse,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.Code == 503
	}
	var network net.Error // and a deadline
	return errors.As(err, &network) || redis.IsLoadingError(err) || redis.IsClusterDownError(err) ||
		redis.IsMasterDownError(err) || redis.IsTryAgainError(err)
}
