package demo_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/orders"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas/placeorder"
)

// A plant leaves behind what a bug would have, in the participants' state or in
// the journal; the reconciliation has to tell, by these checks.
type plant struct {
	name   string
	plant  func(p planter)
	checks []string
}

// A planter reaches everything of a demo.
type planter struct {
	t   testing.TB
	nc  *nats.Conn
	rdb *redis.Client
	ns  string
}

// Orders of the planted demo: done is shipped; large is too large, so that it is
// reserved, charged, and undone.
const (
	done  = "done"
	large = "large"
)

func (p planter) key(kind, name string, order ...string) string {
	key := "shop:" + kind + ":{" + p.ns + "/" + name + "}"
	if len(order) > 0 {
		key += ":" + order[0]
	}
	return key
}

func (p planter) add(key, field string, n int64) {
	p.t.Helper()
	if err := p.rdb.HIncrBy(p.t.Context(), key, field, n).Err(); err != nil {
		p.t.Fatal(err)
	}
}

func (p planter) delete(key string) {
	p.t.Helper()
	if n, err := p.rdb.Del(p.t.Context(), key).Result(); err != nil || n != 1 {
		p.t.Fatalf("delete %s: %d, %v", key, n, err)
	}
}

// rows returns the keys of the barriers' rows of a step.
func (p planter) row(order, step string) string {
	p.t.Helper()
	keys, err := p.rdb.Keys(p.t.Context(), "amends-barrier:*:"+order+":*:"+step).Result()
	if err != nil || len(keys) != 1 {
		p.t.Fatalf("rows: %q, %v", keys, err)
	}
	return keys[0]
}

func (p planter) publish(subject string, h protocol.Header, body string) {
	p.t.Helper()
	if _, err := p.nc.RequestMsg(&nats.Msg{Subject: subject, Header: nats.Header(h), Data: []byte(body)}, 5*time.Second); err != nil {
		p.t.Fatal(err)
	}
}

var plants = []plant{
	{"nothing", func(planter) {}, nil},
	{"a release that was skipped", func(p planter) {
		stock, own := p.key("stock", "goods-1-2345"), p.key("reservation", "goods-1-2345", large)
		p.add(stock, "left", -1500)
		p.add(own, "net", 1500)
		p.add(own, "undone", -1)
	}, []string{"every effect once", "all or nothing", "stock as in the journal"}},
	{"a charge that came twice", func(p planter) {
		p.add(p.key("account", "c-1"), "left", -12_345)
		p.add(p.key("charge", "c-1", done), "net", 12_345)
		p.add(p.key("charge", "c-1", done), "done", 1)
	}, []string{"every effect once", "money as in the journal"}},
	{"a refund without its charge", func(p planter) {
		p.add(p.key("account", "c-1"), "left", 12_345)
	}, []string{"money conserved", "money as in the journal"}},
	{"a refund of one ten-thousandth too little", func(p planter) {
		p.add(p.key("account", "c-1"), "left", -1)
		p.add(p.key("charge", "c-1", large), "net", 1)
	}, []string{"every effect once", "all or nothing", "money as in the journal"}},
	{"stock that is sold twice", func(p planter) {
		p.add(p.key("stock", "goods-1-2345"), "left", -100_000)
	}, []string{"stock conserved", "stock as in the journal"}},
	{"a parcel that was never sent", func(p planter) {
		p.delete(p.key("parcel", done, done))
	}, []string{"every effect once", "all or nothing", "the same orders"}},
	{"a parcel of an order that turned back", func(p planter) {
		p.add(p.key("parcel", large, large), "net", 1500)
		p.add(p.key("parcel", large, large), "done", 1)
	}, []string{"every effect once", "all or nothing", "the same orders"}},
	{"a barrier's row that was lost", func(p planter) {
		p.delete(p.row(done, placeorder.StepCharge))
	}, []string{"every effect once"}},
	{"a charge of an order that nobody placed", func(p planter) {
		p.add(p.key("charge", "c-1", "ghost"), "net", 12_345)
		p.add(p.key("charge", "c-1", "ghost"), "done", 1)
		p.add(p.key("account", "c-1"), "left", -12_345)
	}, []string{"every effect once", "all or nothing", "money as in the journal"}},
	{"a saga that the client did not start", func(p planter) {
		h := protocol.Header{}
		h.Set(protocol.HeaderExpectedSequence, "0")
		h.Set(protocol.HeaderExpectedSubject, "saga.0.ghost.*.*.chain")
		p.publish("saga.0.ghost.in.start.chain", h, `{"number":"ghost"}`)
	}, []string{"every saga ended", "every start kept", "the view agrees"}},
	{"a link that did not wait its turn", func(p planter) {
		h := protocol.Header{}
		h.Set(protocol.HeaderEvents, `[{"SagaCompleted":{}}]`)
		p.publish("saga.0.done.out.-.chain", h, "")
	}, []string{"chains unbroken", "steps in order"}},
	{"a row of the view that was lost", func(p planter) {
		members, err := p.rdb.Keys(p.t.Context(), "amends:{0}:*").Result()
		if err != nil || len(members) == 0 {
			p.t.Fatalf("view: %q, %v", members, err)
		}
		for _, key := range members {
			p.delete(key)
		}
	}, []string{"the view agrees"}},
}

func TestTheReconciliationTellsOfEveryBug(t *testing.T) {
	t.Parallel()
	for _, tt := range plants {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := world(t)
			driver := inside(w)
			d := run(t, demo.Config{World: w, Driver: driver, Rows: []orders.Row{row(done, 1), row("stock", 1000), row(large, 1500)}})
			if names := failing(t, d); len(names) > 0 { // and the view has caught up
				t.Fatalf("before anything was planted: %q", names)
			}
			if err := driver.Stop(); err != nil { // else it would make good what it can
				t.Fatal(err)
			}
			tt.plant(planter{t, w.NC, w.Redis.(*redis.Client), w.Namespace})
			if diff := cmp.Diff(append([]string{}, tt.checks...), failing(t, d)); diff != "" {
				t.Errorf("failing checks (-want +got):\n%s", diff)
			}
		})
	}
}
