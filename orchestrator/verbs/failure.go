package verbs

import (
	"errors"
	"fmt"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// A Failure is an error that its sender is told with a code.
type Failure struct {
	Code     string // one of package orchestrator's
	Decision *Decision
	Count    int // of a bulk that has to be confirmed
	Err      error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Invalid says that a request can never be answered.
func Invalid(err error) error { return &Failure{Code: orchestrator.CodeInvalid, Err: err} }

func invalidf(format string, args ...any) error { return Invalid(fmt.Errorf(format, args...)) }

func notFoundf(format string, args ...any) error {
	return &Failure{Code: orchestrator.CodeNotFound, Err: fmt.Errorf(format, args...)}
}

// Explain returns the failure that err is told as, with a text that fits into
// a header, a log line and a terminal.
func Explain(err error) Failure {
	var f *Failure
	told := Failure{Code: orchestrator.CodeUnavailable}
	switch {
	case errors.As(err, &f):
		told = *f
	case errors.Is(err, orchestrator.ErrNotFound), errors.Is(err, orchestrator.ErrNoStart):
		told.Code = orchestrator.CodeNotFound
	}
	text := protocol.Text(err.Error(), protocol.MaxReason)
	if text == "" {
		text = told.Code
	}
	told.Err = errors.New(text)
	return told
}

var errReadOnly = &Failure{Code: orchestrator.CodeUnavailable, Err: errors.New("nothing can be changed here: the process only answers")}
