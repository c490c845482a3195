package participants_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/pythontest"
	"github.com/amends-io/amends/participants/protocol"
)

// stockCommand asks the participant in Python for units of an article of which
// there are 100.
func stockCommand(id string, d protocol.Direction, attempt int, body string) protocol.Command {
	action := "reserve"
	if d == protocol.Undo {
		action = "release"
	}
	return protocol.Command{
		Saga: id, Definition: "place-order", Version: 1, Participant: "inventory", Action: action,
		Attempt: protocol.Attempt{Run: 7, Step: "reserve-stock", Direction: d, Number: attempt},
		Body:    []byte(body),
	}
}

const threeMugs = `{"order":"o","article":"mug","units":3}`

// Each line of the tables of docs/protocol.md, without the SDK's help.
func TestTheParticipantInPythonKeepsTheTables(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	p := pythontest.Start(t, "..", "inventory", j.server.ClientURL(), t.TempDir())
	ask := func(c protocol.Command, want string) {
		t.Helper()
		j.send(c)
		m := j.message()
		r, err := protocol.ReadReply(protocol.Header(m.Header), m.Data)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSpace(string(r.Outcome) + " " + string(r.Body) + r.Reason)
		if start, cut := strings.CutSuffix(want, "…"); cut && strings.HasPrefix(got, start) {
			got = want // each Python says it in its own words
		}
		if got != want || r.Attempt != c.Attempt || m.Subject != "saga-feed.0."+c.Saga+".in.inventory" {
			t.Errorf("%s: %s to %v at %s, want %s to %v", c.Key(), got, r.Attempt, m.Subject, want, c.Attempt)
		}
	}
	settle := func(c protocol.Command, o protocol.Outcome) protocol.Command { c.Settle = o; return c }
	do, undo := protocol.Do, protocol.Undo

	t.Log("a step, twice, and back, twice")
	ask(stockCommand("o-1", do, 1, threeMugs), `done {"reservation": "R-o"}`)
	ask(stockCommand("o-1", do, 2, threeMugs), `done {"reservation": "R-o"}`)
	ask(stockCommand("o-1", undo, 1, threeMugs), "undone")
	ask(stockCommand("o-1", undo, 2, threeMugs), "undone")
	ask(stockCommand("o-1", do, 3, threeMugs), "rejected too late: the row has undo: undone")
	t.Log("what is undone first is never done")
	ask(stockCommand("o-2", undo, 1, threeMugs), "nothing-to-undo")
	ask(stockCommand("o-2", do, 1, threeMugs), "rejected too late: the row has undo: nothing-to-undo")
	t.Log("what is refused has no effect, and stays refused")
	ask(stockCommand("o-3", do, 1, `{"order":"o","article":"mug","units":101}`), "refused out of stock")
	ask(stockCommand("o-3", do, 2, `{"order":"o","article":"mug","units":101}`), "refused out of stock")
	ask(stockCommand("o-3", undo, 1, threeMugs), "nothing-to-undo")
	t.Log("what cannot be read, and what nobody knows, may be tried again")
	ask(stockCommand("o-4", do, 1, `{"order":`), "failed JSONDecodeError: Expecting value: line 1 column 10 (char 9)")
	ask(stockCommand("o-4", do, 2, `{"order":"o","article":"mug","units":-3}`), "failed ValueError: -3 is no positive number")
	ask(stockCommand("o-4", do, 3, strings.Repeat("[", 100_000)), "failed RecursionError: …")
	strange := stockCommand("o-4", do, 4, threeMugs)
	strange.Action = "teleport"
	ask(strange, "failed do teleport is not known here")
	t.Log("by hand")
	ask(settle(stockCommand("o-5", do, 1, threeMugs), protocol.Done), "done")
	ask(settle(stockCommand("o-5", do, 2, threeMugs), protocol.Done), "done")
	ask(settle(stockCommand("o-5", do, 3, threeMugs), protocol.Undone), "rejected the row has do: done, undo: nothing")
	ask(stockCommand("o-5", do, 1, threeMugs), "done")
	ask(settle(stockCommand("o-6", do, 1, threeMugs), protocol.Undone), "refused settled by hand")
	ask(settle(stockCommand("o-6", undo, 1, threeMugs), protocol.Undone), "undone")
	ask(settle(stockCommand("o-6", undo, 1, threeMugs), protocol.Done), "rejected the row has do: nothing, undo: nothing-to-undo")
	ask(stockCommand("o-6", do, 2, threeMugs), "rejected too late: the row has undo: nothing-to-undo")
	ask(stockCommand("o-7", do, 1, threeMugs), `done {"reservation": "R-o"}`)
	ask(settle(stockCommand("o-7", do, 2, threeMugs), protocol.Done), "rejected the row has do: done, undo: nothing")
	ask(settle(stockCommand("o-7", undo, 1, threeMugs), protocol.Undone), "undone")
	t.Log("all hundred but the three of o-7 are there")
	ask(stockCommand("o-8", do, 1, `{"order":"o","article":"mug","units":97}`), `done {"reservation": "R-o"}`)
	ask(stockCommand("o-9", do, 1, `{"order":"o","article":"mug","units":1}`), "refused out of stock")

	t.Log("what has no answer gets none, and does not come again")
	j.send(stockCommand("o-8", do, 2, threeMugs))
	for header, value := range map[string]string{
		protocol.HeaderStep: "a.b>", protocol.HeaderRun: "-1", protocol.HeaderAttempt: "", protocol.HeaderDirection: "sideways",
		protocol.HeaderAction: "../reserve", protocol.HeaderSettle: "maybe",
	} {
		c, h := stockCommand("o-10", do, 1, threeMugs), make(protocol.Header)
		c.WriteHeader(h)
		h.Set(header, value)
		j.store(c, h)
	}
	ask(stockCommand("o-3", do, 3, `{"order":"o","article":"mug","units":101}`), "rejected too late: the row has undo: nothing-to-undo")
	j.acknowledged("inventory")
	if n := strings.Count(p.Output(), "ALARM: "); n != 7 {
		t.Errorf("%d alarms, want 7", n)
	}
}

func TestTheParticipantInPythonIsShown(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 2)
	pythontest.Start(t, "..", "inventory", j.server.ClientURL(), t.TempDir())
	for _, id := range []string{"order-1", "order-2"} { // one in each partition
		j.send(stockCommand(id, protocol.Do, 1, threeMugs))
		j.reply()
	}
	var stats struct {
		Name, Type string
		Metadata   map[string]string
		Endpoints  []struct{ Data map[string]int }
	}
	eventually(t, "it has counted both", func() bool {
		m, err := j.nc.Request("$SRV.STATS.inventory", nil, 5*time.Second)
		return err == nil && json.Unmarshal(m.Data, &stats) == nil && stats.Endpoints[0].Data["done"] == 2
	})
	if want := "do reserve, undo release"; stats.Metadata["amends-actions"] != want || stats.Metadata["amends-durable"] != "inventory" {
		t.Errorf("metadata %v", stats.Metadata)
	}
}

// Work that is killed takes effect once; work that takes longer than the
// server waits is not delivered to anybody else meanwhile.
func TestTheParticipantInPythonIsKilledAndTakesLong(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 1)
	made, err := j.js.CreateConsumer(context.Background(), "SAGA-0", jetstream.ConsumerConfig{ // an operator's
		Durable: "inventory", FilterSubject: "saga.*.*.out.inventory.chain", AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: 3 * time.Second, MaxDeliver: -1, // a busy machine stands still for a second
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	first := pythontest.Start(t, "..", "inventory", j.server.ClientURL(), dir, "WORK_SECONDS=3600")
	j.send(stockCommand("o-1", protocol.Do, 1, `{"order":"o","article":"mug","units":60}`))
	eventually(t, "the first one works", func() bool {
		info, err := made.Info(context.Background())
		return err == nil && info.NumAckPending == 1
	})
	first.Kill()
	pythontest.Start(t, "..", "inventory", j.server.ClientURL(), dir, "WORK_SECONDS=4.5")
	got := []protocol.Outcome{j.reply().Outcome}
	j.send(stockCommand("o-1", protocol.Do, 2, `{"order":"o","article":"mug","units":60}`)) // the answer is stored
	j.send(stockCommand("o-2", protocol.Do, 1, `{"order":"o","article":"mug","units":60}`)) // 40 are left
	got = append(got, j.reply().Outcome, j.reply().Outcome)
	j.acknowledged("inventory")
	if diff := cmp.Diff([]protocol.Outcome{protocol.Done, protocol.Done, protocol.Refused}, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	info, err := made.Info(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if info.Delivered.Consumer != 4 { // three commands, and again the one whose work was killed
		t.Errorf("%d deliveries, want 4", info.Delivered.Consumer)
	}
}
