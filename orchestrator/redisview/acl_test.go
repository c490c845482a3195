package redisview_test

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// rules returns the rules for a user that the package's documentation gives.
func rules(t *testing.T) []string {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "ACL SETUSER amends ")
	text, _, _ = strings.Cut(text, "//\n")
	rules := strings.Fields(strings.ReplaceAll(text, "//", ""))
	if !slices.Contains(rules, "+evalsha") {
		t.Fatalf("rules: %q", rules)
	}
	return rules
}

// clusterRules returns those that a cluster needs besides.
func clusterRules(t *testing.T) []string {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(doc), "A cluster also needs ")
	text, _, _ = strings.Cut(text, ".")
	if !found {
		t.Fatal("no rules for a cluster")
	}
	return strings.Fields(text)
}

// as returns a client of a user with those rules.
func as(t *testing.T, admin redis.UniversalClient, user string, rules []string) redis.UniversalClient {
	t.Helper()
	args := []any{"ACL", "SETUSER", user}
	for _, rule := range rules {
		args = append(args, rule)
	}
	if err := admin.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	return connect(t, "redis://"+user+":secret@"+admin.(*redis.Client).Options().Addr)
}

func connect(t *testing.T, address string) redis.UniversalClient {
	t.Helper()
	client, err := redisview.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestViewWithTheRightsThatAreDocumented(t *testing.T) {
	t.Parallel()
	orchestratortest.TestView(t, func(t *testing.T) orchestratortest.FragileView {
		admin := redistest.Client(t)
		v := open(t, as(t, admin, "amends", rules(t)))
		v.rdb = admin // who damages it
		return v
	})
}

func TestEachRightThatIsDocumentedIsNeeded(t *testing.T) {
	t.Parallel()
	admin := redistest.Client(t)
	optional := []string{"+info", "+config|get"}
	for i, rule := range rules(t) {
		if !strings.HasPrefix(rule, "+") || slices.Contains(optional, rule) {
			continue
		}
		if err := admin.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if err := admin.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		without := slices.DeleteFunc(rules(t), func(r string) bool { return r == rule })
		if err := everything(t, as(t, admin, "u"+strconv.Itoa(i), without)); err == nil {
			t.Errorf("all works without %s", rule)
		}
	}
	for i, rule := range optional {
		without := slices.DeleteFunc(rules(t), func(r string) bool { return r == rule })
		if err := everything(t, as(t, admin, "u"+strconv.Itoa(i), without)); err != nil {
			t.Errorf("without %s: %v", rule, err)
		}
	}
}

func TestEachRightThatIsDocumentedForAClusterIsNeeded(t *testing.T) {
	t.Parallel()
	addr := startCluster(t)
	admin := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = admin.Close() })
	all := append(rules(t), clusterRules(t)...)
	as(t, admin, "all", all)
	if err := everything(t, connect(t, "redis+cluster://all:secret@"+addr)); err != nil {
		t.Errorf("with all rights: %v", err)
	}
	for i, rule := range clusterRules(t) {
		if rule == "+command" {
			continue // without it go-redis guesses right, and complains
		}
		user := "u" + strconv.Itoa(i)
		as(t, admin, user, slices.DeleteFunc(slices.Clone(all), func(r string) bool { return r == rule }))
		if err := everything(t, connect(t, "redis+cluster://"+user+":secret@"+addr)); err == nil {
			t.Errorf("all works without %s", rule)
		}
	}
}

// everything calls each method of a view.
func everything(t *testing.T, rdb redis.UniversalClient) error {
	t.Helper()
	ctx := t.Context()
	v, err := redisview.Open(ctx, rdb)
	if err != nil {
		return err
	}
	p := v.Partition(0)
	_, err = p.Exchange(ctx, "a")
	deletes := write("a", 3)
	deletes.Deleted = []orchestrator.Row{row("x")}
	for _, w := range []orchestrator.Write{write("a", 1, row("x"), row("y")), write("a", 2, row("x")), deletes} {
		err = errors.Join(err, p.Write(ctx, w))
	}
	_, e1 := p.Position(ctx)
	_, e2 := p.States(ctx, []string{"y"})
	_, e3 := p.List(ctx, orchestrator.Query{Tag: "a=b", Definition: "order"})
	_, e4 := p.Count(ctx)
	e5 := p.Timers(ctx, func(string, time.Time) {})
	return errors.Join(err, e1, e2, e3, e4, e5, p.Forget(ctx), v.Ping(ctx))
}

func TestWriteThatFailsHalfwayCountsAsALoss(t *testing.T) {
	t.Parallel()
	admin := redistest.Client(t)
	good := rules(t)
	v := open(t, as(t, admin, "amends", good))
	exchange(t, v, "a")
	take(t, v, write("a", 1, row("x")))
	bad := slices.DeleteFunc(slices.Clone(good), func(r string) bool { return r == "+zadd" })
	half := open(t, as(t, admin, "half", bad))
	if err := half.Partition(0).Write(t.Context(), write("a", 2, row("x"))); err == nil || errors.Is(err, orchestrator.ErrNotFollowing) {
		t.Errorf("%v, want that ZADD is not allowed", err)
	}
	refuse(t, v, write("a", 2, row("x")))
	refuse(t, v, write("a", 3, row("x")))
	if at := exchange(t, v, "a"); at != (orchestrator.Position{}) {
		t.Errorf("position %+v", at)
	}
}
