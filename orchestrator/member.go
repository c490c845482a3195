package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/participants/protocol"
)

// An Orchestrator is one member of those that drive a journal's sagas. Any
// number may run; they share the partitions out among themselves.
type Orchestrator struct {
	cfg    Config
	stats  *stats
	leases Leases
	record []byte // what it says of itself
	roster *roster
}

// New checks cfg and returns an orchestrator that does not run yet.
func New(cfg Config) (*Orchestrator, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	self := memberRecord{Name: cfg.Name, Definitions: []string{}}
	for _, d := range cfg.Definitions {
		self.Definitions = append(self.Definitions, d.String()+"/"+d.Fingerprint())
	}
	slices.Sort(self.Definitions)
	record, err := json.Marshal(self)
	if err != nil {
		return nil, err
	}
	leases := cfg.Journal.Leases()
	return &Orchestrator{cfg: cfg, stats: newStats(), leases: leases, record: record, roster: newRoster(leases.TTL())}, nil
}

// Run drives sagas until ctx is over. It returns an error if cfg is wrong, if
// a definition was changed without a new version, or if the journal lost
// something; what may pass (no connection, no view) it waits for.
func Run(ctx context.Context, cfg Config) error {
	o, err := New(cfg)
	if err != nil {
		return err
	}
	return o.Run(ctx)
}

// Status says what o does at the moment.
func (o *Orchestrator) Status() Status {
	s := o.stats.status()
	s.Member = o.cfg.Name
	return s
}

// Rejected returns the newest inputs that could be none, oldest first.
func (o *Orchestrator) Rejected() []Rejected { return o.stats.list() }

// Run drives sagas until ctx is over; see the function Run.
func (o *Orchestrator) Run(ctx context.Context) error {
	if err := o.prepareUntilReachable(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var group sync.WaitGroup
	group.Go(func() { o.watch(ctx) })
	group.Go(func() { o.announce(ctx) })
	for p := range o.cfg.Journal.Partitions() {
		group.Go(func() {
			if err := o.bid(ctx, p); err != nil {
				fail(err)
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// prepareUntilReachable prepares as soon as the journal answers. Only a
// definition that was changed without a new version is final.
func (o *Orchestrator) prepareUntilReachable(ctx context.Context) error {
	for try := 1; ; try++ {
		err := o.prepare(ctx)
		var changed *ChangedError
		if err == nil || errors.As(err, &changed) {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		o.cfg.Log.Warn("the journal is not ready", "error", err)
		pause.For(ctx, retryWait(try))
	}
}

// prepare registers the definitions and makes their participants' consumers.
func (o *Orchestrator) prepare(ctx context.Context) error {
	var errs []error
	var participants []string
	for _, d := range o.cfg.Definitions {
		if err := o.cfg.Journal.Registry().Register(ctx, d); err != nil {
			errs = append(errs, err)
		}
		for _, name := range d.Participants() {
			if !slices.Contains(participants, name) {
				participants = append(participants, name)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("orchestrator: register definitions: %w", err)
	}
	if err := o.cfg.Journal.Provision(ctx, participants); err != nil {
		return fmt.Errorf("orchestrator: make the consumers of participants: %w", err)
	}
	return nil
}

// every is how often leases are renewed and looked at.
func (o *Orchestrator) every() time.Duration { return o.leases.TTL() / 4 }

// watch keeps who is a member, and who holds which partition.
func (o *Orchestrator) watch(ctx context.Context) {
	for try := 1; ctx.Err() == nil; try++ {
		o.roster.watched()
		err := o.leases.Watch(ctx, o.roster.note)
		if ctx.Err() == nil {
			o.cfg.Log.Warn("the leases cannot be watched now", "error", err)
			pause.For(ctx, retryWait(try))
		}
	}
}

// wants reports whether this member should hold partition p.
func (o *Orchestrator) wants(p int) bool { return wanted(o.roster.there(), p) == o.cfg.Name }

// announce keeps this member's own lease.
func (o *Orchestrator) announce(ctx context.Context) {
	key := memberKey + o.cfg.Name
	var revision uint64
	for ctx.Err() == nil {
		var err error
		if revision == 0 {
			revision, err = o.leases.Acquire(ctx, key, o.record)
		} else {
			revision, err = o.leases.Renew(ctx, key, o.record, revision)
		}
		if err != nil {
			revision = 0
			if ctx.Err() == nil {
				o.cfg.Log.Warn("this member cannot announce itself now", "error", err)
			}
		}
		pause.For(ctx, o.every())
	}
	if revision != 0 {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		_ = o.leases.Release(end, key, revision) // it expires else
	}
}

// bid takes partition p whenever this member should have it, until ctx is over.
func (o *Orchestrator) bid(ctx context.Context, p int) error {
	for ctx.Err() == nil {
		if o.wants(p) && o.roster.free(p) && o.cfg.View.Ping(ctx) == nil {
			h := &holding{o: o, p: p, key: partitionKey + strconv.Itoa(p), log: o.cfg.Log.With("partition", p)}
			if err := h.hold(ctx); err != nil {
				return err
			}
		}
		pause.For(ctx, o.every())
	}
	return nil
}

// A holding is a partition's lease while this member has it.
type holding struct {
	o   *Orchestrator
	p   int
	key string
	log *slog.Logger

	mu       sync.Mutex
	revision uint64
	renewed  time.Time
}

// hold acquires the lease and drives the partition until it is lost, given up,
// or ctx is over. Its error is one that must stop the process.
func (h *holding) hold(ctx context.Context) error {
	revision, err := h.o.leases.Acquire(ctx, h.key, []byte(h.o.cfg.Name))
	if err != nil {
		if !errors.Is(err, ErrTaken) && ctx.Err() == nil {
			h.log.Warn("the lease cannot be acquired now", "error", err)
		}
		return nil
	}
	h.revision, h.renewed = revision, time.Now()
	leased, lose := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { defer lose(); h.renewing(leased) })
	err = h.drive(leased)
	lose()
	group.Wait()
	h.o.stats.finish(h.p)
	h.release(ctx)
	var lost *LostError
	switch {
	case errors.As(err, &lost):
		h.o.stats.alarms.Add(1)
		return err
	case err != nil && ctx.Err() == nil:
		h.log.Warn("the partition is given up", "error", err)
	}
	return nil
}

// drive runs owners, one after the other, for as long as the lease is held: a
// view that was written by somebody else is taken over anew.
func (h *holding) drive(ctx context.Context) error {
	for try := 0; ctx.Err() == nil; try++ {
		began := time.Now()
		owner := h.o.newOwner(h.p, h.confirm, h.log)
		err := owner.run(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errForget):
			h.log.Warn("taking the view over again", "reason", err)
			if time.Since(began) > time.Minute {
				try = 0
			}
			pause.For(ctx, retryWait(try))
		default:
			return err
		}
	}
	return nil
}

func (o *Orchestrator) newOwner(p int, confirm func(context.Context) error, log *slog.Logger) *owner {
	return &owner{
		cfg: &o.cfg, p: p, part: o.cfg.Journal.Partition(p), view: o.cfg.View.Partition(p),
		subjects: protocol.Subjects{Prefix: o.cfg.Prefix}, defs: newDefinitions(o.cfg.Definitions, o.cfg.Journal.Partitions()),
		log: log, stats: o.stats, confirm: confirm, generation: newDecisionID(),
		inbox: newInbox(), sagas: make(map[string]*saga), timers: newAgenda(), holds: newAgenda(),
	}
}

// renewing renews the lease until it is lost, until another member should have
// the partition, or until ctx is over.
func (h *holding) renewing(ctx context.Context) {
	for {
		pause.For(ctx, h.o.every())
		if ctx.Err() != nil {
			return
		}
		if !h.o.wants(h.p) && h.o.known() {
			h.log.Info("giving the partition to another member")
			return
		}
		err := h.confirm(ctx)
		if errors.Is(err, ErrTaken) || time.Since(h.last()) > h.o.leases.TTL() {
			if ctx.Err() == nil {
				h.log.Warn("the lease is lost", "error", err)
			}
			return
		}
	}
}

// known reports whether this member sees itself among the members: before that
// it knows nothing of who should have what.
func (o *Orchestrator) known() bool {
	return slices.Contains(o.Members(), o.cfg.Name)
}

// confirm renews the lease, and fails unless it is still ours.
func (h *holding) confirm(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	revision, err := h.o.leases.Renew(ctx, h.key, []byte(h.o.cfg.Name), h.revision)
	if err != nil {
		return fmt.Errorf("renew the lease of partition %d: %w", h.p, err)
	}
	h.revision, h.renewed = revision, time.Now()
	return nil
}

func (h *holding) last() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.renewed
}

func (h *holding) release(ctx context.Context) {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.o.leases.Release(end, h.key, h.revision); err != nil && !errors.Is(err, ErrTaken) {
		h.log.Info("the lease was not released; it expires", "error", err)
	}
}
