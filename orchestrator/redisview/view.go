package redisview

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/orchestrator"
)

// DefaultPrefix begins every key, unless WithPrefix says otherwise.
const DefaultPrefix = "amends:"

// A View is a view in one Redis. It may be used by several goroutines.
type View struct {
	rdb    redis.UniversalClient
	prefix string
	log    *slog.Logger
	warned sync.Map // what was said once
}

// An Option changes how a view is opened.
type Option func(*View)

// WithPrefix makes every key begin with prefix instead of DefaultPrefix.
func WithPrefix(prefix string) Option { return func(v *View) { v.prefix = prefix } }

// WithLogger makes the view warn to log of what it cannot check.
func WithLogger(log *slog.Logger) Option { return func(v *View) { v.log = log } }

// Open returns the view that is in rdb, and fails if rdb cannot be reached, is
// too old, may evict keys, or is an AutoPipeliner.
func Open(ctx context.Context, rdb redis.UniversalClient, opts ...Option) (*View, error) {
	v := &View{rdb: rdb, prefix: DefaultPrefix, log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(v)
	}
	// It may still be sending a command whose caller gave up, and then the text
	// of its rows would be that of the next write.
	if _, queues := rdb.(*redis.AutoPipeliner); queues {
		return nil, errors.New("redisview: the client pipelines by itself; give the one that it was made of")
	}
	// A brace would move the hash tag, and the keys into different slots.
	if strings.ContainsAny(v.prefix, "{}") {
		return nil, fmt.Errorf("redisview: prefix %q has a brace, which Redis Cluster would read as a hash tag", v.prefix)
	}
	if err := v.Ping(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

// Partition returns the view of partition p.
func (v *View) Partition(p int) orchestrator.PartitionView {
	key := v.prefix + "{" + strconv.Itoa(p) + "}:"
	return &partition{view: v, meta: key + "meta", rows: key + "rows", timers: key + "timers", index: key + "index"}
}

// Ping reports why Redis cannot be reached, or must not be used.
func (v *View) Ping(ctx context.Context) error {
	cluster, ok := v.rdb.(*redis.ClusterClient)
	if !ok {
		return v.check(ctx, v.rdb)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		return v.check(ctx, node)
	})
}

// check looks at one server. What it is not allowed to look at, it warns of.
func (v *View) check(ctx context.Context, node redis.Cmdable) error {
	if err := node.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("reach Redis: %w", err)
	}
	info, err := node.Info(ctx, "server").Result()
	if err != nil {
		v.warn(ctx, "version", err)
	} else if version := field(info, "redis_version"); !recent(version) {
		return fmt.Errorf("redisview: Redis %s is too old, 7.0 is needed", version)
	}
	config, err := node.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil {
		v.warn(ctx, "eviction policy", err)
		return nil
	}
	if policy := config["maxmemory-policy"]; strings.HasPrefix(policy, "allkeys-") {
		return fmt.Errorf("redisview: Redis has maxmemory-policy %s and would drop rows silently; set it to noeviction", policy)
	}
	return nil
}

func (v *View) warn(ctx context.Context, what string, err error) {
	if _, said := v.warned.LoadOrStore(what, true); !said && !errors.Is(err, context.Canceled) {
		v.log.WarnContext(ctx, "cannot check Redis's "+what, "err", err)
	}
}

// field returns the value of name in an answer to INFO.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// recent reports whether version is 7.0 or later, as far as it can be read.
func recent(version string) bool {
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	return err != nil || n >= 7
}

// A partition is the view of one partition. It remembers nothing but its keys.
type partition struct {
	view                      *View
	meta, rows, timers, index string
}
