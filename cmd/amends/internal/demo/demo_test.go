package demo_test

import (
	"fmt"
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

// failing returns the names of the checks that do not hold.
func failing(t testing.TB, d *demo.Demo) []string {
	t.Helper()
	books, err := d.Books(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, c := range d.Report(books).Checks {
		if !c.OK {
			names = append(names, c.Name)
			t.Logf("%s: %s", c.Name, c.Detail)
		}
	}
	return names
}

func TestTheOrdersAddUp(t *testing.T) {
	t.Parallel()
	w := world(t)
	told := 0
	d := run(t, demo.Config{
		World: w, Rows: sample(t, 500), Driver: inside(w), InFlight: 64,
		Progress: func(done, of, crashes int) { told = done*1000 + of + crashes },
	})
	if names := failing(t, d); len(names) > 0 {
		t.Errorf("failing: %q", names)
	}
	books, err := d.Books(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := d.Report(books)
	if r.Orders != 500 || r.NotStarted != 144 || r.Conflicts != 1 || r.Stuck != 0 || r.Completed+r.Compensated != 355 ||
		!r.AddsUp || len(r.Checks) != 13 || r.Seconds <= 0 || r.Rate <= 0 || told != 500_500 {
		t.Errorf("%+v, told %d", r, told)
	}
	if rate := float64(r.Compensated) / 355; rate < 0.07 || rate > 0.13 || len(r.TurnedBack) != 3 {
		t.Errorf("%.1f%% turned back, by %v", 100*rate, r.TurnedBack)
	}
}

func row(number string, units int64) orders.Row {
	return orders.Row{Number: number, Date: "2011-01-01T00:00", Customer: "c-1", Country: "France", Units: units, Price: 12_345}
}

func TestTwoRowsWithOneNumber(t *testing.T) {
	t.Parallel()
	w := world(t)
	for i := range 6 { // the first of two is the order, however fast the second is
		rows := []orders.Row{row(fmt.Sprint("a", i), 1), row(fmt.Sprint("a", i), 2), row(fmt.Sprint("a", i), 1)}
		w.Namespace = fmt.Sprint("demo-", i)
		d := run(t, demo.Config{World: w, Rows: rows[:1+i%3], Driver: inside(w)})
		books, err := d.Books(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if units := books.Client.Started[rows[0].Number].Units; units != 1 {
			t.Errorf("the order has %d units, want the first row's", units)
		}
		if r := d.Report(books); r.Conflicts != min(i%3, 1) || r.Refused[demo.Repeated] != i%3/2 {
			t.Errorf("%d rows: %+v", 1+i%3, r)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
