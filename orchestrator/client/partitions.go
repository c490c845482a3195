package client

import (
	"context"
	"fmt"

	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/participants/protocol"
)

// A question is one request about the journal, whose answer does for everybody
// who wants to know meanwhile.
type question struct {
	answered chan struct{} // closed when the rest is written
	n        int
	err      error
	gaveUp   bool // who asked did not wait for the answer
}

// Partitions is how many partitions the journal has, which never changes.
// Callers of one moment share a request: a service may begin with a thousand
// sagas at once, and the server would answer a thousand times.
func (c *Client) Partitions(ctx context.Context) (int, error) {
	for {
		n, q, first := c.asked()
		if q == nil {
			return n, nil
		}
		if first {
			n, err := c.learn(ctx)
			c.mu.Lock()
			c.asking = nil
			c.mu.Unlock()
			q.n, q.err, q.gaveUp = n, err, ctx.Err() != nil
			close(q.answered)
			return n, err
		}
		select {
		case <-q.answered:
		case <-ctx.Done():
			return 0, fmt.Errorf("client: look for the journal: %w", ctx.Err())
		}
		// That somebody else's context ended says nothing about the journal.
		if q.err == nil || !q.gaveUp {
			return q.n, q.err
		}
	}
}

// asked returns the answer if it is known, else the question that is under way,
// and whether it is the caller who has to ask it.
func (c *Client) asked() (n int, q *question, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.partitions > 0 {
		return c.partitions, nil, false
	}
	if first = c.asking == nil; first {
		c.asking = &question{answered: make(chan struct{})}
	}
	return 0, c.asking, first
}

// learn asks the journal what there is to know before anything is sent.
func (c *Client) learn(ctx context.Context) (int, error) {
	config, err := c.stream(ctx, c.subjects.Stream(0))
	if err != nil {
		return 0, err
	}
	n, err := protocol.Partitions(config.Metadata)
	if err != nil {
		return 0, fmt.Errorf("client: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if config.AllowAtomicPublish && c.sender == nil && !c.closed {
		if c.sender, err = pipeline.New(c.nc, c.timeout); err != nil {
			return 0, fmt.Errorf("client: %w", err)
		}
		for range n {
			c.groups = append(c.groups, pipeline.NewGroup(c.sender))
		}
	}
	c.partitions = n
	return n, nil
}
