package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A Client uses one connection, which stays the caller's. It may be used by
// several goroutines.
type Client struct {
	nc       *nats.Conn
	subjects protocol.Subjects
	leader   leader.API
	timeout  time.Duration // of one request
	every    time.Duration // between two looks at the last link

	feed  *feed
	rows  *rows
	looks chan struct{} // holds a token for each look under way

	mu         sync.Mutex
	closed     bool
	partitions int
	asking     *question           // about the journal, if one is under way
	sender     *pipeline.Publisher // if the journal takes batches
	groups     []*pipeline.Group   // by partition
	valid      map[named]error     // of definitions
}

// Defaults.
const (
	DefaultTimeout = 5 * time.Second
	DefaultEvery   = 3 * time.Second
)

// looksAtOnce bounds how many waiters read at the same time, as after a
// reconnect they all want to.
const looksAtOnce = 64

// An Option changes how a client works.
type Option func(*Client) error

// WithPrefix sets the first token of the journal's subjects, "saga" if not set.
func WithPrefix(prefix string) Option {
	return func(c *Client) error {
		c.subjects.Prefix = prefix
		return protocol.CheckName("prefix", prefix)
	}
}

// WithDomain uses JetStream's domain of that name.
func WithDomain(domain string) Option {
	return func(c *Client) error {
		c.leader.Prefix = "$JS." + domain + ".API."
		return protocol.CheckName("domain", domain)
	}
}

// WithAPIPrefix uses JetStream's API below another prefix than $JS.API.
func WithAPIPrefix(prefix string) Option {
	return func(c *Client) error {
		c.leader.Prefix = strings.TrimSuffix(prefix, ".") + "."
		if strings.ContainsAny(prefix, " \t\r\n*>") || strings.Trim(prefix, ".") == "" {
			return fmt.Errorf("API prefix %q is no subject", protocol.Text(prefix, 80))
		}
		return nil
	}
}

// WithTimeout sets how long one request to the server may take,
// DefaultTimeout if not set. What a call does may need several.
func WithTimeout(d time.Duration) Option {
	return func(c *Client) error {
		c.timeout = d
		return positive("time-out", d)
	}
}

// WithEvery sets how often a saga that is waited for is looked at, in case an
// announcement was lost, and how long the answer to a request is not looked for
// at most: DefaultEvery if not set.
func WithEvery(d time.Duration) Option {
	return func(c *Client) error {
		c.every = d
		return positive("interval", d)
	}
}

func positive(what string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s %v is not positive", what, d)
	}
	return nil
}

// New returns a client that uses nc. It sends nothing yet.
func New(nc *nats.Conn, options ...Option) (*Client, error) {
	if nc == nil {
		return nil, errors.New("client: it needs a connection")
	}
	c := &Client{
		nc: nc, leader: leader.API{Conn: nc, Prefix: jetstream.DefaultAPIPrefix}, timeout: DefaultTimeout, every: DefaultEvery,
		looks: make(chan struct{}, looksAtOnce), valid: make(map[named]error),
	}
	for _, option := range options {
		if err := option(c); err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
	}
	c.leader.Subjects, c.leader.Hint = c.subjects, c.hint
	c.feed, c.rows = newFeed(nc, c.subjects), newRows(nc, c.subjects)
	return c, nil
}

// Close ends what the client does on its connection. Waits that are under way
// go on by looking.
func (c *Client) Close() {
	c.feed.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.sender != nil {
		c.groups = nil // what is asked for later goes without
		c.sender.Close()
	}
}

// group returns what gathers messages for the partition of a subject, or nil if
// the journal takes no batches.
func (c *Client) group(subject string) *pipeline.Group {
	c.mu.Lock()
	groups := c.groups
	c.mu.Unlock()
	if len(groups) == 0 {
		return nil
	}
	a, err := c.subjects.Parse(subject)
	if err != nil || a.Partition >= len(groups) {
		return nil
	}
	return groups[a.Partition]
}

// home checks id, and returns its partition.
func (c *Client) home(ctx context.Context, id string) (int, error) {
	if err := protocol.CheckID(id); err != nil {
		return 0, fmt.Errorf("client: %w", err)
	}
	n, err := c.Partitions(ctx)
	if err != nil {
		return 0, err
	}
	return protocol.Partition(id, n), nil
}

// A named definition is known by its name and version.
type named struct {
	name    string
	version int
}

// validate says everything that is wrong with d. The answer is remembered: a
// definition does not change.
func (c *Client) validate(d sagas.Definition) error {
	key := named{d.Name, d.Version}
	c.mu.Lock()
	defer c.mu.Unlock()
	err, known := c.valid[key]
	if !known {
		err = d.Validate()
		c.valid[key] = err
	}
	return err
}
