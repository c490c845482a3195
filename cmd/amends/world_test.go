package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/natsservice"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// An errand is the data of a saga that is not linked into the command: Refuse
// names the step that is refused, Hold the one that waits.
type errand struct {
	Refuse string `json:"refuse,omitempty"`
	Hold   string `json:"hold,omitempty"`
	Say    string `json:"say,omitempty"` // the reason of a refusal
}

type ask struct {
	Step   string
	Errand errand
}

var (
	fetch   = protocol.NewAction[ask, map[string]string]("runner", "fetch")
	bring   = protocol.NewAction[ask, protocol.None]("runner", "return")
	deliver = protocol.NewAction[ask, protocol.None]("runner", "deliver")
	report  = protocol.NewAction[ask, protocol.None]("runner", "report")

	errands = sagas.Define("errand", 2,
		sagas.Step("fetch", fetch, askFor("fetch"), nil).
			UndoneBy(sagas.By(bring, func(e errand, _ *map[string]string) ask { return ask{"return", e} })),
		sagas.Step("deliver", deliver, askFor("deliver"), nil).Pivot(),
		sagas.Step("report", report, askFor("report"), nil),
	)
)

func askFor(step string) func(errand) ask { return func(e errand) ask { return ask{step, e} } }

// A system is servers with a journal, and what runs on them.
type system struct {
	t         testing.TB
	nc        *nats.Conn
	variables map[string]string
	redis     *miniredis.Miniredis
	journal   *natsjournal.Journal
	view      *redisview.View

	mu   sync.Mutex
	gate chan struct{}
}

// newSystem starts servers, and makes a journal of two partitions by the
// command itself.
func newSystem(t testing.TB) *system {
	t.Helper()
	server := natstest.Start(t)
	store, err := miniredis.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	s := &system{t: t, nc: natstest.Connect(t, server), redis: store, gate: make(chan struct{}), variables: map[string]string{
		"NATS_URL": server.ClientURL(), "REDIS_URL": "redis://" + store.Addr(), "USER": "ann", "HOME": t.TempDir(),
	}}
	s.must("init", "--partitions", "2")
	if s.journal, err = natsjournal.Open(t.Context(), s.nc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.journal.Close)
	rdb, err := redisview.Connect(s.variables["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	if s.view, err = redisview.Open(t.Context(), rdb); err != nil {
		t.Fatal(err)
	}
	return s
}

// drive runs an orchestrator with its service and the runner, until the test
// ends or stop is called.
func (s *system) drive(name string) (stop func()) {
	s.t.Helper()
	log := slog.New(slog.DiscardHandler)
	o, err := orchestrator.New(orchestrator.Config{
		Journal: s.journal, View: s.view, Definitions: []sagas.Definition{errands.Definition}, Name: name, Log: log,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	service, err := natsservice.New(s.nc, natsservice.Config{Journal: s.journal, View: s.view, Orchestrator: o, Log: log, Version: "1.2.3"})
	if err != nil {
		s.t.Fatal(err)
	}
	p := participants.New(s.nc, "runner", participants.WithLogger(log), participants.WithGrace(10*time.Millisecond))
	participants.Handle(p, fetch, func(ctx context.Context, a ask) (map[string]string, error) {
		return map[string]string{"parcel": "P-7"}, s.carryOut(ctx, a)
	})
	participants.Handle(p, bring, participants.Undo(s.carryOut))
	none := func(ctx context.Context, a ask) (protocol.None, error) { return protocol.None{}, s.carryOut(ctx, a) }
	participants.Handle(p, deliver, none)
	participants.Handle(p, report, none)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		if err := errors.Join(o.Run(ctx), service.Stop()); err != nil {
			s.t.Errorf("orchestrator %s: %v", name, err)
		}
	})
	group.Go(func() {
		if err := p.Run(ctx); err != nil {
			s.t.Errorf("participant: %v", err)
		}
	})
	// It registers its definitions before it says that it is there.
	for tick := time.NewTicker(5 * time.Millisecond); len(o.Members()) == 0; <-tick.C {
		if s.t.Context().Err() != nil {
			s.t.Fatal("the orchestrator does not announce itself")
		}
	}
	stop = func() { cancel(); group.Wait() }
	s.t.Cleanup(stop)
	return stop
}

func (s *system) carryOut(ctx context.Context, a ask) error {
	if a.Errand.Hold == a.Step {
		s.mu.Lock()
		gate := s.gate
		s.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
			return participants.InDoubt(ctx.Err())
		}
	}
	if a.Errand.Refuse == a.Step {
		return participants.Refuse(errors.New(a.Errand.Say))
	}
	return nil
}

// A result is what a command has said, and how it ended.
type result struct {
	code           int
	stdout, stderr string
}

// run runs the command in this process.
func (s *system) run(args ...string) result { return s.runWith(s.t.Context(), "", false, args...) }

func (s *system) runWith(ctx context.Context, stdin string, terminal bool, args ...string) result {
	var stdout, stderr watched
	code := run(ctx, env{
		stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr, terminal: terminal,
		getenv: func(name string) string { return s.variables[name] },
	}, args)
	return result{code, stdout.String(), stderr.String()}
}

// must is run for what succeeds, and returns stdout.
func (s *system) must(args ...string) string {
	s.t.Helper()
	return s.ends(exitOK, args...).stdout
}

// ends is run for what ends with that code.
func (s *system) ends(code int, args ...string) result {
	s.t.Helper()
	r := s.run(args...)
	if r.code != code {
		s.t.Fatalf("amends %s: exit code %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	return r
}

// until runs a command until its stdout satisfies ok.
func (s *system) until(ok func(stdout string) bool, args ...string) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		r := s.run(args...)
		if r.code == exitOK && ok(r.stdout) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("amends %s: waited in vain\nstdout: %s\nstderr: %s", strings.Join(args, " "), r.stdout, r.stderr)
		}
	}
}

// objects decodes NDJSON.
func objects(t testing.TB, text string) []map[string]any {
	t.Helper()
	var list []map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	for {
		var o map[string]any
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		list = append(list, o)
	}
}

// has fails unless text contains everything.
func has(t testing.TB, text string, everything ...string) {
	t.Helper()
	for _, want := range everything {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}
