package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/internal/otlptest"
	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// An observed is everything as it runs in production: servers, the program as
// processes of its own, participants with tracers, and a collector.
type observed struct {
	t         *testing.T
	nats      *server.Server
	collector *otlptest.Receiver
	binary    string
	variables []string
	client    *client.Client
	shop      trace.Tracer

	failed      atomic.Bool   // payment has failed once, for the order "id-flaky"
	gate, waits chan struct{} // where payment waits for the order "half-way", and that it does
}

func newObserved(t *testing.T) *observed {
	t.Helper()
	o := &observed{
		t: t, nats: natstest.Start(t), collector: otlptest.Start(t), binary: filepath.Join(t.TempDir(), "amends"),
		gate: make(chan struct{}), waits: make(chan struct{}, 16),
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", o.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	o.variables = append(os.Environ(), "NATS_URL="+o.nats.ClientURL(), "REDIS_URL=redis://"+redistest.Start(t), "NATS_CONTEXT=",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+o.collector.URL, "OTEL_METRIC_EXPORT_INTERVAL=100", "OTEL_BLRP_SCHEDULE_DELAY=50")
	o.must("init", "--partitions", "2")
	o.shop = o.tracers("checkout").Tracer("test")
	o.participate()
	var err error
	if o.client, err = client.New(natstest.Connect(t, o.nats)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.client.Close)
	return o
}

// must runs a command of the program as a process of its own.
func (o *observed) must(args ...string) (stderr string) {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), o.binary, args...)
	cmd.Env = o.variables
	out, err := cmd.CombinedOutput()
	if err != nil {
		o.t.Fatalf("amends %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// serve starts an orchestrator. Delay is how long its spans wait before they
// are exported, in milliseconds.
func (o *observed) serve(delay string) (stderr *watched, kill func()) {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), o.binary, "serve", "--metrics", "127.0.0.1:0", "--http", "127.0.0.1:0")
	stderr = &watched{}
	cmd.Env, cmd.Stderr = append(o.variables, "OTEL_BSP_SCHEDULE_DELAY="+delay), stderr
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	kill = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	o.t.Cleanup(func() {
		kill()
		if o.t.Failed() {
			o.t.Logf("serve:\n%s", stderr.String())
		}
	})
	return stderr, kill
}

// tracers are those of another service, exported to the same collector.
func (o *observed) tracers(service string) trace.TracerProvider {
	o.t.Helper()
	exporter, err := otlptracehttp.New(o.t.Context(), otlptracehttp.WithEndpointURL(o.collector.URL+"/v1/traces"))
	if err != nil {
		o.t.Fatal(err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
	o.t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

// participate runs the three participants. Shipping has no tracer, as if it
// were written with an SDK that makes no spans; it refuses large parcels.
func (o *observed) participate() {
	var list []*participants.Participant
	add := func(name string, tracers trace.TracerProvider) *participants.Participant {
		p := participants.New(natstest.Connect(o.t, o.nats), name, participants.WithLogger(slog.New(slog.DiscardHandler)), participants.WithTracerProvider(tracers))
		list = append(list, p)
		return p
	}
	inventory, payment := add(contract.Inventory, o.tracers(contract.Inventory)), add(contract.Payment, o.tracers(contract.Payment))
	shipping := add(contract.Shipping, noop.NewTracerProvider())
	participants.Handle(inventory, contract.Reserve, func(context.Context, contract.ReserveRequest) (contract.Reservation, error) {
		return contract.Reservation{ID: "R"}, nil
	})
	participants.Handle(inventory, contract.Release, participants.Undo(func(context.Context, contract.ReleaseRequest) error { return nil }))
	participants.Handle(payment, contract.Charge, func(ctx context.Context, r contract.ChargeRequest) (contract.Receipt, error) {
		if r.Order == "half-way" {
			o.waits <- struct{}{}
			select {
			case <-o.gate:
			case <-ctx.Done():
			}
		}
		if r.Order == "id-flaky" && !o.failed.Swap(true) {
			return contract.Receipt{}, errors.New("come back later")
		}
		return contract.Receipt{ID: "C"}, nil
	})
	participants.Handle(payment, contract.Refund, participants.Undo(func(context.Context, contract.RefundRequest) error { return nil }))
	participants.Handle(shipping, contract.Ship, func(_ context.Context, r contract.ShipRequest) (contract.Parcel, error) {
		if r.Units > 1000 {
			return contract.Parcel{}, participants.Refuse(errors.New("parcel too large"))
		}
		return contract.Parcel{ID: "P"}, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, p := range list {
		group.Go(func() {
			if err := p.Run(ctx); err != nil {
				o.t.Errorf("participant: %v", err)
			}
		})
	}
	o.t.Cleanup(func() { cancel(); group.Wait() })
}

// start starts an order in a span of the shop's own.
func (o *observed) start(id string, units int64) client.Handle[placeorder.Order] {
	o.t.Helper()
	ctx, span := o.shop.Start(o.t.Context(), "POST /orders", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	h, err := client.Start(ctx, o.client, placeorder.PlaceOrder, placeorder.Order{
		Number: id, Date: "2026-01-01", Customer: "ann", Country: "SE", Article: "cup", Units: units, Price: 100,
	}, client.ID(id))
	if err != nil {
		o.t.Fatal(err)
	}
	return h
}

// ends waits for a saga's end, and until the collector has its summary.
func (o *observed) ends(h client.Handle[placeorder.Order], want instance.Status) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 30*time.Second)
	defer cancel()
	if end, err := h.Wait(ctx); err != nil || end.Status != want {
		o.t.Fatalf("%s: %v, %v", h.ID(), end.Status, err)
	}
	o.until("the summary of "+h.ID(), func() bool { return strings.Contains(o.collector.Tree(h.ID()), "saga place-order") })
}

func (o *observed) until(what string, ok func() bool) {
	o.t.Helper()
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			o.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// documented compares a tree with the one that the page shows below a heading.
func documented(t *testing.T, below, got string) {
	t.Helper()
	_, rest, ok := strings.Cut(page(t), "<!-- tree: "+below+" -->\n```text\n")
	want, _, _ := strings.Cut(rest, "```\n")
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("docs/observability.md, tree %q (-page +collector):\n%s\nit should be:\n%s", below, diff, got)
	}
}

// What a collector has of sagas, also of one whose orchestrator was killed; and
// that exporting all of it once more changes nothing.
func TestACollectorHasEverySpanOnce(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	_, kill := o.serve("20")
	o.ends(o.start("happy", 1), instance.Completed)
	documented(t, "completed", o.collector.Tree("happy"))
	o.ends(o.start("too-large", 1001), instance.Compensated)
	documented(t, "compensated", o.collector.Tree("too-large"))
	kill()

	// Its spans wait a minute: they are lost with it.
	_, kill = o.serve("60000")
	h := o.start("half-way", 1)
	<-o.waits
	kill()
	if tree := o.collector.Tree("half-way"); strings.Contains(tree, "start.chain") {
		t.Fatalf("the spans were to be lost:\n%s", tree)
	}
	o.serve("20")
	close(o.gate)
	o.ends(h, instance.Completed)
	if diff := cmp.Diff(o.collector.Tree("happy"), o.collector.Tree("half-way")); diff != "" {
		t.Errorf("of a killed orchestrator's saga (-undisturbed +killed):\n%s", diff)
	}

	before, received := o.collector.Spans(), o.collector.Received()
	has(t, o.must("traces", "export", "--since", "1h"), "3 sagas")
	if got := o.collector.Received(); got < received+40 {
		t.Errorf("%d spans were exported again", got-received)
	}
	if diff := cmp.Diff(keys(before), keys(o.collector.Spans())); diff != "" {
		t.Errorf("the export has other spans than the orchestrators:\n%s", diff)
	}
	o.outage()
	t.Run("so it is with the demo, and all in one process", func(t *testing.T) {
		before := o.collector.Spans()
		o.variables = append(o.variables, "NATS_URL=", "REDIS_URL=") // servers of its own
		o.must("demo", "--exit", "--orders", "20", "--http-port", "0", "--dir", t.TempDir())
		count := map[string]int{}
		for key, s := range o.collector.Spans() {
			if _, known := before[key]; !known {
				count[s.Name]++
			}
		}
		const payment = "saga.{p}.{id}.out.payment.chain"
		if n := count["saga place-order"]; n < 10 || n != count["process saga.{p}.{id}.in.start.chain"] {
			t.Errorf("%d summaries: %v", n, count)
		}
		if n := count["process "+payment]; n < 10 || n != count["send "+payment] {
			t.Errorf("payment handled %d commands: %v", n, count)
		}
	})
}

// outage has a saga end while the collector takes nothing. An export says so
// while it lasts, and makes up for it afterwards.
func (o *observed) outage() {
	o.t.Helper()
	o.collector.Refuse(true)
	h := o.start("unseen", 1)
	ctx, cancel := context.WithTimeout(o.t.Context(), 30*time.Second)
	defer cancel()
	if end, err := h.Wait(ctx); err != nil || end.Status != instance.Completed {
		o.t.Fatalf("%v, %v", end.Status, err)
	}
	o.until("its spans to be refused", func() bool { return o.collector.Refused("saga place-order") })
	cmd := exec.CommandContext(ctx, o.binary, "traces", "export", "unseen")
	cmd.Env = o.variables
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "export spans") {
		o.t.Errorf("%v: %s", err, out)
	}
	o.collector.Refuse(false)
	if tree := o.collector.Tree("unseen"); strings.Contains(tree, "amends") {
		o.t.Fatalf("the spans were to be lost:\n%s", tree)
	}
	o.must("traces", "export", "unseen")
	if tree := o.collector.Tree("unseen"); !strings.Contains(tree, "saga place-order") || strings.Count(tree, "link → do ") != 3 {
		o.t.Errorf("after the export:\n%s", tree)
	}
}

func keys[V any](m map[string]V) map[string]bool {
	all := map[string]bool{}
	for key := range maps.Keys(m) {
		all[key] = true
	}
	return all
}
