package endtoend_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/internal/pythontest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/orchestrator/redisview"
	"github.com/amends-io/amends/sagas"
	"github.com/amends-io/amends/sagas/placeorder"
)

// Sagas of the sample whose three participants are written in Python, of which
// one is killed and another takes its place.
func TestParticipantsInPythonDriveSagas(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, 2)
	inventory := pythontest.Start(t, "../..", "inventory", w.nats.ClientURL(), dir)
	pythontest.Start(t, "../..", "payment", w.nats.ClientURL(), dir)
	pythontest.Start(t, "../..", "shipping", w.nats.ClientURL(), dir)
	ctx, cancel := context.WithTimeout(t.Context(), 80*time.Second)
	defer cancel()
	journal, err := natsjournal.Open(ctx, natstest.Connect(t, w.nats))
	if err != nil {
		t.Fatal(err)
	}
	view, err := redisview.Open(ctx, w.rdb)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- orchestrator.Run(running, orchestrator.Config{
			Journal: journal, View: view, Log: quiet(), Definitions: []sagas.Definition{placeorder.PlaceOrder.Definition},
		})
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	c := w.client()
	end := func(n int, units int64) string {
		t.Helper()
		id := fmt.Sprintf("o-%d", n)
		order := placeorder.Order{Number: id, Customer: "ann", Article: "mug", Units: units, Price: 12500}
		saga, err := client.Start(ctx, c, placeorder.PlaceOrder, order, client.ID(id))
		if err != nil {
			t.Fatal(err)
		}
		end, err := saga.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(end.Status, " ", end.Value.Parcel, end.Reason)
	}
	for n, want := range []struct {
		units int64
		end   string
	}{
		{60, "compensated parcel too large"},
		{3, "completed P-o-1"},
		{101, "compensated out of stock"},
		{50, "completed P-o-3"}, // what the first order had is back
		{48, "compensated out of stock"},
	} {
		if n == 3 {
			inventory.Kill()
			pythontest.Start(t, "../..", "inventory", w.nats.ClientURL(), dir)
		}
		if got := end(n, want.units); got != want.end {
			t.Errorf("order %d of %d: %s, want %s", n, want.units, got, want.end)
		}
	}
}
