package main

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestALoadIsSoManySagas(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var ran []string
	result, err := load{InFlight: 2, Sagas: 3, Tag: "t"}.run(func(_, id string) error {
		mu.Lock()
		defer mu.Unlock()
		ran = append(ran, id)
		return nil
	})
	slices.Sort(ran)
	if err != nil || result.Sagas != 3 || !slices.Equal(ran, []string{"t-00000001", "t-00000002", "t-00000003"}) {
		t.Errorf("%+v, %v: %q", result, err, ran)
	}
}

func TestASagaThatFailsEndsTheLoad(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	if _, err := (load{InFlight: 2, Seconds: 60}).run(func(string, string) error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
}

func TestAPercentileIsASample(t *testing.T) {
	t.Parallel()
	sorted := []time.Duration{1 * time.Millisecond, 2 * time.Millisecond, 30 * time.Millisecond}
	if p50, p99 := percentile(sorted, 50), percentile(sorted, 99); p50 != 2 || p99 != 30 {
		t.Errorf("%v, %v", p50, p99)
	}
}
