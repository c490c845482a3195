package client

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Follow calls news, which must return at once, whenever the view got another
// row of a saga: with the sequence of its last link, and with 0 when something
// may have been missed. It is a hint: the journal says what there is.
func (c *Client) Follow(partition int, id string, news func(sequence uint64)) (stop func(), err error) {
	if err := protocol.CheckID(id); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	f := &follower{news}
	if err := c.rows.join(partition, id, f); err != nil {
		return nil, fmt.Errorf("client: listen to partition %d: %w", partition, err)
	}
	if c.nc.IsConnected() {
		_ = c.nc.FlushTimeout(time.Second) // on an error the next look finds what was missed
	}
	return func() { c.rows.leave(partition, id, f) }, nil
}

// A follower is told of one saga's rows.
type follower struct{ news func(sequence uint64) }

// Rows hears which rows the owners of partitions wrote, over one subscription
// a partition for all who follow one of its sagas. Without them it has none.
type rows struct {
	nc       *nats.Conn
	subjects protocol.Subjects

	mu         sync.Mutex
	partitions map[int]*audience
}

// An audience is who follows sagas of one partition.
type audience struct {
	sub       *nats.Subscription
	followers map[string]map[*follower]bool // by saga
	over      chan struct{}
	ended     chan struct{}
}

func newRows(nc *nats.Conn, subjects protocol.Subjects) *rows {
	return &rows{nc: nc, subjects: subjects, partitions: make(map[int]*audience)}
}

func (r *rows) join(partition int, id string, f *follower) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.partitions[partition]
	if a == nil {
		var err error
		if a, err = r.listen(partition); err != nil {
			return err
		}
		r.partitions[partition] = a
	}
	if a.followers[id] == nil {
		a.followers[id] = make(map[*follower]bool)
	}
	a.followers[id][f] = true
	return nil
}

// leave ends what join began.
func (r *rows) leave(partition int, id string, f *follower) {
	r.mu.Lock()
	a := r.partitions[partition]
	if delete(a.followers[id], f); len(a.followers[id]) == 0 {
		delete(a.followers, id)
	}
	last := len(a.followers) == 0
	if last {
		delete(r.partitions, partition)
	}
	r.mu.Unlock()
	if last {
		_ = a.sub.Unsubscribe() // fails only if the connection is closed
		close(a.over)
		<-a.ended
	}
}

// listen subscribes to one partition. The caller has locked r.
func (r *rows) listen(partition int) (*audience, error) {
	a := &audience{followers: make(map[string]map[*follower]bool), over: make(chan struct{}), ended: make(chan struct{})}
	// Changes are listened to first, so that none between the two is lost.
	changes := r.nc.StatusChanged(nats.CONNECTED)
	var err error
	if a.sub, err = r.nc.Subscribe(r.subjects.Rows(partition), func(m *nats.Msg) { r.heard(a, m.Data) }); err != nil {
		r.nc.RemoveStatusListener(changes)
		return nil, err
	}
	go func() {
		defer close(a.ended)
		defer r.nc.RemoveStatusListener(changes)
		for {
			select {
			case <-a.over:
				return
			case <-changes:
				r.missed(a)
			}
			if r.nc.IsClosed() { // then changes never tell anything again
				return
			}
		}
	}()
	return a, nil
}

// heard tells the followers of the sagas that are named. What cannot be read
// says nothing to anybody.
func (r *rows) heard(a *audience, body []byte) {
	changed, err := orchestrator.Changed(body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, followers := range a.followers {
		if sequence, ok := changed[id]; ok {
			for f := range followers {
				f.news(sequence)
			}
		}
	}
}

// missed tells all followers to look: what was announced while the connection
// was away went to nobody.
func (r *rows) missed(a *audience) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, followers := range a.followers {
		for f := range followers {
			f.news(0)
		}
	}
}
