package orchestrator

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// Whatever was set, added and removed, the first is the smallest of what is left.
func TestAnAgendaKnowsTheSmallest(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	a, want := newAgenda(), map[string]int64{}
	for n := range 20_000 {
		key, at := strconv.Itoa(r.IntN(1+n%200)), int64(r.IntN(100))
		_, known := want[key]
		switch r.IntN(5) {
		case 0, 1:
			a.set(key, at)
			want[key] = at
		case 2:
			a.add(key, at)
			if !known {
				want[key] = at
			}
		default:
			a.remove(key)
			delete(want, key)
		}
		first, at, ok := a.first()
		if ok != (len(want) > 0) || ok && want[first] != at {
			t.Fatalf("step %d: the first is %q at %d, %v, want one of %v", n, first, at, ok, want)
		}
		for key, other := range want {
			if other < at {
				t.Fatalf("step %d: %s at %d is before the first, %s at %d", n, key, other, first, at)
			}
		}
	}
}

// A herd of timers that is gone leaves no herd of entries behind.
func TestAnAgendaKeepsFewFreeEntries(t *testing.T) {
	t.Parallel()
	a := newAgenda()
	for n := range 3 * maxFree {
		a.set(strconv.Itoa(n), int64(n))
	}
	for n := range 3 * maxFree {
		a.remove(strconv.Itoa(n))
	}
	if _, _, ok := a.first(); ok || len(a.free) != maxFree {
		t.Errorf("%d entries are kept for later, want %d", len(a.free), maxFree)
	}
}

// BenchmarkAgenda is what a saga's inputs cause: each holds the position until
// the link that answers it is stored, and moves the timer.
func BenchmarkAgenda(b *testing.B) {
	const inFlight = 1000
	holds, timers, keys := newAgenda(), newAgenda(), make([]string, 2*inFlight)
	for i := range keys {
		keys[i] = "order-" + strconv.Itoa(i)
	}
	n := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		holds.add(keys[n%int64(len(keys))], n)
		timers.set(keys[n%int64(len(keys))], n/10)
		if n++; n >= inFlight {
			holds.remove(keys[(n-inFlight)%int64(len(keys))])
			if n%4 == 0 {
				timers.remove(keys[(n-inFlight)%int64(len(keys))])
			}
		}
	}
}
