package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator/client"
)

// Exit codes, as the root's help says.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitCompensated = 5
	exitStuck       = 6
	exitTimeout     = 7
	exitInterrupted = 130
)

// A codedError ends the process with a code of its own. With an empty text
// nothing more is said: the command has printed what there was to say.
type codedError struct {
	code int
	error
}

func (e codedError) Unwrap() error { return e.error }

// quiet ends the process with code, and says nothing.
func quiet(code int) error { return codedError{code, errors.New("")} }

func usage(err error) error { return codedError{exitUsage, err} }

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// exitCode says how the process ends after err.
func exitCode(ctx context.Context, err error) int {
	var coded codedError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case ctx.Err() != nil, errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, client.ErrNotFound):
		return exitNotFound
	case errors.Is(err, client.ErrConflict), errors.Is(err, client.ErrOver):
		return exitConflict
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	}
	return exitError
}

// args checks the number of arguments, and says which are missing.
func args(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch n := len(args); {
		case n < least:
			return usagef("%s wants %s", cmd.Name(), what)
		case most >= 0 && n > most:
			return usagef("%s wants %s, and nothing after it; %q is too much", cmd.Name(), what, args[most])
		}
		return nil
	}
}
