package redisview_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// seen is what Connect made of an address.
type seen struct {
	Kind, User, Password string
	Addrs                []string
	DB                   int
	TLS                  bool
}

func TestConnectReadsAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]seen{
		"redis://":                      {Kind: "one", Addrs: []string{"localhost:6379"}},
		"redis://h":                     {Kind: "one", Addrs: []string{"h:6379"}},
		"redis://u:p,w@h:1/3":           {Kind: "one", Addrs: []string{"h:1"}, User: "u", Password: "p,w", DB: 3},
		"rediss://:p@h:1?pool_size=2":   {Kind: "one", Addrs: []string{"h:1"}, Password: "p", TLS: true},
		"redis://[::1]:7":               {Kind: "one", Addrs: []string{"[::1]:7"}},
		"redis://[::1]":                 {Kind: "one", Addrs: []string{"[::1]:6379"}},
		"unix:///run/redis.sock?db=2":   {Kind: "one", Addrs: []string{"/run/redis.sock"}, DB: 2},
		"redis+cluster://u:p@a:1,b,c:3": {Kind: "cluster", Addrs: []string{"a:1", "b:6379", "c:3"}, User: "u", Password: "p"},
		"redis://a:1,b:2":               {Kind: "cluster", Addrs: []string{"a:1", "b:2"}},
		"rediss://a:1?cluster=true":     {Kind: "cluster", Addrs: []string{"a:1"}, TLS: true},
		"redis://a:1?addr=b:2&addr=c:3": {Kind: "cluster", Addrs: []string{"a:1", "b:2", "c:3"}},
	} {
		client, err := redisview.Connect(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if diff := cmp.Diff(want, look(t, client)); diff != "" {
			t.Errorf("%s:\n%s", address, diff)
		}
		_ = client.Close()
	}
}

func look(t *testing.T, client redis.UniversalClient) seen {
	t.Helper()
	var quiet *maintnotifications.Config
	var s seen
	var name string
	var deadlines bool
	switch c := client.(type) {
	case *redis.Client:
		o := c.Options()
		s = seen{"one", o.Username, o.Password, []string{o.Addr}, o.DB, o.TLSConfig != nil}
		quiet, name, deadlines = o.MaintNotificationsConfig, o.ClientName, o.ContextTimeoutEnabled
	case *redis.ClusterClient:
		o := c.Options()
		s = seen{"cluster", o.Username, o.Password, o.Addrs, 0, o.TLSConfig != nil}
		quiet, name, deadlines = o.MaintNotificationsConfig, o.ClientName, o.ContextTimeoutEnabled
	}
	if quiet == nil || quiet.Mode != maintnotifications.ModeDisabled || name != "amends" || !deadlines {
		t.Errorf("options: %+v, name %q, deadlines %v", quiet, name, deadlines)
	}
	return s
}

func TestConnectAsksSentinelsForTheMaster(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"redis+sentinel://a,b:2/1?master_name=m&username=u&password=p",
		"redis://a?master_name=m",
	} {
		client, err := redisview.Connect(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		// go-redis names clients of sentinels so.
		if got := client.(*redis.Client).Options().Addr; got != "FailoverClient" {
			t.Errorf("%s: address %q", address, got)
		}
		_ = client.Close()
	}
}

func TestConnectRefusesAddressesWithoutRepeatingThem(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "h:6379", "http://u:secret@h", "redis+ring://u:secret@h", "redis://u:secret@h:port", "redis://u:secret@h\x7f",
		"redis://u:secret@h/db", "redis://u:secret@h?no_such=1", "redis+cluster://u:secret@h/3", "redis+sentinel://u:secret@h",
		"redis://u:secret@h?cluster=true&read_only=true", "redis://h?master_name=m&password=secret&replica_only=true",
	} {
		client, err := redisview.Connect(address)
		switch {
		case err == nil:
			t.Errorf("%q is taken", address)
			_ = client.Close()
		case strings.Contains(err.Error(), "secret"):
			t.Errorf("the error has the password: %v", err)
		}
	}
}

func TestConnectedClientIsNamed(t *testing.T) {
	t.Parallel()
	client, err := redisview.Connect("redis://" + redistest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if name, err := client.ClientGetName(t.Context()).Result(); name != "amends" || err != nil {
		t.Errorf("name %q, %v", name, err)
	}
}
