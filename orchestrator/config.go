package orchestrator

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// Config is what an orchestrator needs. Journal and View are required; zero
// values of the others are sensible.
type Config struct {
	Journal     Journal
	View        View
	Definitions []sagas.Definition

	Name   string           // of this member; drawn at random if empty
	Prefix string           // first token of the journal's subjects
	Log    *slog.Logger     // slog.Default if nil
	Now    func() time.Time // the clock of timers; time.Now if nil

	Observer Observer // nil if nobody looks

	// FlushEvery is how long a row waits to be written, and up to twelve
	// times as long where many change; 20 ms if zero.
	FlushEvery time.Duration
	// ViewPatience is how long an owner goes on without the view before it
	// gives its partitions up; 30 s if zero.
	ViewPatience time.Duration
	CanaryEvery  time.Duration // how often each partition proves that it takes appends; 5 s if zero
	// Retention is how long the history of a saga that is over is kept; for
	// ever if zero.
	Retention time.Duration
}

// Bounds of one owner. Past them it stops reading until it has caught up.
const (
	maxFlights    = 4096      // appends under way
	maxDirty      = 20_000    // rows that wait to be written
	maxDirtyBytes = 256 << 20 // bytes of payloads that they have
	writeChunk    = 2000      // rows of one write
	writeBytes    = 4 << 20   // bytes of payloads after which a write takes no further row
	maxTimers     = 256       // timers taken at once, so that a herd does not starve replies
)

func (c *Config) complete() error {
	if c.Journal == nil || c.View == nil {
		return errors.New("orchestrator: it needs a journal and a view")
	}
	if c.Name == "" {
		c.Name = "o-" + newDecisionID()[:12]
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	for d, value := range map[*time.Duration]time.Duration{
		&c.FlushEvery: 20 * time.Millisecond, &c.ViewPatience: 30 * time.Second, &c.CanaryEvery: 5 * time.Second,
	} {
		if *d == 0 {
			*d = value
		}
	}
	var errs []error
	if err := protocol.CheckName("member", c.Name); err != nil {
		errs = append(errs, err)
	}
	seen := map[string]bool{}
	for _, d := range c.Definitions {
		if err := d.Validate(); err != nil {
			errs = append(errs, err)
		}
		if seen[d.String()] {
			errs = append(errs, fmt.Errorf("definition %s is given twice", d))
		}
		seen[d.String()] = true
	}
	return errors.Join(errs...)
}
