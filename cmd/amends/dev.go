package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

const devLong = `Runs what one's own sagas need, and nothing has to be installed for it: a NATS
server whose journal is on disk, a Redis-compatible store, and the service that
the CLI asks. The store keeps everything in memory: at the next start the view
is rebuilt from the journal.

It also drives the sagas that are linked in, for which it needs somebody who
takes part; 'amends demo' brings them. An orchestrator of one's own that runs
beside it should be the only one: then say --samples=false.

With a command behind -- that one is started with NATS_URL and REDIS_URL set, and
everything ends with it. Its exit code is ours. Samples are not driven then, if
--samples does not ask for it.`

type devFlags struct {
	serverFlags
	partitions int
	samples    bool
}

func newDev(a *app) *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use: "dev [-- command...]", Short: "Run servers for sagas of one's own", Long: devLong,
		Example: `  amends dev                              # servers that stay up until Ctrl-C
  amends dev -- go run ./mine             # and one's own program with them
  amends dev --nats-port 4222 --redis-port 6379`,
		Args: func(cmd *cobra.Command, args []string) error {
			if n := cmd.ArgsLenAtDash(); n > 0 || n < 0 && len(args) > 0 {
				return usagef("dev wants its command behind --, as in: amends dev -- %s", strings.Join(args, " "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !cmd.Flags().Changed("samples") {
				f.samples = false
			}
			return a.dev(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	f.serverFlags.add(flags, "the journal's `directory`; a lasting one of the user's own if not set")
	flags.IntVar(&f.partitions, "partitions", 1, "`number` of partitions, if the journal is made now")
	flags.BoolVar(&f.samples, "samples", true, "drive the sagas that are linked in")
	return cmd
}

func (a *app) dev(ctx context.Context, f devFlags, command []string) error {
	if err := f.check(a.getenv, command); err != nil {
		return err
	}
	log := a.logger(f.verbose)
	quietRedis(log)
	s := &servers{}
	defer s.close()
	if err := a.startEmbedded(s, f.serverFlags, log); err != nil {
		return fmt.Errorf("%w; --dir says where else", err)
	}
	s.Prefix, s.where.Prefix = a.prefix, a.prefix
	if err := s.CreateJournal(ctx, f.partitions); err != nil {
		return err
	}
	console, err := a.console(ctx, s, f.serverFlags, log)
	if err != nil {
		return err
	}
	defer func() { _ = console.Close() }() // nothing depends on it any more
	s.where.HTTP = console.URL
	w, err := a.watch(ctx, watching{"", "", s.Prefix, samples()}, log)
	if err != nil {
		return err
	}
	defer w.close()
	m := s.member(w)
	if !f.samples {
		m.Definitions = nil
	}
	ctx, stop := drive(ctx, m)
	defer stop()
	if len(command) > 0 {
		a.note("NATS %s, Redis %s, HTTP %s, journal in %s", s.where.NATS, s.where.Redis, s.where.HTTP, s.where.Journal)
		return a.beside(ctx, command, s.where)
	}
	if err := a.devHints(s.where, m.Definitions); err != nil {
		return err
	}
	<-ctx.Done()
	return unlessInterrupted(ctx)
}

// check refuses what cannot be run, and finds a directory if none is given.
func (f *devFlags) check(getenv func(string) string, command []string) (err error) {
	if f.partitions < 1 {
		return usagef("--partitions %d: at least 1", f.partitions)
	}
	if len(command) > 0 {
		if _, err := exec.LookPath(command[0]); err != nil {
			return usage(err)
		}
	}
	if f.dir == "" {
		f.dir, err = stateDir(getenv)
	}
	return err
}

// drive runs m until stop is called. m outlives ctx: it ends after the command
// beside it did, which may have something to say until then. The context that
// is returned ends with ctx, or because m failed.
func drive(ctx context.Context, m demo.Member) (beside context.Context, stop func()) {
	serve, end := context.WithCancel(context.WithoutCancel(ctx))
	beside, fail := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := m.Run(serve); err != nil {
			fail(err)
		}
	}()
	return beside, func() { end(); <-ended; fail(nil) }
}

// unlessInterrupted is why ctx ended, if that was no signal: to end a server
// that way is nothing unusual.
func unlessInterrupted(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// stateDir is where a user's programs keep what should last.
func stateDir(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "amends", "dev"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%w; say --dir", err)
	}
	return filepath.Join(home, ".local", "state", "amends", "dev"), nil
}

func (a *app) devHints(where demo.Where, definitions []sagas.Definition) error {
	if a.output == formatJSON {
		return a.json(where)
	}
	drives := "nothing: that is for an orchestrator of your own"
	if len(definitions) > 0 {
		names := make([]string, len(definitions))
		for i, d := range definitions {
			names[i] = d.String()
		}
		drives = strings.Join(names, ", ")
	}
	env := "NATS_URL=" + where.NATS + " REDIS_URL=" + where.Redis
	if where.Prefix != protocol.DefaultPrefix {
		env += " AMENDS_PREFIX=" + where.Prefix
	}
	_, err := fmt.Fprintf(a.stdout, `Servers for sagas of your own, until you press Ctrl-C.

  NATS     %s   (journal in %s)
  Redis    %s
  HTTP     %s
  drives   %s

In a browser, the address of HTTP. In another terminal:

  export %s
  amends list
  redis-cli -u %s

`, where.NATS, clean(where.Journal), where.Redis, where.HTTP, drives, env, where.Redis)
	return err
}

// How long a command may take to end: by itself, as a signal of the terminal
// reaches it too, and after it was told to.
const (
	ownTime  = 3 * time.Second
	toldTime = 10 * time.Second
)

// beside runs a command with the servers, and ends when it does.
func (a *app) beside(ctx context.Context, command []string, where demo.Where) error {
	c := exec.Command(command[0], command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = a.stdin, a.stdout, a.stderr
	c.Env = append(os.Environ(), "NATS_URL="+where.NATS, "REDIS_URL="+where.Redis, "AMENDS_PREFIX="+where.Prefix)
	if err := c.Start(); err != nil {
		return usage(err)
	}
	var err error
	done := make(chan struct{})
	go func() {
		err = c.Wait()
		close(done)
	}()
	select {
	case <-done:
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			return quiet(exit.ExitCode())
		}
		return err
	case <-ctx.Done():
	}
	for _, last := range []struct {
		wait time.Duration
		then func() error
	}{
		{ownTime, func() error { return c.Process.Signal(syscall.SIGTERM) }},
		{toldTime, c.Process.Kill},
	} {
		select {
		case <-done:
			return cmp.Or(unlessInterrupted(ctx), quiet(exitInterrupted))
		case <-time.After(last.wait):
			_ = last.then() // fails if it has ended
		}
	}
	<-done
	return cmp.Or(unlessInterrupted(ctx), quiet(exitInterrupted))
}
