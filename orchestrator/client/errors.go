package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Errors that a caller tells apart with errors.Is.
var (
	// ErrConflict says that an id is in use for something else.
	ErrConflict = errors.New("the id is in use for something else")
	// ErrNotFound says that the journal has no such saga: it was never
	// started, or its history has left.
	ErrNotFound = orchestrator.ErrNotFound
	// ErrInDoubt says that nobody knows whether the message was stored. The
	// same call with the same ids settles it.
	ErrInDoubt = orchestrator.ErrInDoubt
	// ErrOver says that the saga had ended when the request was looked at.
	ErrOver = errors.New("the saga is over")
	// ErrRejected says that the orchestrator took the message for no input.
	ErrRejected = errors.New("the orchestrator rejected the input")
	// ErrNoOrchestrator says that nobody answers for the journal.
	ErrNoOrchestrator = errors.New("no orchestrator answers; is 'amends serve' running?")
	// ErrNoJournal says that there is no journal where the connection leads.
	ErrNoJournal = errors.New("there is no journal; 'amends init' makes one")
	// ErrInvalid says that the orchestrators refuse to answer such a request.
	ErrInvalid = errors.New("invalid request")
)

// A ConflictError says what an id is already used for.
type ConflictError struct {
	ID    string // of the saga
	Input string // of the signal or request, or empty if a start conflicts
	What  string // what differs: definition, input, …
	Have  string // what is stored, if it is short
	Want  string
}

func (e *ConflictError) Error() string {
	text := fmt.Sprintf("saga %s was started with another %s", e.ID, e.What)
	if e.Input != "" {
		text = fmt.Sprintf("saga %s has an input %s with another %s", e.ID, e.Input, e.What)
	}
	if e.Have != "" || e.Want != "" {
		text += fmt.Sprintf(" (%q, not %q)", e.Have, e.Want)
	}
	return text
}

// Is makes a ConflictError an ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// An OverError says how a saga had ended before a request was looked at.
type OverError struct {
	ID     string
	Status instance.Status
}

func (e *OverError) Error() string {
	return fmt.Sprintf("saga %s is %s already: nothing can change it", e.ID, e.Status)
}

// Is makes an OverError an ErrOver.
func (e *OverError) Is(target error) bool { return target == ErrOver }

// A DoubtError names what may or may not have been stored.
type DoubtError struct {
	ID    string // of the saga
	Input string // of the signal or request, or empty for a start
	Err   error
}

func (e *DoubtError) Error() string {
	what := "the start of saga " + e.ID
	if e.Input != "" {
		what = fmt.Sprintf("input %s of saga %s", e.Input, e.ID)
	}
	return fmt.Sprintf("%s may or may not be stored; repeat it with the same id: %v", what, e.Err)
}

func (e *DoubtError) Unwrap() error { return e.Err }

// Is makes a DoubtError an ErrInDoubt.
func (e *DoubtError) Is(target error) bool { return target == ErrInDoubt }

// A ServiceError is an error that the orchestrators answered with.
type ServiceError struct{ Code, Text string }

func (e *ServiceError) Error() string { return e.Text }

// Is makes a ServiceError the error that its code stands for.
func (e *ServiceError) Is(target error) bool {
	return target == ErrNotFound && e.Code == orchestrator.CodeNotFound ||
		target == ErrInvalid && e.Code == orchestrator.CodeInvalid
}

// bounded gives ctx an end, if it has none: no call hangs for ever on a server
// that is away.
func bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// hint adds to err what the connection knows about it.
func (c *Client) hint(err error) error { return leader.Denied(c.nc, err) }
