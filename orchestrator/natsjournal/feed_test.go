package natsjournal

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator"
)

func TestADeliveryIsReadFromItsReplySubject(t *testing.T) {
	t.Parallel()
	type read struct {
		Sequence, Number, Pending uint64
		Time                      time.Time
	}
	at := time.Unix(0, 1700000000000000001).UTC()
	for reply, want := range map[string]read{
		"$JS.ACK.SAGA-0.c.1.42.7.1700000000000000001.3":                  {42, 7, 3, at},
		"$JS.ACK.hub.ACCHASH.SAGA-0.c.1.42.7.1700000000000000001.3":      {42, 7, 3, at},
		"$JS.ACK._.ACCHASH.SAGA-0.c.1.42.7.1700000000000000001.3.random": {42, 7, 3, at},
	} {
		d, number, err := readDelivery(&nats.Msg{Reply: reply})
		if err != nil {
			t.Fatalf("%s: %v", reply, err)
		}
		if diff := cmp.Diff(want, read{d.sequence, number, d.pending, d.time}); diff != "" {
			t.Errorf("%s: %s", reply, diff)
		}
	}
	for _, reply := range []string{
		"", "$JS.ACK.", "$JS.ACK.SAGA-0.c.1.x.7.17.3", "$JS.ACK.SAGA-0.c.1.42.7.17", "$JS.ACK.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q",
	} {
		if _, _, err := readDelivery(&nats.Msg{Reply: reply}); !errors.Is(err, errDelivery) {
			t.Errorf("%q: %v", reply, err)
		}
	}
}

func TestAFeedEndsAtTheFirstDoubt(t *testing.T) {
	t.Parallel()
	message := func(number string) *nats.Msg {
		return &nats.Msg{Reply: "$JS.ACK.S.c.1.1" + number + "." + number + ".17.0"}
	}
	beat := func(sent string) *nats.Msg {
		return &nats.Msg{Header: nats.Header{"Status": {"100"}, "Nats-Last-Consumer": {sent}}}
	}
	for name, c := range map[string]struct {
		messages []*nats.Msg
		handled  int
		doubt    bool
	}{
		"everything comes":                 {[]*nats.Msg{beat("0"), message("1"), beat("1"), message("2"), beat("2")}, 2, false},
		"a message is missing":             {[]*nats.Msg{message("1"), message("3"), message("4")}, 1, true},
		"the first message is missing":     {[]*nats.Msg{message("2")}, 0, true},
		"a message comes twice":            {[]*nats.Msg{message("1"), message("1")}, 1, true},
		"the last message is missing":      {[]*nats.Msg{message("1"), beat("2")}, 1, true},
		"a message that cannot be read":    {[]*nats.Msg{{Reply: "$JS.ACK.nonsense"}, message("1")}, 0, false},
		"a heartbeat without count":        {[]*nats.Msg{{Header: nats.Header{"Status": {"100"}}}, message("1")}, 1, false},
		"a message that poses as one":      {[]*nats.Msg{{Reply: message("1").Reply, Header: beat("9").Header}, message("2")}, 2, false},
		"nothing is handed out afterwards": {[]*nats.Msg{message("2"), message("1"), message("2")}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handled := 0
			f := &feed{ended: make(chan error, 1), handle: func(delivery) error { handled++; return nil }}
			for _, m := range c.messages {
				f.receive(m)
			}
			var err error
			select {
			case err = <-f.ended:
			default:
			}
			if doubt := errors.Is(err, orchestrator.ErrInterrupted); doubt != c.doubt || handled != c.handled {
				t.Errorf("%d messages were handled, then: %v", handled, err)
			}
		})
	}
}
