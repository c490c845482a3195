package redisbarrier

import (
	"context"
	"testing"
)

func TestTurnsAreForgottenWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	turns := turns{waiting: make(map[string]*turn)}
	leave, err := turns.enter(t.Context(), "cup")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.enter(ended, "cup"); err == nil {
		t.Error("two have the turn")
	}
	leave()
	if n := len(turns.waiting); n != 0 {
		t.Errorf("%d names are kept", n)
	}
}
