package redisview_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// row is that of a running saga with a timer.
func row(id string) orchestrator.Row {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return orchestrator.Row{
		State: instance.State{ID: id, Definition: "order", Version: 1, Status: instance.Running, Tags: map[string]string{"a": "b"}, Run: 1, Started: at, Updated: at},
		Due:   at,
	}
}

func write(generation string, revision uint64, rows ...orchestrator.Row) orchestrator.Write {
	return orchestrator.Write{Generation: generation, Position: orchestrator.Position{Revision: revision, To: 7}, Rows: rows}
}

func exchange(t *testing.T, v orchestrator.View, generation string) orchestrator.Position {
	t.Helper()
	at, err := v.Partition(0).Exchange(t.Context(), generation)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func take(t *testing.T, v orchestrator.View, w orchestrator.Write) {
	t.Helper()
	if err := v.Partition(0).Write(t.Context(), w); err != nil {
		t.Fatal(err)
	}
}

func refuse(t *testing.T, v orchestrator.View, w orchestrator.Write) {
	t.Helper()
	if err := v.Partition(0).Write(t.Context(), w); !errors.Is(err, orchestrator.ErrNotFollowing) {
		t.Fatalf("%v, want ErrNotFollowing", err)
	}
}

func TestServerThatIsKilledAndComesBackEmptyIsNoticed(t *testing.T) {
	t.Parallel()
	s := redistest.New(t)
	v := open(t, s.Client(t))
	exchange(t, v, "a")
	take(t, v, write("a", 1, row("x")))
	s.Kill()
	err := v.Partition(0).Write(t.Context(), write("a", 2, row("y")))
	if err == nil || errors.Is(err, orchestrator.ErrNotFollowing) {
		t.Errorf("while the server is away: %v", err)
	}
	if v.Ping(t.Context()) == nil {
		t.Error("a ping finds nothing wrong with a server that is away")
	}
	s.Restart(t)
	refuse(t, v, write("a", 2, row("y")))
	if at := exchange(t, v, "a"); at != (orchestrator.Position{}) {
		t.Errorf("position %+v", at)
	}
	take(t, v, write("a", 1, row("y")))
}

func TestFailoverToAStaleReplicaIsNoticed(t *testing.T) {
	t.Parallel()
	master, replica := redistest.New(t), redistest.New(t)
	a, b := open(t, master.Client(t)), open(t, replica.Client(t))
	host, port, _ := strings.Cut(master.Addr(), ":")
	b.must(b.rdb.(*redis.Client).ReplicaOf(t.Context(), host, port).Err())

	exchange(t, a, "a")
	take(t, a, write("a", 1, row("x")))
	awaitReplica(t, a.rdb)
	// A replica takes no writes, and that is no reason to forget anything.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := b.Partition(0).Write(ctx, write("a", 2)); err == nil || errors.Is(err, orchestrator.ErrNotFollowing) {
		t.Errorf("a write to a replica: %v", err)
	}

	b.must(b.rdb.(*redis.Client).ReplicaOf(t.Context(), "NO", "ONE").Err())
	take(t, a, write("a", 2, row("y"))) // moves no position
	refuse(t, b, write("a", 3, row("z")))
	if at := exchange(t, b, "b"); at.Revision != 1 || at.To != 7 {
		t.Errorf("position %+v", at)
	}
	refuse(t, b, write("a", 3, row("z")))
	take(t, b, write("b", 2, row("y")))
}

// awaitReplica waits until a replica has everything that was written so far.
func awaitReplica(t *testing.T, master redis.UniversalClient) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		n, err := master.Do(t.Context(), "WAIT", 1, 1000).Int()
		switch {
		case err != nil:
			t.Fatal(err)
		case n == 1:
			return
		case time.Now().After(deadline):
			t.Fatal("the replica does not follow")
		}
	}
}

func TestWriteThatFindsNoMemoryChangesNothing(t *testing.T) {
	t.Parallel()
	v := open(t, redistest.Client(t))
	limit := func(bytes string) { v.must(v.rdb.ConfigSet(t.Context(), "maxmemory", bytes).Err()) }
	exchange(t, v, "a")
	take(t, v, write("a", 1, row("x"), row("y")))
	w := write("a", 2, row("z"))
	w.Deleted = []orchestrator.Row{row("x")}
	limit("1")
	if err := v.Partition(0).Write(t.Context(), w); err == nil || errors.Is(err, orchestrator.ErrNotFollowing) {
		t.Errorf("%v, want that memory is used up", err)
	}
	if at, err := v.Partition(0).Position(t.Context()); at.Revision != 1 || err != nil {
		t.Errorf("position %+v, %v", at, err)
	}
	if states, err := v.Partition(0).States(t.Context(), []string{"x", "y", "z"}); len(states) != 2 || err != nil {
		t.Errorf("%v, %v", states, err)
	}
	if list, err := v.Partition(0).List(t.Context(), orchestrator.Query{Definition: "order"}); len(list.Sagas) != 2 || err != nil {
		t.Errorf("list: %v, %v", list, err)
	}
	limit("0")
	take(t, v, w)
}

func TestOpenRefusesAServerThatEvicts(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	v := open(t, rdb)
	for policy, fine := range map[string]bool{"allkeys-lru": false, "allkeys-random": false, "volatile-lru": true, "noeviction": true} {
		v.must(rdb.ConfigSet(t.Context(), "maxmemory-policy", policy).Err())
		if _, err := redisview.Open(t.Context(), rdb); (err == nil) != fine {
			t.Errorf("open with %s: %v", policy, err)
		}
		if err := v.Ping(t.Context()); (err == nil) != fine {
			t.Errorf("ping with %s: %v", policy, err)
		}
	}
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	s := redistest.New(t)
	for _, prefix := range []string{"a{b", "{x}:", "}"} {
		if _, err := redisview.Open(t.Context(), s.Client(t), redisview.WithPrefix(prefix)); err == nil {
			t.Errorf("prefix %q is taken", prefix)
		}
	}
	for _, make := range []func(redis.UniversalClient) (*redis.AutoPipeliner, error){
		redis.UniversalClient.AutoPipeline, redis.UniversalClient.AsyncAutoPipeline,
	} {
		rdb, err := make(s.Client(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := redisview.Open(t.Context(), rdb); err == nil {
			t.Error("a client that may send what its caller gave up is taken")
		}
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	}
	s.Kill()
	if _, err := redisview.Open(t.Context(), s.Client(t)); err == nil {
		t.Error("a server that is away is taken")
	}
}

func TestPrefixesAreSeparate(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	one, two := open(t, rdb), open(t, rdb, redisview.WithPrefix("two:"))
	exchange(t, one, "a")
	take(t, one, write("a", 1, row("x")))
	if at := exchange(t, two, "b"); at != (orchestrator.Position{}) {
		t.Errorf("position %+v", at)
	}
	take(t, one, write("a", 2))
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 5 {
		t.Errorf("keys %q, %v", keys, err)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, "amends:{0}:") && !strings.HasPrefix(key, "two:{0}:") {
			t.Errorf("key %q", key)
		}
	}
}

func TestViewOfAnotherLayoutIsBegunAnew(t *testing.T) {
	t.Parallel()
	v := open(t, redistest.Client(t))
	exchange(t, v, "a")
	take(t, v, write("a", 1, row("x")))
	v.must(v.rdb.HSet(t.Context(), v.key(0, "meta"), "layout", "0").Err())
	if at, err := v.Partition(0).Position(t.Context()); at != (orchestrator.Position{}) || err != nil {
		t.Errorf("position %+v, %v", at, err)
	}
	if at := exchange(t, v, "a"); at != (orchestrator.Position{}) {
		t.Errorf("position %+v", at)
	}
	if states, err := v.Partition(0).States(t.Context(), []string{"x"}); len(states) != 0 || err != nil {
		t.Errorf("rows are left: %v, %v", states, err)
	}
}

func TestDamagedRowIsNamed(t *testing.T) {
	t.Parallel()
	v := open(t, redistest.Client(t))
	exchange(t, v, "a")
	take(t, v, write("a", 1, row("x")))
	v.must(v.rdb.HSet(t.Context(), v.key(0, "rows"), "x", "{").Err())
	_, states := v.Partition(0).States(t.Context(), []string{"x"})
	_, list := v.Partition(0).List(t.Context(), orchestrator.Query{})
	written := v.Partition(0).Write(t.Context(), write("a", 2, row("x")))
	for _, err := range []error{states, list, written} {
		if err == nil || !strings.Contains(err.Error(), `"x"`) {
			t.Errorf("the error does not name the saga: %v", err)
		}
	}
}

func TestDamagedIndexEntryIsNamed(t *testing.T) {
	t.Parallel()
	v := open(t, redistest.Client(t))
	exchange(t, v, "a")
	for member, query := range map[string]orchestrator.Query{"a|1": {}, "k|order": {Definition: "order"}} {
		v.must(v.rdb.ZAdd(t.Context(), v.key(0, "index"), redis.Z{Member: member}).Err())
		if _, err := v.Partition(0).List(t.Context(), query); err == nil || !strings.Contains(err.Error(), member) {
			t.Errorf("the error does not name the entry %s: %v", member, err)
		}
	}
}

// meanwhile is a hook that calls a function once, before the second command.
type meanwhile struct {
	commands int
	call     func()
}

func (m *meanwhile) DialHook(next redis.DialHook) redis.DialHook { return next }

func (m *meanwhile) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (m *meanwhile) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if m.commands++; m.commands == 2 {
			m.call()
		}
		return next(ctx, cmd)
	}
}

func TestWriteIsRefusedIfTheRowsItReplacesChangedSinceItReadThem(t *testing.T) {
	t.Parallel()
	s := redistest.New(t)
	v, slow := open(t, s.Client(t)), open(t, s.Client(t))
	exchange(t, v, "a")
	take(t, v, write("a", 1, row("x")))
	stuck := row("x")
	stuck.State.Status = instance.Stuck
	over := row("x")
	over.State.Status = instance.Completed
	slow.rdb.AddHook(&meanwhile{call: func() { take(t, v, write("a", 2, stuck)) }})
	refuse(t, slow, write("a", 3, over)) // it read at revision 1
	take(t, v, write("a", 2, stuck))
	take(t, v, write("a", 3, over))
	count, err := v.Partition(0).Count(t.Context())
	if err != nil || len(count) != 1 || orchestrator.ByStatus(count)[instance.Completed] != 1 {
		t.Errorf("count %v, %v", count, err)
	}
}

func TestWriteOfMoreThanRedisTakesIsAnError(t *testing.T) {
	t.Parallel()
	v := open(t, redistest.Client(t))
	exchange(t, v, "a")
	w := write("a", 1)
	w.Deleted = make([]orchestrator.Row, 1<<19)
	for i := range w.Deleted {
		w.Deleted[i].Was = &instance.State{}
	}
	if err := v.Partition(0).Write(t.Context(), w); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("%v", err)
	}
}

func TestLongTextLeavesTheIndexSmall(t *testing.T) {
	t.Parallel()
	v := open(t, redistest.Client(t))
	exchange(t, v, "a")
	r := row("x")
	r.State.Tags = map[string]string{strings.Repeat("k", 1<<20): strings.Repeat("v", 1<<20)}
	take(t, v, write("a", 1, r))
	members, err := v.rdb.ZRange(t.Context(), v.key(0, "index"), 0, -1).Result()
	if err != nil || len(members) != 4 {
		t.Fatalf("%d members, %v", len(members), err)
	}
	for _, m := range members {
		if len(m) > 500 {
			t.Errorf("%.20q… has %d bytes", m, len(m))
		}
	}
}
