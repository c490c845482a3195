package bench

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/participants/protocol"
)

// A session is a journal of its own, with an orchestrator, three participants
// and a client that are processes of their own. The servers outlive it.
type session struct {
	b       *bench
	prefix  string
	stream  jetstream.Stream
	parts   []*part
	client  *part
	readers *part // nil if nobody is to look on
	tags    int

	canaries canaries
}

// canaries are the messages by which the orchestrator proves that the partition
// takes appends. They are no saga's.
type canaries struct{ last, number, size uint64 }

// open makes a journal and starts the parts. With a score it is the bare
// pipeline.
func (b *bench) open(ctx context.Context, sc *score, barrier bool) (_ *session, err error) {
	s := &session{b: b}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.prefix, err = b.draw(ctx); err != nil {
		return nil, err
	}
	if err = s.makeJournal(ctx); err != nil {
		return nil, err
	}
	set := func(role, name string) setup {
		return setup{Role: role, Name: name, Redis: b.redis, Prefix: s.prefix, Barrier: barrier, Score: sc, Profile: b.cfg.Profile}
	}
	if err = s.start(ctx, set(roleOrchestrator, roleOrchestrator)); err != nil {
		return nil, err
	}
	for _, name := range participantNames {
		if err = s.start(ctx, set(roleParticipant, name)); err != nil {
			return nil, err
		}
	}
	if err = s.start(ctx, set(roleClient, roleClient)); err != nil {
		return nil, err
	}
	s.client = s.parts[len(s.parts)-1]
	// The first saga waits until everybody is at work.
	_, err = s.load(ctx, load{Path: Happy, InFlight: 1, Sagas: 1})
	return s, err
}

func (s *session) start(ctx context.Context, set setup) error {
	p, err := startPart(ctx, s.b.cfg.Part(s.b.nats), set, s.b.fail)
	if err == nil {
		s.parts = append(s.parts, p)
	}
	return err
}

func (s *session) makeJournal(ctx context.Context) error {
	layout := natsjournal.Layout{Prefix: s.prefix, Partitions: 1, Replicas: s.b.cfg.Replicas, Batches: s.b.cfg.Sync}
	if err := natsjournal.Create(ctx, s.b.nc, layout); err != nil {
		return err
	}
	world := demo.World{NC: s.b.nc, Prefix: s.prefix}
	if err := world.CreateJournal(ctx, 1, participantNames...); err != nil {
		return err
	}
	var err error
	if s.stream, err = s.b.js.Stream(ctx, s.subjects().Stream(0)); err != nil {
		return fmt.Errorf("the journal's stream: %w", err)
	}
	return nil
}

func (s *session) subjects() protocol.Subjects { return protocol.Subjects{Prefix: s.prefix} }

// count looks at the canaries that were stored since it looked last, up to a
// sequence. One that was trimmed meanwhile, after more than a minute, counts as
// a saga's.
func (s *session) count(ctx context.Context, upTo uint64) error {
	c := &s.canaries
	for {
		m, err := s.stream.GetMsg(ctx, c.last+1, jetstream.WithGetMsgSubject(s.subjects().Canary(0)))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Sequence > upTo:
			return nil
		case err != nil:
			return fmt.Errorf("the journal's canaries: %w", err)
		}
		stored := nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}
		c.last, c.number, c.size = m.Sequence, c.number+1, c.size+uint64(stored.Size())
	}
}

// close ends the parts, and deletes the journal.
func (s *session) close() {
	for _, p := range s.parts {
		p.Dismiss() // all end at the same time
	}
	for _, p := range s.parts {
		p.Close()
	}
	if s.prefix != "" {
		s.b.forget(s.prefix)
	}
}

// load has the client put a load on. Each load has ids of its own.
func (s *session) load(ctx context.Context, l load) (loaded, error) {
	s.tags++
	l.Tag = fmt.Sprintf("%s-%02d", s.prefix, s.tags)
	if _, err := s.watch(ctx, l); err != nil {
		return loaded{}, err
	}
	r, err := s.client.ask(ctx, question{Load: &l})
	if err != nil {
		return loaded{}, err
	}
	if r.Loaded == nil {
		return loaded{}, errors.New("the client has nothing to say of its load")
	}
	r.Loaded.Events, err = s.watch(ctx, load{})
	return *r.Loaded, err
}

// A sample is what was used and stored up to a moment.
type sample struct {
	cpu          map[string]float64 // ms, by part
	machine      float64            // ms, of everything on this machine
	last         uint64             // sequence of the stream
	bytes        uint64
	canaries     uint64 // stored up to last
	canariesSize uint64
}

func (s *session) sample(ctx context.Context) (sample, error) {
	at := sample{cpu: make(map[string]float64)}
	at.machine, _ = machineCPU()
	for _, list := range [][]*part{s.b.servers, s.parts} {
		for _, p := range list {
			r, err := p.ask(ctx, question{})
			if err != nil {
				return at, err
			}
			at.cpu[p.Name()] += r.CPU // servers of one kind are one part
		}
	}
	info, err := s.stream.Info(ctx)
	if err != nil {
		return at, fmt.Errorf("the journal's size: %w", err)
	}
	at.last, at.bytes = info.State.LastSeq, info.State.Bytes
	if err := s.count(ctx, at.last); err != nil {
		return at, err
	}
	at.canaries, at.canariesSize = s.canaries.number, s.canaries.size
	return at, nil
}

// measure puts a load on, and says what it cost.
func (s *session) measure(ctx context.Context, l load) (Run, error) {
	before, err := s.sample(ctx)
	if err != nil {
		return Run{}, err
	}
	result, err := s.load(ctx, l)
	if err != nil {
		return Run{}, err
	}
	after, err := s.sample(ctx)
	if err != nil {
		return Run{}, err
	}
	return newRun(l, result, before, after), nil
}

// newRun says what a load cost.
func newRun(l load, result loaded, before, after sample) Run {
	n := float64(result.Sagas)
	bytes := float64(after.bytes) - float64(before.bytes) - float64(after.canariesSize-before.canariesSize)
	r := Run{
		Path: l.Path, InFlight: l.InFlight, Sagas: result.Sagas,
		Seconds: rounded(result.Seconds, 3), Rate: rounded(result.rate(), 1), P50: result.P50, P99: result.P99,
		Target: l.Rate, Readers: l.Readers, Events: result.Events,
		CPUByPart: make(map[string]float64, len(after.cpu)),
		Messages:  float64(after.last-before.last-(after.canaries-before.canaries)) / n,
		Bytes:     math.Round(bytes / n),
	}
	for name := range after.cpu {
		cpu := (after.cpu[name] - before.cpu[name]) / n
		r.CPUByPart[name] = rounded(cpu, 4)
		r.CPU += cpu
	}
	if after.machine > 0 {
		others := (after.machine-before.machine)/1000 - r.CPU*n/1000
		r.Others = new(rounded(max(others/result.Seconds, 0), 2))
	}
	r.CPU = rounded(r.CPU, 4)
	return r
}

func rounded(f float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(f*p) / p
}

// write reads the history of one saga, and writes it down for the bare pipeline.
func (s *session) write(ctx context.Context, id string) (*score, error) {
	journal, err := natsjournal.Open(ctx, s.b.nc, natsjournal.WithPrefix(s.prefix))
	if err != nil {
		return nil, err
	}
	defer journal.Close()
	history, err := journal.Partition(0).History(ctx, id, 0)
	if err != nil {
		return nil, err
	}
	return newScore(history)
}
