// Package demo places real orders by sagas, and proves what became of them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/amends-io/amends/cmd/amends/internal/orders"
	"github.com/amends-io/amends/cmd/amends/internal/reconcile"
	"github.com/amends-io/amends/cmd/amends/internal/shop"
	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas/placeorder"
)

// Config says what is placed, where, and what happens on the way.
type Config struct {
	World
	Rows     []orders.Row
	InFlight int // sagas at a time; 256 if zero
	Driver   Driver
	Crashes  int
	Seed     uint64 // of the moments of the crashes
	Log      *slog.Logger
	Progress func(done, of, crashes int) // called now and then; may be nil
}

// A Driver runs the orchestrator.
type Driver interface {
	// Start starts a member of that name. What ends it before it is stopped
	// or killed is told to fail.
	Start(name string, fail func(error)) error
	// Kill ends it as SIGKILL does, and returns when it is gone.
	Kill() error
	// Stop ends it gracefully.
	Stop() error
}

// DefaultInFlight is how many orders are under way at a time.
const DefaultInFlight = 256

// A Demo has placed its orders. Its participants and its orchestrator go on
// until it is closed.
type Demo struct {
	cfg    Config
	shop   *shop.Shop
	client *client.Client
	placer *placer
	crash  *crasher
	close  []func() error
	failed chan error
}

// Run places the orders, and returns when each saga is over or stuck.
func Run(ctx context.Context, cfg Config) (_ *Demo, err error) {
	if cfg.InFlight == 0 {
		cfg.InFlight = DefaultInFlight
	}
	d := &Demo{cfg: cfg, failed: make(chan error, 8)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	done := make(chan struct{})
	defer close(done)
	go func() { // what ends in the background ends the demo
		select {
		case err := <-d.failed:
			fail(err)
		case <-done:
		}
	}()
	if err := d.crash.start(ctx); err != nil {
		return nil, err
	}
	stop := d.progress()
	defer stop()
	return d, d.placer.place(ctx, cfg.Rows)
}

// Failed tells what ended in the background although it should not have.
func (d *Demo) Failed() <-chan error { return d.failed }

func (d *Demo) fail(err error) {
	select {
	case d.failed <- err:
	default: // the first few are enough
	}
}

// prepare does all that comes before the first order.
func (d *Demo) prepare(ctx context.Context) (err error) {
	cfg := d.cfg
	if err := cfg.CreateJournal(ctx, 1, placeorder.PlaceOrder.Participants()...); err != nil {
		return err
	}
	if d.client, err = client.New(cfg.NC, client.WithPrefix(cfg.Prefix)); err != nil {
		return err
	}
	d.close = append(d.close, func() error { d.client.Close(); return nil })

	distinct := distinct(cfg.Rows)
	work, rest := context.WithCancel(context.WithoutCancel(ctx))
	shop, group, err := cfg.open(work, distinct, cfg.Log, d.fail)
	if err != nil {
		rest()
		return err
	}
	d.shop = shop
	d.close = append(d.close, func() error { rest(); group.Wait(); return nil })

	d.crash, err = newCrasher(cfg.Driver, d.client, d.fail, cfg.Crashes, len(distinct), cfg.Seed)
	if err != nil {
		return err
	}
	d.close = append(d.close, cfg.Driver.Stop)
	d.placer = newPlacer(d.client, cfg.InFlight, d.crash.before)
	d.crash.sagas = d.placer.underWay.Load
	return nil
}

// Close ends what goes on. It may be called again.
func (d *Demo) Close() error {
	var errs []error
	for len(d.close) > 0 {
		last := len(d.close) - 1
		errs = append(errs, d.close[last]())
		d.close = d.close[:last]
	}
	return errors.Join(errs...)
}

// distinct returns the first order of each number.
func distinct(rows []orders.Row) []placeorder.Order {
	var list []placeorder.Order
	seen := make(map[string]bool)
	for _, r := range rows {
		if r.Reason() == "" && !seen[r.Number] {
			seen[r.Number] = true
			list = append(list, r.Order())
		}
	}
	return list
}

// progress tells how far the orders are, until it is stopped.
func (d *Demo) progress() (stop func()) {
	if d.cfg.Progress == nil {
		return func() {}
	}
	tell := func() { d.cfg.Progress(int(d.placer.settled.Load()), len(d.cfg.Rows), int(d.crash.count.Load())) }
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				tell()
			case <-done:
				tell()
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// Books collects what everybody knows of the orders.
func (d *Demo) Books(ctx context.Context) (*reconcile.Books, error) {
	state, err := d.shop.Read(ctx)
	if err != nil {
		return nil, err
	}
	journal, err := reconcile.ReadJournal(ctx, d.cfg.NC, protocol.Subjects{Prefix: d.cfg.Prefix})
	if err != nil {
		return nil, err
	}
	view, err := d.view(ctx, len(d.placer.started))
	if err != nil {
		return nil, err
	}
	b := &reconcile.Books{Shop: state, Journal: journal, View: view, Client: reconcile.Client{
		Started: d.placer.started, Ends: make(map[string]string),
	}}
	for id, status := range d.placer.ends {
		b.Client.Ends[id] = string(status)
	}
	return b, nil
}

// viewPatience is how long the view's last rows may take to be written.
const viewPatience = 5 * time.Second

// view counts the view's sagas. Its owner writes a little behind the journal,
// so the counts may need a moment until all ends are among them.
func (d *Demo) view(ctx context.Context, want int) (map[string]int, error) {
	view, err := redisview.Open(ctx, d.cfg.Redis, redisview.WithPrefix(KeyPrefix(d.cfg.Prefix)))
	if err != nil {
		return nil, err
	}
	partitions, err := d.client.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(viewPatience); ; {
		counts := make(map[string]int)
		for p := range partitions {
			classes, err := view.Partition(p).Count(ctx)
			if err != nil {
				return nil, fmt.Errorf("count the view: %w", err)
			}
			for _, c := range classes {
				counts[string(c.Status)] += c.Sagas
			}
		}
		if counts[reconcile.Completed]+counts[reconcile.Compensated] >= want || time.Now().After(end) {
			return counts, nil
		}
		if !pause.For(ctx, 20*time.Millisecond) {
			return nil, context.Cause(ctx)
		}
	}
}
