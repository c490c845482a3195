package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/web"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// defaultHTTP is where the console is, if nobody says anything else: on this
// machine alone, as nobody has to say who they are yet.
const defaultHTTP = "127.0.0.1:8080"

// httpFlags say where the console is.
type httpFlags struct {
	address, basePath string
	hosts             []string
	readOnly          bool
	given             bool // somebody asked for this address
}

func (f *httpFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "http", defaultHTTP, "`address` of the HTTP API; none if empty")
	flags.StringVar(&f.basePath, "base-path", "", "`path` in front of it, as /amends, where a proxy has it there")
	flags.StringArrayVar(&f.hosts, "http-host", nil, "`name` that requests may be for, beside those of this machine; may be repeated")
	addReadOnly(flags, &f.readOnly)
}

// addReadOnly adds the flag of every command that serves a console.
func addReadOnly(flags *pflag.FlagSet, to *bool) {
	flags.BoolVar(to, "read-only", false, "only show over HTTP: every change is refused there")
}

// start serves the console, and metrics if there are any, unless there should be
// none. Where nobody asked for
// the address, one that is taken is no reason not to drive sagas.
func (f httpFlags) start(v *verbs.Verbs, c *client.Client, metrics http.Handler, log *slog.Logger) (*web.Server, error) {
	if f.address == "" {
		return nil, nil
	}
	s, err := web.Start(web.Config{
		Verbs: v, Feed: c, Address: f.address, BasePath: f.basePath, ReadOnly: f.readOnly, Hosts: f.hosts, Metrics: metrics, Version: version, Log: log,
	})
	if err == nil {
		log.Info("the API is served", "url", s.URL)
		return s, nil
	}
	if !f.given {
		log.Warn("the API is not served; --http says where else, or \"\" for nowhere", "error", err)
		return nil, nil
	}
	return nil, usage(err)
}

// client makes the client of a process that has a connection. The caller closes it.
func (a *app) client(nc *nats.Conn) (*client.Client, error) {
	n, err := a.nats.resolve(a.getenv)
	if err != nil {
		return nil, usage(err)
	}
	options := []client.Option{client.WithPrefix(a.prefix), client.WithTimeout(a.timeout)}
	if api := n.api(); api != "" {
		options = append(options, client.WithAPIPrefix(api))
	}
	c, err := client.New(nc, options...)
	if err != nil {
		return nil, usage(err)
	}
	return c, nil
}

// console serves the console beside the demo or dev, on servers whose journal exists.
func (a *app) console(ctx context.Context, s *servers, f serverFlags, log *slog.Logger) (*web.Server, error) {
	server, err := web.Apart(ctx, web.Stores{NATS: s.NC, Redis: s.Redis, Prefix: s.Prefix, KeyPrefix: demo.KeyPrefix(s.Prefix)},
		web.Config{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(f.httpPort)), ReadOnly: f.readOnly, Version: version, Log: log})
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "listen" {
		return nil, fmt.Errorf("%w; --http-port says where else", err)
	}
	return server, err
}
