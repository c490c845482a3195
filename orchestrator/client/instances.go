package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of asking who is there: nobody knows how many will answer.
const (
	lastAnswer   = 250 * time.Millisecond // after which nobody more is waited for
	maxInstances = 1000
)

// Instances implements verbs.Fleet: participants that use the SDK register as
// micro services. What they say of themselves is theirs.
func (c *Client) Instances(ctx context.Context) ([]verbs.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	inbox := c.nc.NewInbox()
	answers := make(chan *nats.Msg, maxInstances)
	sub, err := c.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, fmt.Errorf("client: ask for instances: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed
	if err := c.nc.PublishRequest("$SRV.STATS", inbox, nil); err != nil {
		return nil, fmt.Errorf("client: ask for instances: %w", err)
	}
	var list []verbs.Instance
	silence := time.NewTimer(lastAnswer)
	defer silence.Stop()
	for len(list) < maxInstances {
		select {
		case m := <-answers:
			var s micro.Stats
			if json.Unmarshal(m.Data, &s) == nil && s.Metadata["amends-durable"] != "" {
				list = append(list, instanceOf(s))
			}
			silence.Reset(lastAnswer)
		case <-silence.C:
			return list, nil
		case <-ctx.Done():
			return list, nil // those that answered in time
		}
	}
	return list, nil
}

func instanceOf(s micro.Stats) verbs.Instance {
	i := verbs.Instance{
		Participant: protocol.Text(s.Metadata["amends-durable"], protocol.MaxName), ID: protocol.Text(s.ID, protocol.MaxName),
		Version: protocol.Text(s.Version, 64), SDK: protocol.Text(s.Metadata["amends-sdk"], 64), Host: protocol.Text(s.Metadata["amends-host"], protocol.MaxName), Started: s.Started.UTC(),
		Actions: []string{}, Counts: map[string]int64{},
	}
	for action := range strings.SplitSeq(s.Metadata["amends-actions"], ",") {
		if action = protocol.Text(action, 2*protocol.MaxName); action != "" && len(i.Actions) < maxInstances {
			i.Actions = append(i.Actions, action)
		}
	}
	for _, e := range s.Endpoints {
		counts := map[string]int64{}
		if e.Name == "counts" && json.Unmarshal(e.Data, &counts) == nil && len(counts) < 64 {
			i.Counts = counts
		}
	}
	return i
}
