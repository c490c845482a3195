package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/participants/protocol"
)

// The bare pipeline moves the messages of a real saga through the same streams
// and the same consumers, and knows nothing: no state, no conditions, no Redis.
// What it does faster than sagas is what being a saga costs.

// A score is what the bare pipeline plays again and again: the start and the
// links of a saga that ran. The replies are the participants' own.
type score struct {
	Start note            `json:"start"`
	Links map[string]note `json:"links"` // by whose message they follow: a participant's, or of "" the start's
}

// A note is one message of a score.
type note struct {
	Name   string          `json:"name"` // of the participant whose command it is, or protocol.NoOne
	Header protocol.Header `json:"header"`
	Body   []byte          `json:"body"`
}

// newScore writes down the history of a saga, in its order.
func newScore(history []orchestrator.Message) (*score, error) {
	s := &score{Links: make(map[string]note)}
	var after *string
	for _, m := range history {
		n := note{Name: m.Address.Name, Header: unconditional(m.Header), Body: m.Body}
		switch {
		case m.Address.Kind == protocol.KindStart:
			s.Start, after = n, new(string)
		case m.Address.Kind == protocol.KindReply:
			after = &m.Address.Name
		case m.Address.Kind == protocol.KindLink && after != nil:
			s.Links[*after], after = n, nil
		default:
			return nil, fmt.Errorf("message %d of the saga to play again is out of turn", m.Sequence)
		}
	}
	if len(s.Links) != len(participantNames)+1 {
		return nil, fmt.Errorf("the saga to play again has %d links", len(s.Links))
	}
	return s, nil
}

const headerPadding = "Bench-Padding"

// unconditional returns h without its condition, and as long as before.
func unconditional(h protocol.Header) protocol.Header {
	h = maps.Clone(h)
	const perLine = len(": \r\n")
	size := -len(headerPadding) - perLine
	for _, name := range []string{protocol.HeaderExpectedSequence, protocol.HeaderExpectedSubject} {
		size += len(name) + perLine + len(h.Get(name))
		delete(h, name)
	}
	h.Set(headerPadding, strings.Repeat("x", max(size, 0)))
	return h
}

// openBareOrchestrator reads the journal as an orchestrator does, and answers
// each input with the message that follows it in the score.
func (w *worker) openBareOrchestrator(ctx context.Context, s setup, nc *nats.Conn, fail func(error)) error {
	journal, err := natsjournal.Open(ctx, nc, natsjournal.WithPrefix(s.Prefix))
	if err != nil {
		return err
	}
	before := w.close
	w.close = func() { journal.Close(); before() }
	p, subjects := journal.Partition(0), journal.Subjects()
	stored := func(_ uint64, err error) {
		if err != nil {
			fail(err)
		}
	}
	handle := func(m orchestrator.Message) error {
		d, err := s.Score.next(subjects, m, time.Now().Truncate(time.Millisecond))
		if err != nil || d.Subject == "" {
			return err
		}
		p.Append(d, stored)
		return nil
	}
	w.background(ctx, fail, func(ctx context.Context) error { return p.ReadInputs(ctx, 1, handle) })
	return nil
}

// next is the message that follows m; none, if m is no input.
func (s *score) next(subjects protocol.Subjects, m orchestrator.Message, now time.Time) (orchestrator.Draft, error) {
	id, run, after := m.Address.ID, strconv.FormatUint(m.Sequence, 10), ""
	switch m.Address.Kind {
	case protocol.KindStart:
	case protocol.KindReply:
		run, after = m.Header.Get(protocol.HeaderRun), m.Address.Name
		if o := m.Header.Get(protocol.HeaderOutcome); o != string(protocol.Done) {
			return orchestrator.Draft{}, fmt.Errorf("%s answered %s", m.Address.Name, o)
		}
	default:
		return orchestrator.Draft{}, nil
	}
	n := s.Links[after]
	h := maps.Clone(n.Header)
	h.Set(protocol.HeaderRun, run)
	h.Set(protocol.HeaderRead, strconv.FormatUint(m.Sequence, 10))
	h.Set(protocol.HeaderTime, protocol.FormatTime(now))
	if n.Name != protocol.NoOne {
		step := h.Get(protocol.HeaderStep)
		h.Set(protocol.HeaderKey, id+"/"+run+"/"+step+"/"+h.Get(protocol.HeaderDirection))
		h.Set(protocol.HeaderDue, protocol.FormatTime(now.Add(30*time.Second)))
	}
	return orchestrator.Draft{Subject: subjects.Link(0, id, n.Name), Header: h, Body: n.Body}, nil
}

// openBareClient publishes starts and hears of the ends, as a client does.
func (w *worker) openBareClient(s setup, nc *nats.Conn) error {
	c := &bareClient{nc: nc, subjects: protocol.Subjects{Prefix: s.Prefix}, start: s.Score.Start, waiting: make(map[string]chan struct{})}
	ends := c.subjects.Feed(strings.Replace(c.subjects.Link(0, "*", protocol.NoOne), ".0.", ".*.", 1))
	if _, err := nc.Subscribe(ends, c.ended); err != nil {
		return err
	}
	w.load = func(ctx context.Context, l load) (loaded, error) { return l.run(ctx, c.run) }
	return nil
}

type bareClient struct {
	nc       *nats.Conn
	subjects protocol.Subjects
	start    note

	mu      sync.Mutex
	waiting map[string]chan struct{} // by id
}

func (c *bareClient) run(ctx context.Context, _, id string) error {
	end := make(chan struct{})
	c.mu.Lock()
	c.waiting[id] = end
	c.mu.Unlock()
	m := &nats.Msg{Subject: c.subjects.Start(0, id), Header: nats.Header(maps.Clone(c.start.Header)), Data: c.start.Body}
	ack, err := c.nc.RequestMsgWithContext(ctx, m)
	switch {
	case err != nil:
		return fmt.Errorf("start %s: %w", id, err)
	case strings.Contains(string(ack.Data), `"error"`):
		return errors.New("start " + id + ": " + string(ack.Data))
	}
	select {
	case <-end:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", id, context.Cause(ctx))
	}
}

func (c *bareClient) ended(m *nats.Msg) {
	// <prefix>-feed.<partition>.<id>.…
	parts := strings.SplitN(m.Subject, ".", 4)
	if len(parts) < 4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if end, ok := c.waiting[parts[2]]; ok {
		close(end)
		delete(c.waiting, parts[2])
	}
}
