package natsservice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// ServiceName is the service's name in $SRV.
const ServiceName = "amends-orchestrator"

// Config is what the service needs.
type Config struct {
	Journal      orchestrator.Journal
	View         orchestrator.View
	Orchestrator *orchestrator.Orchestrator // the member that is asked for status and rejected inputs; may be nil
	Verbs        *verbs.Verbs               // what the others are answered by; one that only reads if nil

	Prefix  string       // first token of the journal's subjects
	API     string       // prefix of JetStream's API; $JS.API if empty
	Version string       // of the program, as in semver.org
	Log     *slog.Logger // slog.Default if nil
}

// Bounds of what is answered.
const (
	answerTimeout = 5 * time.Second
	atOnce        = 64 // requests in a room; further ones wait
	envelope      = 4 << 10
)

// A Service answers until it is stopped.
type Service struct {
	cfg      Config
	nc       *nats.Conn
	subjects protocol.Subjects
	service  micro.Service
	verbs    *verbs.Verbs

	base   context.Context // of requests under way
	cancel context.CancelFunc
	room   chan struct{} // holds a token for each request under way
	asking chan struct{} // likewise, of those that wait for a decision: while nobody makes any, others are answered
	once   sync.Once
	ended  error
}

var semver = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// Serve answers until ctx is over. Then it takes no more requests, and finishes
// those under way.
func Serve(ctx context.Context, nc *nats.Conn, cfg Config) error {
	s, err := New(nc, cfg)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return s.Stop()
}

// New returns a service that answers already. Whoever has it stops it.
func New(nc *nats.Conn, cfg Config) (*Service, error) {
	if cfg.Journal == nil || cfg.View == nil {
		return nil, errors.New("natsservice: it needs a journal and a view")
	}
	if !semver.MatchString(cfg.Version) {
		cfg.Version = "0.0.0"
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.API == "" {
		cfg.API = "$JS.API"
	}
	if cfg.Verbs == nil {
		cfg.Verbs = verbs.New(verbs.Config{Journal: cfg.Journal, View: cfg.View, Log: cfg.Log})
	}
	s := &Service{cfg: cfg, nc: nc, verbs: cfg.Verbs, subjects: protocol.Subjects{Prefix: cfg.Prefix}, room: make(chan struct{}, atOnce), asking: make(chan struct{}, atOnce)}
	s.base, s.cancel = context.WithCancel(context.Background())
	if err := s.register(); err != nil {
		s.cancel()
		return nil, fmt.Errorf("natsservice: %w", err)
	}
	return s, nil
}

func (s *Service) register() error {
	metadata := map[string]string{"amends-prefix": cmp.Or(s.cfg.Prefix, protocol.DefaultPrefix), "amends-partitions": strconv.Itoa(s.cfg.Journal.Partitions())}
	if s.cfg.Orchestrator != nil {
		metadata["amends-member"] = s.cfg.Orchestrator.Status().Member
	}
	service, err := micro.AddService(s.nc, micro.Config{
		Name: ServiceName, Version: s.cfg.Version, Description: "drives sagas, and answers for them", Metadata: metadata,
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) { s.cfg.Log.Warn("micro service", "error", err) },
	})
	if err != nil {
		return err
	}
	s.service = service
	shared := func(name string, h micro.Handler) error {
		return service.AddEndpoint(endpointName(name), h, micro.WithEndpointSubject(s.subjects.Service(name)))
	}
	each := func(name string, h micro.Handler) error {
		return service.AddEndpoint(endpointName(name), h, micro.WithEndpointSubject(s.subjects.Service(name)), micro.WithEndpointQueueGroupDisabled())
	}
	errs := []error{
		shared(orchestrator.EndpointGet, handler(s, s.get)),
		shared(orchestrator.EndpointList, handler(s, s.list)),
		shared(orchestrator.EndpointClusters, handler(s, s.clusters)),
		shared(orchestrator.EndpointCounts, handler(s, s.counts)),
		shared(orchestrator.EndpointHistory, handler(s, s.history)),
		shared(orchestrator.EndpointDefinitions, handler(s, s.definitions)),
		shared(orchestrator.EndpointPartitions, handler(s, s.partitions)),
		shared(orchestrator.EndpointParticipants, handler(s, s.participants)),
	}
	for name, h := range s.verbEndpoints() {
		errs = append(errs, shared(name, h))
	}
	errs = append(errs, each(verbs.EndpointBulks, handler(s, s.bulks)), each(verbs.EndpointStopBulk, handler(s, s.stopBulk)))
	if s.cfg.Orchestrator != nil {
		errs = append(errs,
			each(orchestrator.EndpointStatus, handler(s, s.status)),
			each(orchestrator.EndpointRejected, handler(s, s.rejected)))
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(err, service.Stop())
	}
	if s.nc.IsConnected() {
		_ = s.nc.FlushTimeout(answerTimeout) // whoever asks from now on gets an answer; on an error soon
	}
	return nil
}

// endpointName is the last token of an endpoint's subject: names have no dots.
func endpointName(endpoint string) string {
	return endpoint[strings.LastIndexByte(endpoint, '.')+1:]
}

// Stop takes no more requests, and finishes those under way. It may be called twice.
func (s *Service) Stop() error {
	s.once.Do(func() { s.ended = s.stop() })
	return s.ended
}

func (s *Service) stop() error {
	err := s.service.Stop()
	for range atOnce {
		s.room <- struct{}{} // each is bounded by answerTimeout
		s.asking <- struct{}{}
	}
	s.cancel() // what is handed out from now on finds no room
	if errors.Is(err, nats.ErrConnectionClosed) {
		return nil // nothing is left to stop
	}
	return err
}
