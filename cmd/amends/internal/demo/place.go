package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amends-io/amends/cmd/amends/internal/orders"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/sagas/placeorder"
)

// Repeated is why a row is not started that says what a row before it said.
const Repeated orders.Reason = "the same order again"

// A placer places orders, and keeps what became of each row.
type placer struct {
	client   *client.Client
	inFlight int
	before   func(ctx context.Context, started int) error // called before each start, with how many there were

	settled    atomic.Int64 // rows of which it is known what became of them
	underWay   atomic.Int64 // sagas that were started and have not ended
	mu         sync.Mutex
	notStarted map[orders.Reason]int
	conflicts  int
	started    map[string]placeorder.Order
	ends       map[string]instance.Status
	first      time.Time
	last       time.Time
}

func newPlacer(c *client.Client, inFlight int, before func(context.Context, int) error) *placer {
	return &placer{
		client: c, inFlight: inFlight, before: before,
		notStarted: make(map[orders.Reason]int), started: make(map[string]placeorder.Order), ends: make(map[string]instance.Status),
	}
}

// place places all rows, inFlight of them at a time, and returns when each saga
// is over or stuck.
func (p *placer) place(ctx context.Context, rows []orders.Row) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var group sync.WaitGroup
	slots := make(chan struct{}, p.inFlight)
	stored := make(map[string]chan struct{}) // by number: closed when the start was answered
	p.first = time.Now()
	for i, n := 0, 0; i < len(rows) && ctx.Err() == nil; i++ {
		row := rows[i]
		if reason := row.Reason(); reason != "" {
			p.refuse(reason)
			continue
		}
		if err := p.before(ctx, n); err != nil {
			fail(err)
			break
		}
		n++
		earlier := stored[row.Number]
		if earlier != nil {
			<-earlier // of two with one number the first row is the order
		}
		done := make(chan struct{})
		stored[row.Number] = done
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := p.one(ctx, row.Order(), earlier != nil, done); err != nil {
				fail(fmt.Errorf("order %s, line %d: %w", row.Number, row.Line, err))
			}
		})
	}
	group.Wait()
	p.last = time.Now()
	return context.Cause(ctx)
}

// one places one order, whose number may have come before. It closes stored
// when its start was answered.
func (p *placer) one(ctx context.Context, order placeorder.Order, again bool, stored chan<- struct{}) error {
	saga, err := p.start(ctx, order)
	close(stored)
	switch {
	case errors.Is(err, client.ErrConflict):
		p.mu.Lock()
		p.conflicts++
		p.mu.Unlock()
		p.settled.Add(1)
		return nil
	case err != nil:
		return err
	case again && saga.Existed():
		p.refuse(Repeated)
		return nil
	}
	p.mu.Lock()
	p.started[order.Number] = order
	p.mu.Unlock()
	p.underWay.Add(1)
	end, err := saga.Wait(ctx, client.StatusOnly())
	p.underWay.Add(-1)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.ends[order.Number] = end.Status
	p.mu.Unlock()
	p.settled.Add(1)
	return nil
}

// start starts an order. Where nobody knows whether it was stored, the same
// start settles it, and then finds itself.
func (p *placer) start(ctx context.Context, order placeorder.Order) (client.Saga, error) {
	for {
		h, err := client.Start(ctx, p.client, placeorder.PlaceOrder, order, client.ID(order.Number),
			client.Tag("customer", order.Customer), client.Tag("country", order.Country))
		if !errors.Is(err, client.ErrInDoubt) || ctx.Err() != nil {
			return h.Saga, err
		}
	}
}

func (p *placer) refuse(reason orders.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notStarted[reason]++
	p.settled.Add(1)
}
