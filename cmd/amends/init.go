package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/orchestrator/natsjournal"
)

func newInit(a *app) *cobra.Command {
	var partitions, replicas int
	var dry, batches bool
	cmd := &cobra.Command{
		Use: "init", Short: "Make the journal's streams",
		Long: `Makes what is missing of the journal: a stream for each partition, and the
buckets of leases and definitions. What exists must be as it should, and stays.
The number of partitions is fixed for good.

With --dry-run it changes nothing, and prints the configurations, for
'nats stream add --config' or whatever else makes your streams.`,
		Example: `  amends init --partitions 8 --replicas 3
  amends init --partitions 8 --replicas 3 --dry-run`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l := natsjournal.Layout{Prefix: a.prefix, Partitions: partitions, Replicas: replicas, Batches: batches}
			if err := l.Check(); err != nil {
				return usage(err)
			}
			if dry {
				return a.plan(l)
			}
			return a.makeJournal(cmd.Context(), l)
		},
	}
	f := cmd.Flags()
	f.IntVar(&partitions, "partitions", 1, "streams to spread sagas over")
	f.IntVar(&replicas, "replicas", 1, "servers that keep each stream: 1, 3 or 5")
	f.BoolVar(&batches, "batches", false, "store many messages as one atomic batch: for servers with sync_interval always, where they share an fsync")
	f.BoolVar(&dry, "dry-run", false, "print what would be made")
	return cmd
}

// plan prints the configurations, each with the command that would use it.
func (a *app) plan(l natsjournal.Layout) error {
	for _, s := range l.Streams() {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		a.note("nats stream add %s --config %s.json   # with this in the file:", s.Name, s.Name)
		if _, err := fmt.Fprintf(a.stdout, "%s\n", text); err != nil {
			return err
		}
	}
	for _, b := range l.Buckets() {
		a.note("nats kv add %s --ttl %v --marker-ttl %v --replicas %d --history 1", b.Bucket, b.TTL, b.LimitMarkerTTL, b.Replicas)
	}
	return nil
}

func (a *app) makeJournal(ctx context.Context, l natsjournal.Layout) error {
	// Not the settings of serve: a person waits for this.
	nc, err := a.dial("amends-init", nil, nats.RetryOnFailedConnect(false), nats.Timeout(a.timeout))
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := natsjournal.Create(ctx, nc, l); err != nil {
		return leader.Denied(nc, err)
	}
	a.note("The journal is there: %d partition(s), %d replica(s). 'amends serve' drives its sagas.", l.Partitions, l.Replicas)
	return nil
}
