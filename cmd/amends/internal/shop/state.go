package shop

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// A State is everything that the participants keep: what the reconciliation
// looks at.
type State struct {
	Stock    map[string]Balance // by article, in units
	Accounts map[string]Balance // by customer, in ten-thousandths of a pound

	Reservations, Charges, Parcels map[string]Effect // by order

	Rows map[Step]Row // of the barriers

	Odd []string // keys that make no sense
}

// A Balance is what there was and what is left of it.
type Balance struct{ Initial, Left int64 }

// An Effect is one order's part in a participant's state.
type Effect struct {
	Of           string // the article, the customer, or the order itself
	Net          int64  // units or money that the order has at the end
	Done, Undone int    // how often
}

// A Step is a step of one run of an order.
type Step struct {
	Order, Step string
	Run         uint64
}

// A Row is what a barrier knows of a step.
type Row struct{ Do, Undo string }

// Read reads the state. It is meant for a shop that is at rest: what changes
// meanwhile may be seen half.
func (s *Shop) Read(ctx context.Context) (State, error) {
	st := State{
		Stock: make(map[string]Balance), Accounts: make(map[string]Balance),
		Reservations: make(map[string]Effect), Charges: make(map[string]Effect), Parcels: make(map[string]Effect),
		Rows: make(map[Step]Row),
	}
	for _, pattern := range []string{"shop:*:{" + s.ns + "/*", "amends-barrier:{" + s.ns + "/*"} {
		err := s.scan(ctx, pattern, func(key string, hash map[string]string) { st.add(key, hash) })
		if err != nil {
			return State{}, fmt.Errorf("read the shop: %w", err)
		}
	}
	return st, nil
}

// scan calls handle with every hash whose key matches, one at a time.
func (s *Shop) scan(ctx context.Context, pattern string, handle func(string, map[string]string)) error {
	cluster, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		return scanNode(ctx, s.rdb, pattern, handle)
	}
	var mu sync.Mutex // masters are scanned side by side
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		return scanNode(ctx, node, pattern, func(key string, hash map[string]string) {
			mu.Lock()
			defer mu.Unlock()
			handle(key, hash)
		})
	})
}

func scanNode(ctx context.Context, node redis.Cmdable, pattern string, handle func(string, map[string]string)) error {
	const batch = 1000
	seen := make(map[string]bool) // a scan may return a key twice
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, pattern, batch).Result()
		if err != nil {
			return err
		}
		for len(keys) > 0 { // miniredis returns all of them at once
			n := min(len(keys), batch)
			if err := readHashes(ctx, node, keys[:n], seen, handle); err != nil {
				return err
			}
			keys = keys[n:]
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func readHashes(ctx context.Context, node redis.Cmdable, keys []string, seen map[string]bool, handle func(string, map[string]string)) error {
	hashes := make(map[string]*redis.MapStringStringCmd, len(keys))
	_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			if !seen[key] {
				seen[key] = true
				hashes[key] = p.HGetAll(ctx, key)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, hash := range hashes {
		handle(key, hash.Val())
	}
	return nil
}

// add puts one hash where it belongs.
func (st *State) add(key string, hash map[string]string) {
	head, rest, _ := strings.Cut(key, ":{")
	tag, tail, _ := strings.Cut(rest, "}")
	_, name, _ := strings.Cut(tag, "/")
	order := strings.TrimPrefix(tail, ":")
	var ok bool
	switch kind := strings.TrimPrefix(head, "shop:"); kind {
	case kindStock:
		st.Stock[name], ok = balance(hash)
	case kindAccount:
		st.Accounts[name], ok = balance(hash)
	case kindReservation:
		ok = addEffect(st.Reservations, order, name, hash)
	case kindCharge:
		ok = addEffect(st.Charges, order, name, hash)
	case kindParcel:
		ok = addEffect(st.Parcels, order, name, hash)
	case "amends-barrier":
		ok = st.addRow(order, hash)
	default:
		ok = false
	}
	if !ok {
		st.Odd = append(st.Odd, key)
	}
}

func balance(hash map[string]string) (Balance, bool) {
	initial, err1 := strconv.ParseInt(hash[fieldInitial], 10, 64)
	left, err2 := strconv.ParseInt(hash[fieldLeft], 10, 64)
	return Balance{initial, left}, err1 == nil && err2 == nil
}

// addEffect fails on a second effect of an order, as on two articles.
func addEffect(effects map[string]Effect, order, of string, hash map[string]string) bool {
	net, err1 := strconv.ParseInt(hash[fieldNet], 10, 64)
	done, err2 := strconv.Atoi("0" + hash[fieldDone]) // absent is never
	undone, err3 := strconv.Atoi("0" + hash[fieldUndone])
	_, before := effects[order]
	effects[order] = Effect{of, net, done, undone}
	return !before && err1 == nil && err2 == nil && err3 == nil
}

func (st *State) addRow(rest string, hash map[string]string) bool {
	parts := strings.Split(rest, ":")
	if len(parts) != 3 {
		return false
	}
	run, err := strconv.ParseUint(parts[1], 10, 64)
	step := Step{Order: parts[0], Step: parts[2], Run: run}
	_, before := st.Rows[step] // two tags: undone elsewhere than done
	st.Rows[step] = Row{Do: hash["do"], Undo: hash["undo"]}
	return err == nil && !before
}
