package pause_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amends-io/amends/internal/pause"
)

func TestAPauseIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, want := range []bool{true, false, false} {
			began := time.Now()
			if got := pause.For(ctx, 40*time.Second); got != want {
				t.Errorf("it goes on: %t, want %t", got, want)
			}
			if waited := time.Since(began); want != (waited == 40*time.Second) {
				t.Errorf("it waited %s", waited)
			}
		}
	})
}
