// Package deploy_test keeps nats.conf what the documentation says. That servers
// start with the configurations, and sagas run on them, is what smoke.sh shows.
package deploy_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/sagas/placeorder"
)

const password = "p-of-the-test"

// configured returns what nats.conf says.
func configured(t *testing.T) *server.Options {
	t.Helper()
	t.Setenv("AMENDS_NATS_STORE", t.TempDir())
	for _, user := range append([]string{"operator", "orchestrator", "client"}, placeorder.PlaceOrder.Participants()...) {
		t.Setenv("AMENDS_NATS_"+strings.ToUpper(user), password)
	}
	o, err := server.ProcessConfigFile("nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestParticipantsMayDoWhatTheDocumentationSaysAndNoMore(t *testing.T) {
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Permissions")
	_, block, _ := strings.Cut(section, "```text\n")
	block, _, found := strings.Cut(block, "```\n")
	if !found {
		t.Fatal("docs/protocol.md has no permissions")
	}
	users := configured(t).Users
	for _, participant := range placeorder.PlaceOrder.Participants() {
		i := slices.IndexFunc(users, func(u *server.User) bool { return u.Username == participant })
		if i < 0 || users[i].Permissions == nil || users[i].Permissions.Response == nil {
			t.Errorf("%s: no user with permissions, or none to respond", participant)
			continue
		}
		var have []string
		for _, subject := range users[i].Permissions.Publish.Allow {
			have = append(have, "publish   "+subject)
		}
		for _, subject := range users[i].Permissions.Subscribe.Allow {
			have = append(have, "subscribe "+subject)
		}
		want := strings.Split(strings.TrimSpace(strings.ReplaceAll(block, "payment", participant)), "\n")
		if !slices.Equal(have, want) {
			t.Errorf("%s may\n%s\nand should\n%s", participant, strings.Join(have, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestNobodyMayDoWhatIsAnothersBusiness(t *testing.T) {
	o := configured(t)
	s := natstest.Start(t, func(own *server.Options) {
		o.Host, o.Port, o.HTTPPort, o.NoLog, o.NoSigs = own.Host, own.Port, 0, true, true
		*own = *o
	})
	const (
		start   = "saga.0.order-1.in.start.chain"
		command = "saga.0.order-1.out.payment.chain"
		reply   = "saga.0.order-1.in.payment"
		control = "saga.0.order-1.in.control.1"
		remove  = "$JS.API.STREAM.DELETE.SAGA-0"
		purge   = "$JS.API.STREAM.PURGE.SAGA-0"
		rows    = "saga-feed.0.-.rows"
		lease   = "$KV.AMENDS-LEASES.0"
		pull    = "$JS.API.CONSUMER.MSG.NEXT.SAGA-0.payment"
		look    = "amends.orchestrator.saga.get"
		have    = "amends.orchestrator.saga.do.control" // the orchestrators control it
	)
	all := []string{start, command, reply, control, remove, purge, rows, lease, pull, look, have}
	for user, may := range map[string][]string{
		"operator":     all,
		"orchestrator": {start, command, control, purge, rows, lease, look, have},
		"client":       {start, look},
		"inventory":    nil,
		"payment":      {reply, pull},
		"shipping":     nil,
	} {
		for _, subject := range all {
			nc := natstest.Connect(t, s, nats.UserInfo(user, password))
			if err := errors.Join(nc.Publish(subject, nil), nc.Flush()); err != nil {
				t.Fatal(err)
			}
			refused := errors.Is(nc.LastError(), nats.ErrPermissionViolation)
			if refused == slices.Contains(may, subject) {
				t.Errorf("%s publishes to %s: refused %t", user, subject, refused)
			}
		}
	}
}
