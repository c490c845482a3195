package natsjournal

import (
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// ConnectOptions returns how a connection of the orchestrator is made: it
// comes back for ever, sends nothing stale when it does, notices a server that
// no longer answers, and logs what happens to it.
func ConnectOptions(name string, log *slog.Logger) []nats.Option {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return []nats.Option{
		nats.Name(name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(5 * time.Second), // else a stopped server holds publishers up for a minute
		nats.ConnectHandler(func(nc *nats.Conn) { log.Info("connected to NATS", "url", nc.ConnectedUrlRedacted()) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("reconnected to NATS", "url", nc.ConnectedUrlRedacted()) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // else we closed it
				log.Warn("disconnected from NATS", "error", err)
			}
		}),
		nats.ClosedHandler(func(nc *nats.Conn) { log.Info("connection to NATS closed", "error", nc.LastError()) }),
		nats.LameDuckModeHandler(func(nc *nats.Conn) {
			log.Warn("the NATS server is about to stop", "url", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Error("NATS", "subject", subject, "error", err)
		}),
	}
}
