package participants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/participants/protocol"
)

const (
	retryWait      = time.Second      // between looks for a journal or a consumer that is not there
	publishTimeout = 5 * time.Second  // then a reply is sent again
	waitingLog     = 30 * time.Second // how often waiting for the journal is said
)

// Run serves until ctx ends. Then it takes no more commands, lets the handlers
// in flight finish, stores their replies, and returns nil. It returns an error
// at once for what Check says, and when it cannot go on: the connection was
// closed, or the server denies what it needs.
func (p *Participant) Run(ctx context.Context) error {
	if err := p.Check(); err != nil {
		return err
	}
	if p.nc == nil {
		return fmt.Errorf("participants: %s has no connection", p.name)
	}
	// The options are not copied as a whole: the micro service of another
	// participant on this connection sets handlers among them meanwhile.
	if max, buffer := p.nc.Opts.MaxReconnect, p.nc.Opts.ReconnectBufSize; max >= 0 || buffer >= 0 {
		p.config.logger.Warn("connection should come back for ever and buffer nothing meanwhile; see participants.ConnectOptions",
			slog.Int("max_reconnects", max), slog.Int("reconnect_buffer", buffer))
	}
	s, err := p.newSession(ctx)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// A session is one call of Run.
type session struct {
	*Participant
	js     jetstream.JetStream
	sender *pipeline.Publisher
	groups []*pipeline.Group // by partition; none if the journal takes no batches
	base   context.Context   // of handlers: outlives Run's context by the grace period
	cancel context.CancelFunc

	stopping atomic.Bool
	stop     chan struct{}      // closed when no more commands are taken
	room     chan struct{}      // holds a token for each delivery in flight
	slots    chan struct{}      // holds a token for each delivery that a handler has, or will have next
	over     chan struct{}      // closed when no handler runs
	patience chan time.Duration // how long a consumer waits for a heartbeat
	failed   chan error         // a partition cannot go on
	crew     *crew
	beating  sync.WaitGroup
	flights  flights
	tracer   tracer
	instance string // who answers, for people
}

func (p *Participant) newSession(ctx context.Context) (*session, error) {
	s := &session{
		Participant: p,
		stop:        make(chan struct{}),
		// Replies that wait for the journal do not hold a worker, but
		// they are bounded too: else a journal that takes no appends
		// would fill our memory.
		room:     make(chan struct{}, p.config.concurrency+1024),
		slots:    make(chan struct{}, p.config.concurrency),
		over:     make(chan struct{}),
		patience: make(chan time.Duration),
		failed:   make(chan error, 1),
		flights:  newFlights(),
		tracer:   newTracer(p),
	}
	s.crew = newCrew(p.config.concurrency, s.handle)
	var err error
	if p.config.domain != "" {
		s.js, err = jetstream.NewWithDomain(p.nc, p.config.domain)
	} else {
		s.js, err = jetstream.New(p.nc)
	}
	if err == nil {
		s.sender, err = pipeline.New(p.nc, publishTimeout)
	}
	if err != nil {
		return nil, fmt.Errorf("participants: %w", err)
	}
	// Handlers finish what they began, so they do not end with ctx.
	s.base, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

func (s *session) run(ctx context.Context) error {
	defer s.cancel()
	defer s.sender.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	service, err := s.register()
	if err != nil {
		return err
	}

	s.instance = service.Info().ID + "@" + service.Info().Metadata["amends-host"]
	s.beating.Go(s.heartbeats)
	var partitions sync.WaitGroup
	partitions.Go(func() { s.pull(ctx, &partitions) })

	err = s.await(ctx)
	s.stopping.Store(true)
	close(s.stop)
	cancel()
	partitions.Wait()
	unfinished := s.finish()
	close(s.over)
	s.crew.end()
	_ = service.Stop() // fails on a closed connection, where nothing is left to stop
	if err = errors.Join(err, unfinished); err != nil {
		return err // not waiting for handlers that may hang
	}
	s.crew.working.Wait()
	s.beating.Wait()
	s.sender.Close() // before the flush, which is the last thing that is written
	// The acknowledgements are only written so far.
	if err := s.nc.FlushTimeout(publishTimeout); err != nil {
		s.config.logger.Warn("the last acknowledgements may not have arrived", slog.Any("error", err))
	}
	return nil
}

// await returns when ctx ends, or with the reason not to go on.
func (s *session) await(ctx context.Context) error {
	closed := s.nc.StatusChanged(nats.CLOSED)
	defer s.nc.RemoveStatusListener(closed)
	if s.nc.IsClosed() { // before we listened
		return fmt.Errorf("participants: %w", nats.ErrConnectionClosed)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-closed:
		return fmt.Errorf("participants: %w", nats.ErrConnectionClosed)
	case err := <-s.failed:
		return err
	}
}

// finish waits for the deliveries in flight, and at the end of the grace period
// ends their contexts. A handler that does not heed its context is left behind:
// its command comes again.
func (s *session) finish() error {
	idle := s.flights.idle()
	grace := time.NewTimer(s.config.grace)
	defer grace.Stop()
	select {
	case <-idle:
		return nil
	case <-grace.C:
	}
	s.cancel()
	grace.Reset(time.Second)
	select {
	case <-idle:
		return nil
	case <-grace.C:
		return fmt.Errorf("participants: %d commands were still in flight after the grace period of %v", s.flights.count(), s.config.grace)
	}
}

// heartbeats tells the server which commands are still being worked on, three
// times in what the most impatient consumer waits.
func (s *session) heartbeats() {
	every := s.config.heartbeat
	if every == 0 {
		every = protocol.CommandAckWait / 3
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.over:
			return
		case patience := <-s.patience:
			if s.config.heartbeat == 0 && 0 < patience/3 && patience/3 < every {
				every = patience / 3
				tick.Reset(every)
			}
		case <-tick.C:
			for _, d := range s.flights.old() {
				_ = d.msg.InProgress() // an error is one of the connection: the next tick tries again
			}
		}
	}
}
