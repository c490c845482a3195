package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/participants/protocol"
)

// withClient connects, has f do its work, and closes the connection.
func (a *app) withClient(ctx context.Context, f func(context.Context, *client.Client) error) error {
	n, err := a.nats.resolve(a.getenv)
	if err != nil {
		return usage(err)
	}
	nc, err := a.connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	c, err := a.client(nc)
	if err != nil {
		return err
	}
	defer c.Close()
	err = f(ctx, c)
	if errors.Is(err, client.ErrNoOrchestrator) {
		return fmt.Errorf("no orchestrator answers at %s; is 'amends serve' running there, with --prefix %s?", redacted(n.server), a.prefix)
	}
	return err
}

// wantID refuses what can be no id, before anything is connected to.
func wantID(id string) error {
	if err := protocol.CheckID(id); err != nil {
		return usage(err)
	}
	return nil
}

// maxInput bounds what is read of a file, before its size is told.
const maxInput = protocol.MaxPayload + 1

// payload reads what a person gave as JSON: the text itself, a file's name, or
// "-" for stdin.
func (a *app) payload(arg string) ([]byte, error) {
	text := []byte(arg)
	switch {
	case arg == "-":
		b, err := io.ReadAll(io.LimitReader(a.stdin, maxInput))
		if err != nil {
			return nil, fmt.Errorf("read stdin: %w", err)
		}
		text = b
	case !strings.ContainsAny(arg[:min(1, len(arg))], `{["`):
		f, err := os.Open(arg)
		if err != nil {
			return nil, usagef("%w; JSON begins with {, [ or \", and - is stdin", err)
		}
		defer f.Close()
		if text, err = io.ReadAll(io.LimitReader(f, maxInput)); err != nil {
			return nil, err // it names the file
		}
	}
	text = bytes.TrimSpace(text)
	if err := protocol.CheckJSON(text); err != nil {
		return nil, usagef("input: %w", err)
	}
	return text, nil
}

// confirmed asks a person, unless yes says that nobody needs to be asked.
func (a *app) confirmed(question string, yes bool) error {
	if yes {
		return nil
	}
	if !a.terminal {
		return usagef("nobody can be asked here whether to go on; --yes says so")
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", lines(question))
	var answer string
	_, _ = fmt.Fscanln(a.stdin, &answer) // no answer is a no
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return codedError{exitError, errors.New("nothing was done")}
}

// who is the person that asks for something.
func (a *app) who(by string) string {
	return cmp.Or(by, a.getenv("AMENDS_BY"), a.getenv("USER"), a.getenv("USERNAME"))
}
