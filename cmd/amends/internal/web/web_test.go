package web

import (
	"log/slog"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// A reader who takes nothing must not hold what he asked for, for ever; and the
// longest answer, a count of many sagas, must be in time.
func TestEachAnswerHasATimeToBeTakenIn(t *testing.T) {
	t.Parallel()
	v := verbs.New(verbs.Config{Journal: inmem.NewJournal(1), View: inmem.NewView()})
	defer v.Close()
	s, err := Start(Config{Verbs: v, Address: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if d := s.http.WriteTimeout; d <= time.Minute || d > 10*time.Minute {
		t.Errorf("answers may take %v", d)
	}
}
