package demo_test

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/embedded"
	"github.com/amends-io/amends/cmd/amends/internal/orders"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
	"github.com/amends-io/amends/sagas/placeorder"
)

// embed starts servers, and connects to them.
func embed(t testing.TB) (*nats.Conn, *redis.Client) {
	t.Helper()
	s, err := embedded.Start(embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	nc, err := nats.Connect(s.NATSURL, natsjournal.ConnectOptions("demo", nil)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	options, err := redis.ParseURL(s.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	return nc, rdb
}

func world(t testing.TB) demo.World {
	t.Helper()
	nc, rdb := embed(t)
	w, err := demo.Fresh(t.Context(), nc, rdb, protocol.DefaultPrefix, true)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func inside(w demo.World) *demo.Inside {
	return &demo.Inside{Member: demo.Member{
		NC: w.NC, Redis: w.Redis, Prefix: w.Prefix, KeyPrefix: demo.KeyPrefix(w.Prefix),
		Definitions: []sagas.Definition{placeorder.PlaceOrder.Definition}, Log: slog.New(slog.DiscardHandler),
	}}
}

func sample(t testing.TB, n int) []orders.Row {
	t.Helper()
	rows, err := orders.Retail()
	if err != nil {
		t.Fatal(err)
	}
	return orders.Sample(rows, n)
}

func run(t testing.TB, cfg demo.Config) *demo.Demo {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	d, err := demo.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestTheOrdersAddUp(t *testing.T) {
	w := world(t)
	d := run(t, demo.Config{World: w, Rows: sample(t, 500), Driver: inside(w)})
	books, err := d.Books(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := d.Report(books)
	text, _ := json.MarshalIndent(r, "", "  ")
	t.Log(string(text))
	if !r.AddsUp {
		t.Error("it does not add up")
	}
}
