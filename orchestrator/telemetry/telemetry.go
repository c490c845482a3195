package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/telemetry/spans"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// Config says what is wanted.
type Config struct {
	// Tracers makes the spans; nil for none. It takes its ids from IDs and
	// samples everything: what is not Sampled does not come to it.
	Tracers trace.TracerProvider
	// Sampled decides about a saga by the context of its client, which may be
	// invalid, and by the trace of its root; nil for all. It has to say the
	// same in every process.
	Sampled func(client trace.SpanContext, root trace.TraceID) bool
	Meters  metric.MeterProvider // nil for no metrics

	Definitions []sagas.Definition // whose names may stand in labels
	Prefix      string             // first token of the journal's subjects
	Log         *slog.Logger       // slog.Default if nil
}

const scope = "github.com/amends-io/amends/orchestrator"

// queued is how many messages may wait to be looked at. When there are more,
// some are not: sagas go before what is told of them.
const queued = 16384

// recent is how old what is read again after a takeover may be: what the owner
// before had seen and not exported yet when it was killed.
const recent = 10 * time.Second

// Telemetry is an observer of one orchestrator.
type Telemetry struct {
	cfg      Config
	subjects protocol.Subjects
	tracer   trace.Tracer // nil for none
	meter    *meter       // nil for none
	log      *slog.Logger

	queue   chan item
	stop    context.CancelFunc
	group   sync.WaitGroup
	ctx     context.Context
	dropped atomic.Int64
}

// An item is one call of an Observer's method.
type item struct {
	kind    kind
	p       int
	part    orchestrator.Partition // began
	message orchestrator.Message   // stored, read
	events  []instance.Event       // stored
	done    chan struct{}          // flush
}

type kind uint8

const (
	began kind = iota
	stored
	read
	flush
)

// New returns an observer that works until it is closed.
func New(cfg Config) (*Telemetry, error) {
	t := &Telemetry{cfg: cfg, subjects: protocol.Subjects{Prefix: cfg.Prefix}, log: cfg.Log, queue: make(chan item, queued)}
	if t.log == nil {
		t.log = slog.Default()
	}
	if cfg.Tracers != nil {
		t.tracer = cfg.Tracers.Tracer(scope)
		if err := checkIDs(t.tracer); err != nil {
			return nil, err
		}
	}
	if cfg.Meters != nil {
		var err error
		if t.meter, err = newMeter(cfg.Meters.Meter(scope), cfg.Definitions, &t.dropped); err != nil {
			return nil, err
		}
	}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.group.Go(func() { newWatcher(t).run() })
	return t, nil
}

// Flush waits until what was told before is looked at.
func (t *Telemetry) Flush(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case t.queue <- item{kind: flush, done: done}:
	case <-t.ctx.Done():
		return errors.New("telemetry: it is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-t.ctx.Done():
		return errors.New("telemetry: it is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close looks at what it was told, and ends. The providers are the caller's.
func (t *Telemetry) Close(ctx context.Context) error {
	err := t.Flush(ctx)
	t.stop()
	t.group.Wait()
	return errors.Join(err, t.meter.close())
}

func (t *Telemetry) put(i item) {
	select {
	case t.queue <- i:
	default:
		t.dropped.Add(1)
	}
}

// TraceParent implements orchestrator.Observer.
func (t *Telemetry) TraceParent(s *instance.State, a protocol.Attempt) string {
	if t.tracer == nil {
		return ""
	}
	key := spans.KeyOf(s)
	return key.TraceParent(a, t.sampled(key))
}

// Context implements orchestrator.Observer.
func (t *Telemetry) Context(ctx context.Context, s *instance.State) context.Context {
	if t.tracer == nil {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, spans.KeyOf(s).Root())
}

// Began implements orchestrator.Observer.
func (t *Telemetry) Began(p int, part orchestrator.Partition, from uint64) {
	t.put(item{kind: began, p: p, part: part})
	if t.tracer != nil {
		t.group.Go(func() { t.overlap(p, part, from) })
	}
}

// Stored implements orchestrator.Observer.
func (t *Telemetry) Stored(p int, link orchestrator.Message, events []instance.Event) {
	t.put(item{kind: stored, p: p, message: link, events: events})
}

// Read implements orchestrator.Observer.
func (t *Telemetry) Read(p int, m orchestrator.Message, live bool) {
	if tells(m) && (live || time.Since(m.Time) < recent) {
		m.Body = nil // spans need none, and a queue full of them is gigabytes
		t.put(item{kind: read, p: p, message: m})
	}
}

// tells reports whether spans follow from a message.
func tells(m orchestrator.Message) bool {
	k := m.Address.Kind
	return k == protocol.KindStart || k == protocol.KindLink || k == protocol.KindReply
}

func (t *Telemetry) sampled(k spans.Key) bool {
	return t.cfg.Sampled == nil || t.cfg.Sampled(k.Client, k.Root().TraceID())
}
