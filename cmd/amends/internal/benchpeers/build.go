package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build builds the programs of both systems from the sources that we are of.
func build(ctx context.Context, dir string, sync bool, fail func(error), progress func(string)) (a, peer system, err error) {
	root, err := command(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/amends-io/amends")
	if err != nil {
		return nil, nil, fmt.Errorf("%w: run it in the sources of Amends", err)
	}
	progress("building Amends and DTM, which takes some minutes for the first time")
	ours, theirs := filepath.Join(dir, "amends"), filepath.Join(dir, "dtm")
	if _, err := command(ctx, root, "go", "build", "-o", ours, "./cmd/amends"); err != nil {
		return nil, nil, err
	}
	module := filepath.Join(root, "cmd", "amends", "internal", "benchpeers", "dtm")
	if _, err := command(ctx, module, "go", "build", "-o", theirs, "."); err != nil {
		return nil, nil, err
	}
	return amends{binary: ours, dir: dir, sync: sync}, &dtm{binary: theirs, dir: dir, fail: fail}, nil
}

// command runs a command in a directory, and returns what it says.
func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
