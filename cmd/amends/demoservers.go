package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/embedded"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// serverFlags are of commands that bring their own servers.
type serverFlags struct {
	dir                 string
	natsPort, redisPort int
	httpPort            int
	readOnly            bool
	verbose             bool
}

func (f *serverFlags) add(flags *pflag.FlagSet, dir string) {
	flags.StringVar(&f.dir, "dir", "", dir)
	flags.IntVar(&f.natsPort, "nats-port", 0, "`port` of the embedded NATS server; at random if not set")
	flags.IntVar(&f.redisPort, "redis-port", 0, "`port` of the embedded store; at random if not set")
	flags.IntVar(&f.httpPort, "http-port", 0, "`port` of the HTTP API; at random if not set")
	addReadOnly(flags, &f.readOnly)
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show what all parts log")
}

// servers are where a demo runs, embedded or somebody's.
type servers struct {
	demo.World
	where    demo.Where
	embedded *embedded.Servers // nil if they are somebody's
	made     string            // the directory that was made for them, "" if somebody named it
}

func (s *servers) close() {
	if s.NC != nil {
		s.NC.Close()
	}
	if s.Redis != nil {
		_ = s.Redis.Close() // nothing is under way any more
	}
	if s.embedded != nil {
		s.embedded.Close()
	}
}

// clear removes what close leaves behind. It is for a demo that went well: else
// the journal tells what happened.
func (s *servers) clear() error {
	if s.made == "" {
		return nil
	}
	return os.RemoveAll(s.made)
}

// given reports whether somebody names the servers to use: both, or none.
func (a *app) given() (bool, error) {
	nats := cmp.Or(a.nats.server, a.nats.context, a.getenv("NATS_URL")) != ""
	switch redis := a.redis != ""; {
	case nats && !redis:
		return false, usagef("NATS is given and Redis is not: set REDIS_URL (or --redis) too, or neither for embedded servers")
	case redis && !nats:
		return false, usagef("Redis is given and NATS is not: set NATS_URL (or --server) too, or neither for embedded servers")
	}
	return nats, nil
}

// demoServers starts embedded servers in a fresh directory, or connects to
// those that are given.
func (a *app) demoServers(ctx context.Context, cmd *cobra.Command, f serverFlags, log *slog.Logger) (s *servers, err error) {
	quietRedis(log)
	given, err := a.given()
	if err != nil {
		return nil, err
	}
	s = &servers{}
	if given {
		err = a.connectGiven(s, log)
	} else {
		err = a.embed(s, f, log)
	}
	if err == nil {
		s.World, err = demo.Fresh(ctx, s.NC, s.Redis, a.prefix, !given || cmd.Flags().Changed("prefix"))
	}
	if err != nil {
		s.close()
		return nil, errors.Join(err, s.clear())
	}
	s.where.Prefix = s.Prefix
	return s, nil
}

func (a *app) connectGiven(s *servers, log *slog.Logger) (err error) {
	n, err := a.nats.resolve(a.getenv)
	switch {
	case err != nil:
		return usage(err)
	case n.api() != "":
		return usagef("the demo wants JetStream of the server that it is connected to: leave out --js-domain and --js-api-prefix")
	}
	if s.NC, err = a.dial("amends-demo", log, nats.RetryOnFailedConnect(false), nats.Timeout(a.timeout)); err != nil {
		return err
	}
	if s.Redis, err = redisview.Connect(a.redis); err != nil {
		return usage(err)
	}
	s.where = demo.Where{NATS: redacted(strings.Join(s.NC.Servers(), ",")), Redis: redacted(a.redis)}
	return nil
}

// embed starts servers in f's directory, or in one that is made for it.
func (a *app) embed(s *servers, f serverFlags, log *slog.Logger) (err error) {
	if f.dir == "" {
		if f.dir, err = os.MkdirTemp("", "amends-demo-"); err != nil {
			return err
		}
		s.made = f.dir
	} else if entries, err := os.ReadDir(f.dir); err == nil && len(entries) > 0 {
		return usagef("--dir %s is not empty: the demo begins in a fresh directory each time", f.dir)
	}
	return a.startEmbedded(s, f, log)
}

func (a *app) startEmbedded(s *servers, f serverFlags, log *slog.Logger) (err error) {
	s.embedded, err = embedded.Start(embedded.Config{Dir: f.dir, NATSPort: f.natsPort, RedisPort: f.redisPort})
	if err != nil {
		return err
	}
	s.where = demo.Where{NATS: s.embedded.NATSURL, Redis: s.embedded.RedisURL, Journal: s.embedded.Dir}
	if s.NC, err = nats.Connect(s.where.NATS, natsjournal.ConnectOptions("amends", log)...); err != nil {
		return fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	s.Redis, err = redisview.Connect(s.where.Redis)
	return err
}

// member is an orchestrator on these servers.
func (s *servers) member(w *watch) demo.Member {
	return demo.Member{
		NC: s.NC, Redis: s.Redis, Prefix: s.Prefix, KeyPrefix: demo.KeyPrefix(s.Prefix),
		Version: version, Definitions: samples(), Log: w.log, New: w.orchestrator,
	}
}

// newDemoOrchestrator is the process that 'demo --crash' kills.
func newDemoOrchestrator(a *app) *cobra.Command {
	var name string
	var verbose bool
	cmd := &cobra.Command{
		Use: "demo-orchestrator", Hidden: true, Short: "Drive the demo's sagas until standard input ends",
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A terminal's Ctrl-C reaches us too, but when we end is the demo's
			// business. It is gone when our input ends, however it went.
			ctx, stop := context.WithCancel(context.WithoutCancel(cmd.Context()))
			defer stop()
			go func() {
				_, _ = io.Copy(io.Discard, a.stdin)
				stop()
			}()
			level := slog.LevelWarn
			if verbose {
				level = slog.LevelInfo
			}
			log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
			s := &servers{}
			defer s.close()
			if err := a.connectGiven(s, log); err != nil {
				return err
			}
			s.Prefix = a.prefix
			w, err := a.watch(ctx, watching{name, "", s.Prefix, samples()}, log)
			if err != nil {
				return err
			}
			defer w.close()
			m := s.member(w)
			m.Name = name
			if err := m.Run(ctx); ctx.Err() == nil {
				return err
			}
			return nil // to end was all that was wanted
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "of the member")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "log what is no warning, too")
	return cmd
}

// child makes the process of an orchestrator on s: this very program, told what
// we were told.
func (a *app) child(cmd *cobra.Command, s *servers, verbose bool) func(name string) *exec.Cmd {
	flags := []string{"--prefix=" + s.Prefix}
	env := os.Environ()
	if s.embedded != nil {
		env = slices.DeleteFunc(env, func(entry string) bool {
			name, _, _ := strings.Cut(entry, "=")
			return strings.HasPrefix(name, "NATS_") || name == "REDIS_URL"
		})
		env = append(env, "NATS_URL="+s.where.NATS, "REDIS_URL="+s.where.Redis)
	} else {
		env = append(env, "REDIS_URL="+a.redis) // not as an argument: it may hold a password
		cmd.InheritedFlags().Visit(func(f *pflag.Flag) {
			if !slices.Contains([]string{"prefix", "output", "redis"}, f.Name) {
				flags = append(flags, "--"+f.Name+"="+f.Value.String())
			}
		})
	}
	return func(name string) *exec.Cmd {
		executable, err := os.Executable()
		c := exec.Command(executable, append([]string{"demo-orchestrator", "--name=" + name, fmt.Sprintf("--verbose=%t", verbose)}, flags...)...)
		c.Env, c.Err = env, errors.Join(c.Err, err)
		return c
	}
}

// redisLog is what the Redis client says by itself, beside its errors.
type redisLog struct{ *slog.Logger }

func (l redisLog) Printf(_ context.Context, format string, args ...any) {
	l.Warn("redis: " + fmt.Sprintf(format, args...))
}

var redisOnce sync.Once // the client has one logger for the whole process

func quietRedis(log *slog.Logger) {
	redisOnce.Do(func() { redis.SetLogger(redisLog{log}) })
}
