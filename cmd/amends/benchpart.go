package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
)

// newBenchPart is the process of one part of 'amends bench'.
func newBenchPart(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "bench-part", Hidden: true, Short: "Be a part of a benchmark until standard input ends",
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A terminal's Ctrl-C reaches us too, but when we end is the
			// benchmark's business.
			ctx := context.WithoutCancel(cmd.Context())
			return bench.Serve(ctx, a.stdin, a.stdout, func(name string) (*nats.Conn, error) {
				return a.dial(name, nil, nats.RetryOnFailedConnect(false), nats.Timeout(a.timeout))
			})
		},
	}
}

// benchPart makes the process of a part: this very program, with the NATS server
// that was started, or, without a URL, told what we were told.
func (a *app) benchPart(cmd *cobra.Command) func(url string) *exec.Cmd {
	var flags []string
	cmd.InheritedFlags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"prefix", "output", "redis"}, f.Name) {
			flags = append(flags, "--"+f.Name+"="+f.Value.String())
		}
	})
	return func(url string) *exec.Cmd {
		executable, err := os.Executable()
		c := exec.Command(executable, "bench-part")
		c.Env = os.Environ()
		if os.Getenv("GOMAXPROCS") == "" {
			c.Env = append(c.Env, "GOMAXPROCS="+strconv.Itoa(bench.CPUsOfPart(runtime.NumCPU())))
		}
		if os.Getenv("GODEBUG") == "" {
			c.Env = append(c.Env, "GODEBUG="+bench.Awake)
		}
		if url == "" {
			c.Args = append(c.Args, flags...)
		} else {
			c.Env = slices.DeleteFunc(c.Env, func(entry string) bool { return strings.HasPrefix(entry, "NATS_") })
			c.Env = append(c.Env, "NATS_URL="+url)
		}
		c.Err = errors.Join(c.Err, err)
		return c
	}
}
