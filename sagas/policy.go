package sagas

import (
	"fmt"
	"time"
)

// Defaults of a step.
const (
	DefaultTimeout = 30 * time.Second
)

// DefaultRetry is how an action is tried again.
func DefaultRetry() Policy { return Backoff(5, 200*time.Millisecond).Cap(30 * time.Second) }

// DefaultUndoRetry is how a compensation is tried again. It is patient, since
// what follows it is a person.
func DefaultUndoRetry() Policy { return Backoff(20, 200*time.Millisecond).Cap(5 * time.Minute) }

// A Policy says how often a step is tried, and how long to wait in between.
type Policy struct {
	Attempts int           `json:"attempts"`         // at most, the first included
	Base     time.Duration `json:"base"`             // before the second attempt; doubles from there
	Max      time.Duration `json:"max"`              // the longest wait
	Spread   float64       `json:"spread,omitempty"` // by which part of itself a wait may be shorter, 0 to 1
}

// Backoff returns the policy of so many attempts with waits that double from
// base, up to 30 s, each shortened at random by up to a fifth.
func Backoff(attempts int, base time.Duration) Policy {
	return Policy{Attempts: attempts, Base: base, Max: max(base, 30*time.Second), Spread: 0.2}
}

// Once is the policy of a single attempt.
func Once() Policy { return Backoff(1, time.Second) }

// Cap bounds the wait between two attempts.
func (p Policy) Cap(d time.Duration) Policy {
	p.Max = d
	return p
}

// Jitter sets by which part of itself a wait may be shorter.
func (p Policy) Jitter(part float64) Policy {
	p.Spread = part
	return p
}

// Wait returns how long to wait after attempt number n. The random r, in
// [0, 1), comes from the caller, which records the resulting time.
func (p Policy) Wait(n int, r float64) time.Duration {
	d := p.Base
	for i := 1; i < n && d < p.Max; i++ {
		d *= 2
	}
	d = min(d, p.Max)
	return d - time.Duration(float64(d)*p.Spread*r)
}

// Bounds of a policy: a shorter wait is a retry storm, and more attempts fill
// a saga's history.
const (
	minWait     = 10 * time.Millisecond
	maxWait     = 24 * time.Hour
	maxAttempts = 100
	minTimeout  = 10 * time.Millisecond
	maxTimeout  = 90 * 24 * time.Hour
)

func (p Policy) validate() error {
	switch {
	case p.Attempts < 1 || p.Attempts > maxAttempts:
		return fmt.Errorf("%d attempts, want 1 to %d: an unbounded retry is one after which nobody is told", p.Attempts, maxAttempts)
	case p.Base < minWait:
		return fmt.Errorf("a wait of %v between attempts, want at least %v", p.Base, minWait)
	case p.Max < p.Base || p.Max > maxWait:
		return fmt.Errorf("a longest wait of %v, want %v to %v", p.Max, p.Base, maxWait)
	case !(p.Spread >= 0 && p.Spread <= 1): // NaN too
		return fmt.Errorf("a jitter of %v, want 0 to 1", p.Spread)
	}
	return nil
}

func validateTimeout(d time.Duration) error {
	if d < minTimeout || d > maxTimeout {
		return fmt.Errorf("a time-out of %v, want %v to %v", d, minTimeout, maxTimeout)
	}
	return nil
}
