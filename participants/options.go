package participants

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/participants/protocol"
)

// SDKVersion is the version of this package that a running participant shows.
const SDKVersion = "0.1.0"

// An Option sets something about a participant.
type Option func(*config) error

type config struct {
	subjects    protocol.Subjects
	domain      string
	concurrency int
	logger      *slog.Logger
	tracers     trace.TracerProvider
	meters      metric.MeterProvider
	version     string
	metadata    map[string]string
	heartbeat   time.Duration // 0: a third of the consumer's AckWait
	grace       time.Duration
}

func defaults() config {
	return config{
		concurrency: 64,
		logger:      slog.Default(),
		tracers:     otel.GetTracerProvider(),
		meters:      otel.GetMeterProvider(),
		version:     "0.0.0",
		grace:       20 * time.Second,
	}
}

// WithPrefix sets the first token of the journal's subjects, "saga" if not set.
func WithPrefix(prefix string) Option {
	return func(c *config) error {
		c.subjects.Prefix = prefix
		return protocol.CheckName("prefix", prefix)
	}
}

// WithDomain sets the JetStream domain in which the journal is.
func WithDomain(domain string) Option {
	return func(c *config) error {
		c.domain = domain
		return protocol.CheckName("domain", domain)
	}
}

// WithConcurrency bounds how many handlers run at a time, 64 if not set. About
// as many commands again are fetched ahead, so handlers that take minutes
// want a small number.
func WithConcurrency(n int) Option {
	return func(c *config) error {
		c.concurrency = n
		if n < 1 || n > protocol.CommandMaxAckPending {
			return fmt.Errorf("concurrency %d is not between 1 and %d", n, protocol.CommandMaxAckPending)
		}
		return nil
	}
}

// WithLogger sets where the participant logs, slog.Default if not set.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return errors.New("the logger is nil")
		}
		c.logger = l
		return nil
	}
}

// WithTracerProvider sets where spans go, the global provider if not set.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(c *config) error {
		if p == nil {
			return errors.New("the tracer provider is nil")
		}
		c.tracers = p
		return nil
	}
}

// WithMeterProvider sets where the time that handlers take is measured: the
// global one if not set.
func WithMeterProvider(p metric.MeterProvider) Option {
	return func(c *config) error {
		if p == nil {
			return errors.New("the meter provider is nil")
		}
		c.meters = p
		return nil
	}
}

var semver = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// WithVersion sets the service's version, as in semver.org, that $SRV.INFO shows.
func WithVersion(version string) Option {
	return func(c *config) error {
		c.version = version
		if !semver.MatchString(version) {
			return fmt.Errorf("version %.40q is not of the form 1.2.3", version)
		}
		return nil
	}
}

// WithMetadata adds to what $SRV.INFO shows of the service.
func WithMetadata(metadata map[string]string) Option {
	return func(c *config) error {
		c.metadata = maps.Clone(metadata)
		return nil
	}
}

// WithHeartbeat sets how often the server is told that a command is still
// being worked on; a third of the consumer's AckWait if not set.
func WithHeartbeat(every time.Duration) Option {
	return func(c *config) error {
		c.heartbeat = every
		if every <= 0 {
			return fmt.Errorf("heartbeat %v is not positive", every)
		}
		return nil
	}
}

// WithGrace bounds how long Run waits for the handlers in flight after its
// context ended, 20 seconds if not set. Then their contexts end too.
func WithGrace(d time.Duration) Option {
	return func(c *config) error {
		c.grace = d
		if d < 0 {
			return fmt.Errorf("grace %v is negative", d)
		}
		return nil
	}
}

// ConnectOptions are the options of a connection for a participant: it comes
// back for ever, and while it is away it buffers nothing, because what is sent
// late (an acknowledgement, a reply to what was tried again since) is worse
// than an error that is dealt with.
func ConnectOptions(name string) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1),
		nats.ReconnectJitter(500*time.Millisecond, 2*time.Second),
	}
}
