package endtoend_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/sagas"
)

// The README's saga is the one that compiles and runs here.
func TestTheREADMEQuotesTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, quoted, _ := strings.Cut(string(source), "// begin README saga\n")
	quoted, _, ok := strings.Cut(quoted, "\n// end README saga")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !ok || !strings.Contains(string(readme), "```go\n"+quoted+"```\n") {
		t.Errorf("the README's saga is not the example's; it should be:\n%s", quoted)
	}
}

func TestTheREADMEsSagaRuns(t *testing.T) {
	w := newWorld(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	nc := natstest.Connect(t, w.nats)
	journal, err := natsjournal.Open(ctx, nc)
	if err != nil {
		t.Fatal(err)
	}
	view, err := redisview.Open(ctx, w.rdb)
	if err != nil {
		t.Fatal(err)
	}
	airline := participants.New(nc, "airline", participants.WithLogger(quiet()))
	participants.Handle(airline, BookSeat, func(_ context.Context, trip Trip) (Booking, error) {
		if trip.ID == "full" {
			return Booking{}, participants.Refuse(errors.New("no seat is left"))
		}
		return Booking{"seat 12A"}, nil
	})
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 3)
	go func() {
		ended <- orchestrator.Run(running, orchestrator.Config{
			Journal: journal, View: view, Log: quiet(), Definitions: []sagas.Definition{BookTrip.Definition},
		})
	}()
	go func() { ended <- hotel(nc).Run(running) }()
	go func() { ended <- airline.Run(running) }()
	defer func() {
		stop()
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	for id, want := range map[string]string{
		"free": "completed room 7 seat 12A \n",
		"full": "compensated room 7  no seat is left\n",
	} {
		if got := captured(t, func() error { return bookTrip(ctx, nc, id) }); got != want {
			t.Errorf("%s: printed %q, want %q", id, got, want)
		}
	}
}

// captured returns what f prints.
func captured(t *testing.T, f func() error) string {
	t.Helper()
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = out
	err = f()
	os.Stdout = stdout
	out.Close()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
