package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator/client"
)

// A crasher kills the orchestrator at given moments of the run, and starts it
// again. The moments are counted in orders started, so that all of them come
// while orders are under way, however fast those are.
type crasher struct {
	driver  Driver
	client  *client.Client
	fail    func(error)
	moments []moment // that are still to come
	count   atomic.Int64
	hit     []int        // how many sagas were under way at each crash
	sagas   func() int64 // that are under way
}

// A moment is when a crash comes. Between ready and kill only so many orders
// are started that some are under way when it comes.
type moment struct {
	ready int // before this start, the orchestrator has to be at work
	kill  int // before this one, it is killed
}

const (
	burst   = 48 // orders started between the two
	perKill = 4  // orders that each crash needs
)

// newCrasher draws the moments of n crashes among total orders.
func newCrasher(driver Driver, c *client.Client, fail func(error), n, total int, seed uint64) (*crasher, error) {
	if most := total / perKill; n > most {
		return nil, fmt.Errorf("%d crashes among %d orders: at most %d can be told apart; place more with --orders", n, total, most)
	}
	return &crasher{driver: driver, client: c, fail: fail, moments: moments(n, total, seed)}, nil
}

// moments draws one moment of each n-th part of the run.
func moments(n, total int, seed uint64) []moment {
	random := rand.New(rand.NewPCG(seed, 0))
	list := make([]moment, 0, n)
	for i := range n {
		from, to := total*i/n, total*(i+1)/n
		kill := from + 1 + random.IntN(to-from-1) // in (from, to): orders come before and after it
		list = append(list, moment{max(from, kill-burst), kill})
	}
	return list
}

// start starts the first orchestrator, and waits until it is at work.
func (c *crasher) start(ctx context.Context) error {
	if err := c.driver.Start(c.name(), c.fail); err != nil {
		return err
	}
	return c.atWork(ctx)
}

func (c *crasher) name() string { return fmt.Sprintf("demo-%d", c.count.Load()+1) }

// before is called before each start of an order, with how many there were.
func (c *crasher) before(ctx context.Context, started int) error {
	if len(c.moments) == 0 {
		return nil
	}
	if started == c.moments[0].ready {
		if err := c.atWork(ctx); err != nil {
			return err
		}
	}
	if started != c.moments[0].kill {
		return nil
	}
	c.moments = c.moments[1:]
	if err := c.driver.Kill(); err != nil {
		return fmt.Errorf("kill the orchestrator: %w", err)
	}
	c.hit = append(c.hit, int(c.sagas()))
	c.count.Add(1)
	return c.driver.Start(c.name(), c.fail)
}

// startPatience is how long an orchestrator may take to be at work. After a
// crash it has to wait for the lease of the one before it.
const startPatience = time.Minute

// atWork waits until the orchestrator that was started last decides for every
// partition, or others do.
func (c *crasher) atWork(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience,
		fmt.Errorf("the orchestrator was not at work within %v; --verbose shows why", startPatience))
	defer cancel()
	partitions, err := c.client.Partitions(ctx)
	if err != nil {
		return err
	}
	for {
		live, names := 0, []string(nil)
		members, _, err := c.client.Status(ctx)
		for _, m := range members {
			names = append(names, m.Member)
			for _, p := range m.Partitions {
				if p.Live {
					live++
				}
			}
		}
		if err == nil && live == partitions && slices.Contains(names, c.name()) {
			return nil
		}
		if !pause.For(ctx, 10*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}
