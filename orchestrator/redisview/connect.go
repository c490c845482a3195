package redisview

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// clientName is what CLIENT LIST shows.
const clientName = "amends"

// Connect returns a client for an address, without connecting yet:
//
//	redis://user:password@host:6379/0                        one server
//	redis+cluster://user:password@host1:6379,host2:6379      a cluster; also redis://…?cluster=true
//	redis+sentinel://host1:26379,host2:26379/0?master_name=m a master that sentinels name; also redis://…?master_name=m
//	unix:///run/redis.sock?db=0                              one server's socket
//
// With rediss in the place of redis the connection is encrypted. More servers
// may be given as addr=host:port, too. The user of a sentinel URL is the
// sentinels'; the master's is given as username=…&password=…. Everything that
// go-redis reads from an address may follow, as in ?read_timeout=5s&pool_size=20.
// The error of an address that cannot be read does not repeat it, as it may
// hold a password.
func Connect(address string) (redis.UniversalClient, error) {
	to, err := parseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("address of Redis: %w", err)
	}
	client, err := to.connect()
	if err != nil {
		return nil, fmt.Errorf("address of Redis: %w", err)
	}
	return client, nil
}

// A target is a URL as go-redis reads it, and what kind of servers it names.
type target struct {
	url  *url.URL
	kind string // "", "cluster" or "sentinel"
}

func parseAddress(text string) (to target, err error) {
	scheme, rest, _ := strings.Cut(text, "://")
	scheme, to.kind, _ = strings.Cut(scheme, "+")
	if to.kind != "" && to.kind != "cluster" && to.kind != "sentinel" {
		return to, fmt.Errorf("%.16q is neither cluster nor sentinel", to.kind)
	}
	// A URL has one host; the others become parameters.
	user, hosts, tail := splitAuthority(rest)
	if to.url, err = url.Parse(scheme + "://" + user + hosts[0] + tail); err != nil {
		return to, withoutURL(err)
	}
	q := to.url.Query()
	others := append(hosts[1:], q["addr"]...)
	switch {
	case to.kind != "":
	case q.Get("cluster") == "true":
		to.kind = "cluster"
	case q.Has("master_name"):
		to.kind = "sentinel"
	case len(others) > 0:
		to.kind = "cluster"
	}
	q.Del("cluster")
	q.Del("addr")
	port := "6379"
	if to.kind == "sentinel" {
		port = "26379"
	}
	for _, host := range others {
		q.Add("addr", withPort(host, port))
	}
	if to.url.Scheme != "unix" {
		to.url.Host = withPort(to.url.Host, port)
	}
	to.url.RawQuery = q.Encode()
	// What the view decides by has to come from a master.
	for _, name := range []string{"read_only", "replica_only", "route_by_latency", "route_randomly"} {
		if q.Has(name) {
			return to, fmt.Errorf("%s would read from replicas", name)
		}
	}
	return to, nil
}

// splitAuthority splits what follows a URL's scheme. A password may hold a comma.
func splitAuthority(rest string) (user string, hosts []string, tail string) {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@') + 1
	return rest[:at], strings.Split(rest[at:end], ","), rest[end:]
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// connect sends no CLIENT SETINFO, which needs a right and tells little.
func (to target) connect() (redis.UniversalClient, error) {
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch to.kind {
	case "cluster":
		if path := strings.Trim(to.url.Path, "/"); path != "" && path != "0" {
			return nil, fmt.Errorf("a cluster has no database %.16q", path)
		}
		o, err := redis.ParseClusterURL(to.url.String())
		if err != nil {
			return nil, withoutURL(err)
		}
		o.ClientName, o.ContextTimeoutEnabled, o.DisableIdentity, o.MaintNotificationsConfig = clientName, true, true, quiet
		return redis.NewClusterClient(o), nil
	case "sentinel":
		o, err := redis.ParseFailoverURL(to.url.String())
		if err != nil {
			return nil, withoutURL(err)
		}
		if o.MasterName == "" {
			return nil, errors.New("sentinels need a master_name")
		}
		o.ClientName, o.ContextTimeoutEnabled, o.DisableIdentity = clientName, true, true
		return redis.NewFailoverClient(o), nil
	}
	o, err := redis.ParseURL(to.url.String())
	if err != nil {
		return nil, withoutURL(err)
	}
	o.ClientName, o.ContextTimeoutEnabled, o.DisableIdentity, o.MaintNotificationsConfig = clientName, true, true, quiet
	return redis.NewClient(o), nil
}

// withoutURL leaves out an address that err repeats.
func withoutURL(err error) error {
	var reason *url.Error
	if errors.As(err, &reason) {
		return reason.Err
	}
	return err
}
