package orchestratortest

import (
	"context"
	"errors"
	"time"

	"github.com/amends-io/amends/orchestrator"
)

// A watching is a Watch under way.
type watching struct {
	t      *journalTest
	leases chan orchestrator.Lease
	ended  chan error
	cancel context.CancelFunc
}

func (t *journalTest) watch() *watching {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{t, make(chan orchestrator.Lease, 1<<10), make(chan error, 1), cancel}
	go func() { w.ended <- t.j.Leases().Watch(ctx, func(l orchestrator.Lease) { w.leases <- l }) }()
	return w
}

func (w *watching) next() orchestrator.Lease {
	w.t.Helper()
	select {
	case l := <-w.leases:
		return l
	case err := <-w.ended:
		w.t.Fatalf("Watch ended: %v", err)
	case <-time.After(journalPatience):
		w.t.Fatal("Watch hands nothing out")
	}
	return orchestrator.Lease{}
}

func (w *watching) close() {
	w.t.Helper()
	w.cancel()
	if err := w.end(); !errors.Is(err, context.Canceled) {
		w.t.Errorf("Watch ended with %v, want: %v", err, context.Canceled)
	}
}

func (w *watching) end() error {
	w.t.Helper()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(journalPatience):
		w.t.Fatal("Watch does not end")
		return nil
	}
}

func (t *journalTest) acquire(key, value string) uint64 {
	t.Helper()
	revision, err := t.j.Leases().Acquire(t.Context(), key, []byte(value))
	if err != nil {
		t.Fatalf("acquire %s: %v", key, err)
	}
	return revision
}

func (t *journalTest) taken(what string, err error) {
	t.Helper()
	if !errors.Is(err, orchestrator.ErrTaken) {
		t.Errorf("%s: %v, want: %v", what, err, orchestrator.ErrTaken)
	}
}

// expired watches until key is gone.
func (w *watching) expired(key string) orchestrator.Lease {
	w.t.Helper()
	for {
		if l := w.next(); l.Key == key && l.Value == nil {
			return l
		}
	}
}

// journalLeases is about values that vanish.
var journalLeases = []journalCase{
	{"a lease is taken once", func(t *journalTest) {
		t.acquire("p.0", "one")
		_, err := t.j.Leases().Acquire(t.Context(), "p.0", []byte("two"))
		t.taken("second", err)
		t.acquire("p.1", "two")
	}},
	{"a lease is renewed by its revision alone", func(t *journalTest) {
		l := t.j.Leases()
		first := t.acquire("p.0", "one")
		second, err := l.Renew(t.Context(), "p.0", []byte("one"), first)
		if err != nil || second <= first {
			t.Fatalf("renew = %d, %v; want more than %d", second, err, first)
		}
		_, err = l.Renew(t.Context(), "p.0", []byte("zombie"), first)
		t.taken("renew with the old revision", err)
		_, err = l.Renew(t.Context(), "p.9", []byte("x"), 0)
		t.taken("renew what nobody has", err)
		_, err = l.Renew(t.Context(), "p.9", []byte("x"), second)
		t.taken("renew another key", err)
	}},
	{"a lease is released by its revision alone", func(t *journalTest) {
		l := t.j.Leases()
		revision := t.acquire("p.0", "one")
		t.taken("release with another revision", l.Release(t.Context(), "p.0", revision+1))
		t.taken("release without a revision", l.Release(t.Context(), "p.0", 0))
		if err := l.Release(t.Context(), "p.0", revision); err != nil {
			t.Fatal(err)
		}
		_, err := l.Renew(t.Context(), "p.0", []byte("one"), revision)
		t.taken("renew after the release", err)
		if again := t.acquire("p.0", "two"); again <= revision {
			t.Errorf("the next revision is %d after %d", again, revision)
		}
	}},
	{"a lease that nobody renews expires, and can be taken", func(t *journalTest) {
		w := t.watch()
		revision := t.acquire("p.0", "one")
		w.expired("p.0")
		_, err := t.j.Leases().Renew(t.Context(), "p.0", []byte("one"), revision)
		t.taken("renew after the expiry", err)
		t.taken("release after the expiry", t.j.Leases().Release(t.Context(), "p.0", revision))
		t.acquire("p.0", "two")
		w.expired("p.0")
		t.acquire("p.0", "three")
		w.close()
	}},
	{"a lease lives as long as it is renewed, and not longer", func(t *journalTest) {
		l, w := t.j.Leases(), t.watch()
		revision := t.acquire("p.0", "one")
		began := time.Now()
		var err error
		for time.Since(began) < 2*l.TTL() {
			<-time.After(l.TTL() / 4)
			if revision, err = l.Renew(t.Context(), "p.0", []byte("one"), revision); err != nil {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
		}
		renewed := time.Now()
		w.expired("p.0")
		if lived := time.Since(renewed); lived < l.TTL()/2 || lived > 3*l.TTL() {
			t.Errorf("it lived %v after the last renewal, want about %v", lived, l.TTL())
		}
		w.close()
	}},
	{"a watcher sees all there is, then a mark, then each change", func(t *journalTest) {
		l := t.j.Leases()
		one, two := t.acquire("p.0", "one"), t.acquire("p.1", "two")
		released := t.acquire("p.2", "gone before")
		if err := l.Release(t.Context(), "p.2", released); err != nil {
			t.Fatal(err)
		}
		w := t.watch()
		have := map[string]orchestrator.Lease{}
		for {
			lease := w.next()
			if lease.Key == "" {
				break
			}
			have[lease.Key] = lease
		}
		t.same("before the mark", map[string]orchestrator.Lease{
			"p.0": {Key: "p.0", Value: []byte("one"), Revision: one},
			"p.1": {Key: "p.1", Value: []byte("two"), Revision: two},
		}, have)
		three := t.acquire("p.3", "")
		t.same("taken", orchestrator.Lease{Key: "p.3", Value: []byte{}, Revision: three}, w.next())
		next, err := l.Renew(t.Context(), "p.3", []byte("x"), three)
		if err != nil {
			t.Fatal(err)
		}
		t.same("renewed", orchestrator.Lease{Key: "p.3", Value: []byte("x"), Revision: next}, w.next())
		if err := l.Release(t.Context(), "p.3", next); err != nil {
			t.Fatal(err)
		}
		gone := w.next()
		t.same("released", orchestrator.Lease{Key: "p.3", Revision: gone.Revision}, gone)
		if gone.Revision <= next {
			t.Errorf("its end has the revision %d after %d", gone.Revision, next)
		}
		w.close()
	}},
	{"a watcher of nothing sees the mark at once", func(t *journalTest) {
		w := t.watch()
		t.same("mark", orchestrator.Lease{}, w.next())
		w.close()
	}},
	{"a watcher of leases that are all gone sees the mark", func(t *journalTest) {
		revision := t.acquire("p.0", "one")
		if err := t.j.Leases().Release(t.Context(), "p.0", revision); err != nil {
			t.Fatal(err)
		}
		w := t.watch()
		t.same("mark", orchestrator.Lease{}, w.next())
		w.close()
	}},
	{"a watcher can be interrupted", func(t *journalTest) {
		w := t.watch()
		t.same("mark", orchestrator.Lease{}, w.next())
		t.features.Interrupt(t.T, t.j)
		if err := w.end(); !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Errorf("Watch = %v, want: %v", err, orchestrator.ErrInterrupted)
		}
	}},
	{"of racing bidders one gets the lease", func(t *journalTest) {
		results := make(chan error)
		for range 8 {
			go func() {
				_, err := t.j.Leases().Acquire(t.Context(), "p.0", []byte("x"))
				results <- err
			}()
		}
		won := 0
		for range 8 {
			if err := <-results; err == nil {
				won++
			} else {
				t.taken("loser", err)
			}
		}
		t.same("winners", 1, won)
	}},
}
