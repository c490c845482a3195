package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/participants/protocol"
)

// natsFlags say how to reach NATS, with the names that natscli has. For each
// the flag comes before the variable, and that before the context.
type natsFlags struct {
	server, context                string
	creds, nkey, user, password    string
	cert, key, ca                  string
	inboxPrefix, domain, apiPrefix string
	tlsFirst                       bool
}

func (n *natsFlags) add(f *pflag.FlagSet) {
	f.StringVarP(&n.server, "server", "s", "", "NATS `URLs`, separated by commas (NATS_URL)")
	f.StringVar(&n.context, "context", "", "NATS context, as 'nats context ls' has them (NATS_CONTEXT)")
	f.StringVar(&n.creds, "creds", "", "`file` with NATS credentials (NATS_CREDS)")
	f.StringVar(&n.nkey, "nkey", "", "`file` with an NKey seed (NATS_NKEY)")
	f.StringVar(&n.user, "user", "", "user name, or a token without a password (NATS_USER; the password in NATS_PASSWORD)")
	f.StringVar(&n.cert, "tlscert", "", "`file` with the client's certificate (NATS_CERT)")
	f.StringVar(&n.key, "tlskey", "", "`file` with its key (NATS_KEY)")
	f.StringVar(&n.ca, "tlsca", "", "`file` with the authority to trust (NATS_CA)")
	f.BoolVar(&n.tlsFirst, "tlsfirst", false, "encrypt before the server says anything")
	f.StringVar(&n.inboxPrefix, "inbox-prefix", "", "first tokens of the subjects that answers come to")
	f.StringVar(&n.domain, "js-domain", "", "JetStream domain")
	f.StringVar(&n.apiPrefix, "js-api-prefix", "", "prefix of JetStream's API, in the place of $JS.API")
	for _, name := range []string{"creds", "nkey", "tlscert", "tlskey", "tlsca"} {
		_ = cobra.MarkFlagFilename(f, name)
	}
}

// defaultServer is where NATS is, if nobody says anything else.
const defaultServer = nats.DefaultURL

// resolve completes n from variables and the context, if there is one.
func (n natsFlags) resolve(getenv func(string) string) (natsFlags, error) {
	for field, name := range map[*string]string{
		&n.server: "NATS_URL", &n.context: "NATS_CONTEXT", &n.creds: "NATS_CREDS", &n.nkey: "NATS_NKEY",
		&n.user: "NATS_USER", &n.password: "NATS_PASSWORD", &n.cert: "NATS_CERT", &n.key: "NATS_KEY", &n.ca: "NATS_CA",
	} {
		if *field == "" {
			*field = getenv(name)
		}
	}
	c, err := loadContext(n.context, getenv)
	if err != nil {
		return n, err
	}
	// Whoever names a server means that one, not the selected context's: its
	// credentials are nobody else's business.
	if c != nil && (n.context != "" || n.server == "") {
		c.complete(&n)
	}
	n.server = cmp.Or(n.server, defaultServer)
	return n, nil
}

// options are what n says of a connection.
func (n natsFlags) options() ([]nats.Option, error) {
	var o []nats.Option
	if n.creds != "" {
		o = append(o, nats.UserCredentials(n.creds))
	}
	if n.nkey != "" {
		option, err := nats.NkeyOptionFromSeed(n.nkey)
		if err != nil {
			return nil, fmt.Errorf("NKey in %s: %w", n.nkey, err)
		}
		o = append(o, option)
	}
	switch {
	case n.user != "" && n.password == "":
		o = append(o, nats.Token(n.user))
	case n.user != "":
		o = append(o, nats.UserInfo(n.user, n.password))
	}
	if n.cert != "" || n.key != "" {
		if n.cert == "" || n.key == "" {
			return nil, errors.New("a client's certificate needs its key, and the key the certificate")
		}
		o = append(o, nats.ClientCert(n.cert, n.key))
	}
	if n.ca != "" {
		o = append(o, nats.RootCAs(n.ca))
	}
	if n.tlsFirst {
		o = append(o, nats.TLSHandshakeFirst())
	}
	if n.inboxPrefix != "" {
		o = append(o, nats.CustomInboxPrefix(n.inboxPrefix))
	}
	return o, nil
}

// api is the prefix of JetStream's API, or "" for the usual one.
func (n natsFlags) api() string {
	if n.domain != "" && n.apiPrefix == "" {
		return "$JS." + n.domain + ".API"
	}
	return strings.TrimSuffix(n.apiPrefix, ".")
}

// connect connects to NATS as a command does: at once, or not at all. The
// caller closes the connection.
func (a *app) connect() (*nats.Conn, error) {
	return a.dial("amends", nil, nats.RetryOnFailedConnect(false), nats.Timeout(a.timeout))
}

// dial connects to NATS as an orchestrator does, see natsjournal.ConnectOptions.
func (a *app) dial(name string, log *slog.Logger, more ...nats.Option) (*nats.Conn, error) {
	n, err := a.nats.resolve(a.getenv)
	if err != nil {
		return nil, usage(err)
	}
	options, err := n.options()
	if err != nil {
		return nil, usage(err)
	}
	options = append(append(natsjournal.ConnectOptions(name, log), options...), more...)
	nc, err := nats.Connect(n.server, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w; --server, NATS_URL or a context say where it is", redacted(n.server), err)
	}
	return nc, nil
}

// journal opens the journal on nc. The caller closes it.
func (a *app) journal(ctx context.Context, nc *nats.Conn) (*natsjournal.Journal, error) {
	n, err := a.nats.resolve(a.getenv)
	if err != nil {
		return nil, usage(err)
	}
	options := []natsjournal.Option{natsjournal.WithPrefix(a.prefix), natsjournal.WithTimeout(a.timeout)}
	if api := n.api(); api != "" {
		options = append(options, natsjournal.WithAPIPrefix(api))
	}
	j, err := natsjournal.Open(ctx, nc, options...)
	if err != nil && nc.Status() == nats.RECONNECTING { // the error is of a buffer, or of a time-out
		return nil, fmt.Errorf("NATS at %s does not answer: %w; --server, NATS_URL or a context say where it is", redacted(n.server), err)
	}
	return j, leader.Denied(nc, err)
}

// defaultRedis is where Redis is, if nobody says anything else.
const defaultRedis = "redis://127.0.0.1:6379/0"

// view opens the view in Redis. The caller closes the client.
func (a *app) view(ctx context.Context, log *slog.Logger) (*redisview.View, redis.UniversalClient, error) {
	rdb, err := redisview.Connect(cmp.Or(a.redis, defaultRedis))
	if err != nil {
		return nil, nil, usage(err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	view, err := redisview.Open(ctx, rdb, redisview.WithPrefix(a.keyPrefix()), redisview.WithLogger(log))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w; --redis or REDIS_URL say where Redis is", err), rdb.Close())
	}
	return view, rdb, nil
}

// keyPrefix begins the view's keys: journals of other prefixes have their own.
func (a *app) keyPrefix() string {
	if a.prefix == protocol.DefaultPrefix {
		return redisview.DefaultPrefix
	}
	return redisview.DefaultPrefix + a.prefix + ":"
}

// redacted leaves passwords out of URLs.
func redacted(servers string) string {
	list := strings.Split(servers, ",")
	for i, s := range list {
		if at := strings.LastIndex(s, "@"); at >= 0 {
			scheme, _, found := strings.Cut(s, "://")
			if !found {
				scheme = "nats"
			}
			list[i] = scheme + "://…@" + s[at+1:]
		}
	}
	return strings.Join(list, ",")
}
