package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/cmd/amends/internal/generate"
	"github.com/amends-io/amends/participants/protocol"
)

type generateFlags struct {
	sagas, atOnce int
	name          string
	seed          uint64
	more          bool
}

func newGenerate(a *app) *cobra.Command {
	var f generateFlags
	cmd := &cobra.Command{
		Use: "generate", Short: "Fill an empty journal with made-up sagas",
		Long: `Writes histories of made-up sagas into the journal, just as they would have come
about: most completed, some compensated, stuck or under way, of several
definitions, with tags and reasons. It shows how much room a million takes, and
how fast lists are then ('make bench-million').

Stop the orchestrators first. 'amends serve --generated' then makes the view, and
knows the definitions. Nobody is the participants, so what is under way stays so.`,
		Example: `  amends init && amends generate --sagas 1000000 && amends serve --generated`,
		Args:    args(0, 0, "no argument"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.generate(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.sagas, "sagas", 1000, "how many")
	flags.IntVar(&f.atOnce, "at-once", generate.DefaultAtOnce, "how many side by side")
	flags.StringVar(&f.name, "name", "generated", "what every id begins with")
	flags.Uint64Var(&f.seed, "seed", 1, "the same sagas come of the same one")
	flags.BoolVar(&f.more, "append", false, "although the journal is not empty")
	return cmd
}

func (a *app) generate(ctx context.Context, f generateFlags) error {
	if f.sagas < 1 || f.sagas > 99_999_999 || f.atOnce < 1 {
		return usagef("--sagas %d, --at-once %d: at least 1", f.sagas, f.atOnce)
	}
	if err := protocol.CheckID(f.name + "-00000000"); err != nil {
		return usage(fmt.Errorf("--name: %w", err))
	}
	nc, err := a.connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	j, err := a.journal(ctx, nc)
	if err != nil {
		return err
	}
	defer j.Close()
	began := time.Now()
	messages, err := generate.Run(ctx, generate.Config{
		Journal: j, Prefix: a.prefix, Sagas: f.sagas, Name: f.name, Seed: f.seed, AtOnce: f.atOnce, Append: f.more,
		Now: time.Now, Progress: a.progress("sagas"),
	})
	switch {
	case errors.Is(err, generate.ErrNotEmpty):
		return fmt.Errorf("%w; made-up sagas would stay among real ones: use another journal, or --append", err)
	case err != nil:
		return err
	}
	took := time.Since(began)
	return a.line(fmt.Sprintf("%d sagas, %d messages in %v: %.0f messages/s", f.sagas, messages, took.Round(time.Millisecond), float64(messages)/took.Seconds()))
}
