// Package generate fills a journal with histories of sagas as they would have
// come about: what the core decides, and made-up answers of participants. It
// shows how a million of them lie in journal and view.
package generate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Config says what to make.
type Config struct {
	Journal  orchestrator.Journal
	Prefix   string // of the journal's subjects
	Sagas    int
	Name     string // begins every id
	Seed     uint64
	AtOnce   int  // sagas under way; DefaultAtOnce if 0
	Append   bool // to a journal that has histories already
	Now      func() time.Time
	Progress func(at, end uint64) // may be nil
}

// DefaultAtOnce is how many sagas are made side by side.
const DefaultAtOnce = 2000

// ErrNotEmpty says that the journal has histories already.
var ErrNotEmpty = errors.New("the journal is not empty")

// Run makes the sagas, and returns how many messages they have. Nobody else may
// write to the journal meanwhile: an orchestrator would decide the starts itself.
func Run(ctx context.Context, cfg Config) (messages uint64, err error) {
	if err := prepare(ctx, cfg); err != nil {
		return 0, err
	}
	if cfg.AtOnce == 0 {
		cfg.AtOnce = DefaultAtOnce
	}
	m := maker{cfg: cfg, subjects: protocol.Subjects{Prefix: cfg.Prefix}, stored: make(chan stored, cfg.AtOnce)}
	return m.run(ctx)
}

// prepare refuses a journal that is in use, and registers the definitions.
func prepare(ctx context.Context, cfg Config) error {
	for p := range cfg.Journal.Partitions() {
		tail, err := cfg.Journal.Partition(p).Tail(ctx)
		if err != nil {
			return fmt.Errorf("end of partition %d: %w", p, err)
		}
		if tail.Last > 0 && !cfg.Append {
			return fmt.Errorf("%w: partition %d ends at %d", ErrNotEmpty, p, tail.Last)
		}
	}
	for _, d := range Definitions() {
		if err := cfg.Journal.Registry().Register(ctx, d); err != nil {
			return fmt.Errorf("register %s: %w", d, err)
		}
	}
	return nil
}

// A maker has one message of each saga under way.
type maker struct {
	cfg      Config
	subjects protocol.Subjects
	stored   chan stored // has room for every saga under way
	messages uint64
}

// stored is the outcome of an append.
type stored struct {
	life     *life
	sequence uint64
	err      error
}

func (m *maker) run(ctx context.Context) (uint64, error) {
	definitions := Definitions()
	begun, over := 0, 0
	for over < m.cfg.Sagas {
		for begun < m.cfg.Sagas && begun-over < m.cfg.AtOnce {
			l := newLife(begun, m.cfg.Name, m.cfg.Seed, definitions, m.cfg.Journal.Partitions(), m.cfg.Now())
			if _, err := m.goOn(l); err != nil {
				return m.messages, err
			}
			begun++
		}
		select {
		case s := <-m.stored:
			if s.err != nil {
				return m.messages, explain(s.err)
			}
			m.messages++
			s.life.store(s.sequence)
			more, err := m.goOn(s.life)
			if err != nil {
				return m.messages, err
			}
			if more {
				continue
			}
			over++
			if m.cfg.Progress != nil {
				m.cfg.Progress(uint64(over), uint64(m.cfg.Sagas))
			}
		case <-ctx.Done():
			return m.messages, ctx.Err()
		}
	}
	return m.messages, nil
}

// goOn appends the saga's next message, and reports whether there was one.
func (m *maker) goOn(l *life) (more bool, err error) {
	d, err := l.next(m.subjects)
	if err != nil || d == nil {
		return false, err
	}
	m.cfg.Journal.Partition(l.partition).Append(*d, func(sequence uint64, err error) {
		m.stored <- stored{l, sequence, err}
	})
	return true, nil
}

func explain(err error) error {
	if errors.Is(err, orchestrator.ErrConflict) {
		return fmt.Errorf("%w: an orchestrator runs, or sagas of that name and number are there; stop it, or choose another --name", err)
	}
	return err
}
