package redistest_test

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
)

func TestServersAreSeparate(t *testing.T) {
	t.Parallel()
	a, b := redistest.Client(t), redistest.Client(t)
	if err := a.Set(t.Context(), "k", "a", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("the second server knows a key of the first: %v", err)
	}
}

func TestRestartForgetsEverythingAndKeepsTheAddress(t *testing.T) {
	t.Parallel()
	s := redistest.New(t)
	addr, c := s.Addr(), s.Client(t)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	if err := c.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("after the restart: %v, want redis.Nil", err)
	}
	if s.Addr() != addr {
		t.Errorf("the address moved from %s to %s", addr, s.Addr())
	}
	s.Kill()
	if err := c.Ping(t.Context()).Err(); err == nil {
		t.Error("a killed server answers")
	}
}
