package natsjournal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of a stream.
const (
	MaxMessagesPerSubject = 16384
	DefaultLeaseTTL       = 2 * time.Second

	duplicateWindow = 100 * time.Millisecond // the least there is: nobody relies on it
	markerTTL       = 5 * time.Second        // how long a watcher can see that a lease expired
)

// MaxPartitions bounds a journal that is made: a server has a file store, and
// each orchestrator and participant a consumer, for every one.
const MaxPartitions = 1024

// ErrNoJournal says that the journal, or a part of it, was not made yet.
var ErrNoJournal = errors.New("there is no journal")

// A Layout says what a journal consists of.
type Layout struct {
	Prefix     string // protocol.DefaultPrefix if empty
	Partitions int
	Replicas   int           // 1 if zero
	LeaseTTL   time.Duration // DefaultLeaseTTL if zero
	// Batches lets whoever has many messages for a stream store them as one
	// atomic batch, which shares one fsync: for a server that syncs always.
	// On any other a single message is faster.
	Batches bool
}

func (l Layout) subjects() protocol.Subjects {
	if l.Prefix == "" {
		l.Prefix = protocol.DefaultPrefix
	}
	return protocol.Subjects{Prefix: l.Prefix}
}

// Streams returns the streams of the partitions, in their order.
func (l Layout) Streams() []jetstream.StreamConfig {
	subjects, configs := l.subjects(), make([]jetstream.StreamConfig, 0, l.Partitions)
	for p := range l.Partitions {
		all := subjects.Partition(p)
		configs = append(configs, jetstream.StreamConfig{
			Name:        subjects.Stream(p),
			Description: "Amends: journal, partition " + strconv.Itoa(p),
			Subjects:    []string{all},
			Storage:     jetstream.FileStorage, Replicas: max(l.Replicas, 1),
			Retention: jetstream.LimitsPolicy, MaxMsgs: -1, MaxBytes: -1, MaxMsgSize: -1, MaxConsumers: -1,
			Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: MaxMessagesPerSubject,
			DenyDelete: true, Duplicates: duplicateWindow, AllowDirect: true, AllowAtomicPublish: l.Batches,
			RePublish: &jetstream.RePublish{Source: subjects.Ends(p), Destination: subjects.FeedOfEnds(p)},
			Metadata: map[string]string{
				protocol.MetadataPartitions: strconv.Itoa(l.Partitions),
				protocol.MetadataPrefix:     subjects.Prefix,
			},
		})
	}
	return configs
}

// Buckets returns the key-value buckets of leases and definitions.
func (l Layout) Buckets() []jetstream.KeyValueConfig {
	ttl := l.LeaseTTL
	if ttl == 0 {
		ttl = DefaultLeaseTTL
	}
	return []jetstream.KeyValueConfig{{
		Bucket:      leaseBucket(l.subjects()),
		Description: "Amends: who owns which partition",
		TTL:         ttl, LimitMarkerTTL: markerTTL,
		Storage: jetstream.FileStorage, Replicas: max(l.Replicas, 1), History: 1,
	}, {
		Bucket:      registryBucket(l.subjects()),
		Description: "Amends: definitions that sagas have begun with",
		Storage:     jetstream.FileStorage, Replicas: max(l.Replicas, 1), History: 1,
	}}
}

func leaseBucket(s protocol.Subjects) string    { return bucket(s, "LEASES") }
func registryBucket(s protocol.Subjects) string { return bucket(s, "DEFINITIONS") }

// bucket names a bucket; journals of other prefixes have their own.
func bucket(s protocol.Subjects, what string) string {
	if s.Prefix == protocol.DefaultPrefix {
		return "AMENDS-" + what
	}
	return "AMENDS-" + strings.ToUpper(s.Prefix) + "-" + what
}

// Create makes what is missing of the journal that l describes. What exists
// stays as it is, and must be as l says. It may be repeated.
func Create(ctx context.Context, nc *nats.Conn, l Layout) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("create journal: %w", err)
	}
	if err := l.create(ctx, js); err != nil {
		return fmt.Errorf("create journal: %w", err)
	}
	return nil
}

// Check says what is wrong with l before anything is asked or made.
func (l Layout) Check() error {
	if l.Partitions < 1 || l.Partitions > MaxPartitions {
		return fmt.Errorf("%d partitions, want 1 to %d", l.Partitions, MaxPartitions)
	}
	return protocol.CheckName("prefix", l.subjects().Prefix)
}

func (l Layout) create(ctx context.Context, js jetstream.JetStream) error {
	if err := l.Check(); err != nil {
		return err
	}
	// All that exists is looked at before anything is made: with another
	// number of partitions nothing is added to a journal that is in use.
	wanted, err := l.missing(ctx, js)
	if err != nil {
		return err
	}
	for _, config := range l.Buckets() {
		if _, err := js.KeyValue(ctx, config.Bucket); err == nil {
			continue
		} else if !errors.Is(err, jetstream.ErrBucketNotFound) {
			return fmt.Errorf("look for bucket %s: %w", config.Bucket, err)
		}
		if _, err := js.CreateKeyValue(ctx, config); err != nil {
			return fmt.Errorf("bucket %s: %w", config.Bucket, err)
		}
	}
	// The first stream is the one that everybody asks for the partition
	// count: made last, it says that the others are there.
	for _, config := range slices.Backward(wanted) {
		if err := createStream(ctx, js, config); err != nil {
			return err
		}
	}
	return nil
}

// missing returns the streams that are not there yet. Those that are must be as
// l says.
func (l Layout) missing(ctx context.Context, js jetstream.JetStream) (configs []jetstream.StreamConfig, err error) {
	for _, config := range l.Streams() {
		existing, err := js.Stream(ctx, config.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			configs = append(configs, config)
		case err != nil:
			return nil, fmt.Errorf("look for stream %s: %w", config.Name, err)
		default:
			if err := check(config, existing.CachedInfo().Config); err != nil {
				return nil, err
			}
		}
	}
	return configs, nil
}

func createStream(ctx context.Context, js jetstream.JetStream, config jetstream.StreamConfig) error {
	made, err := js.CreateStream(ctx, config)
	if err != nil {
		return fmt.Errorf("stream %s: %w", config.Name, err)
	}
	// An older server drops the fields that it does not know.
	return check(config, made.CachedInfo().Config)
}

// missing tells how to make a journal that is not there.
func missing(err error, s protocol.Subjects) error {
	if !errors.Is(err, jetstream.ErrStreamNotFound) && !errors.Is(err, jetstream.ErrBucketNotFound) {
		return err
	}
	command := "amends init --partitions <n> --replicas <n>"
	if s.Prefix != protocol.DefaultPrefix {
		command += " --prefix " + s.Prefix
	}
	return fmt.Errorf("%w with the prefix %q, or it is incomplete (%w); make it with: %s", ErrNoJournal, s.Prefix, err, command)
}
