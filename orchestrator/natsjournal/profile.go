package natsjournal

import (
	"context"
	"fmt"
)

// A Profile says what an acknowledgement of the journal buys.
type Profile struct {
	Replicas   int    // the fewest of any partition
	Server     string // version of the one that this connection is to
	APILevel   int
	Partitions int
	// Sync is when the servers write to disk what they acknowledged. Only a
	// server's own administrator can see it, so it is SyncUnknown.
	Sync string
}

// SyncUnknown says that the connection's account cannot see sync_interval.
const SyncUnknown = "unknown"

// String is one line for a log.
func (p Profile) String() string {
	return fmt.Sprintf("%d partitions, %d replicas, sync_interval %s, nats-server %s (API level %d)",
		p.Partitions, p.Replicas, p.Sync, p.Server, p.APILevel)
}

// Profile asks the servers for the journal's profile.
func (j *Journal) Profile(ctx context.Context) (Profile, error) {
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	account, err := j.js.AccountInfo(ctx)
	if err != nil {
		return Profile{}, fmt.Errorf("durability profile: %w", err)
	}
	p := Profile{
		Server: j.nc.ConnectedServerVersion(), APILevel: account.API.Level,
		Partitions: len(j.streams), Sync: SyncUnknown,
	}
	for _, s := range j.streams {
		info, err := j.info(ctx, s.name)
		if err != nil {
			return Profile{}, fmt.Errorf("durability profile: %w", err)
		}
		if replicas := info.Config.Replicas; p.Replicas == 0 || replicas < p.Replicas {
			p.Replicas = replicas
		}
	}
	return p, nil
}
