package natsjournal_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
)

// cluster starts three servers that have a JetStream together.
func cluster(t *testing.T) []*server.Server {
	t.Helper()
	const size = 3
	var routes []*url.URL
	var ports []int
	for range size {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		ports = append(ports, port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	servers := make([]*server.Server, size)
	for i := range servers {
		servers[i] = natstest.Start(t, func(o *server.Options) {
			o.ServerName = fmt.Sprintf("n%d", i)
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = routes
		})
	}
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == size {
				tick.Stop()
				return servers
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the cluster has no leader")
		}
	}
}

// On three replicas a link whose rival is still in flight is refused with
// another code, and without a number. Now and then such refusals meet, and no
// link is stored at all: whoever reads the chain back tries again.
func TestOfLinksThatRaceOnThreeReplicasOneWins(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	var partitions []orchestrator.Partition
	for _, s := range servers {
		j, _ := open(t, s, natsjournal.WithCreate(1, 3))
		partitions = append(partitions, j.Partition(0))
		profile, err := j.Profile(t.Context())
		if err != nil || profile.Replicas != 3 {
			t.Fatalf("profile = %v, %v", profile, err)
		}
	}
	inFlight, none := 0, 0
	expect := put(t, partitions[0], start("a"))
	for range 500 {
		var racers []<-chan result
		for _, p := range partitions {
			racers = append(racers, begin(p, link("a", expect)))
		}
		wins := 0
		for _, answers := range racers {
			r := answer(t, answers)
			var refusal *jetstream.APIError
			switch {
			case r.err == nil:
				wins++
				expect = r.sequence
			case !errors.Is(r.err, orchestrator.ErrConflict):
				t.Fatal(r.err)
			case errors.As(r.err, &refusal) && refusal.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
				inFlight++
			}
		}
		if wins > 1 {
			t.Fatalf("%d of three racing links were stored", wins)
		}
		if wins == 0 {
			none++
		}
	}
	if none > 50 {
		t.Errorf("in %d of 500 races no link was stored", none)
	}
	if inFlight == 0 {
		t.Error("no link met a rival in flight: the test shows less than it says")
	}
	last, err := partitions[1].Last(t.Context(), "a")
	if err != nil || last.Sequence != expect {
		t.Errorf("last link %d, %v; want %d", last.Sequence, err, expect)
	}
	r := read(t, partitions[2], 1)
	for want := uint64(1); want <= expect; want++ {
		r.next(t, want)
	}
	r.cancel()
	if _, err := partitions[2].History(t.Context(), "a", expect); err != nil {
		t.Error(err)
	}
}
