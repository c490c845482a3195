package orchestrator_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// BenchmarkLoop drives sagas of three steps, 256 at a time, with journal and
// view in memory and participants that answer at once: what is left is the
// loop, the core, and what is encoded and decoded for them.
func BenchmarkLoop(b *testing.B) {
	for name, refused := range map[string]bool{"happy": false, "compensate": true} {
		b.Run(name, func(b *testing.B) { benchmarkLoop(b, refused) })
	}
}

func benchmarkLoop(b *testing.B, refused bool) {
	ctx, cancel := context.WithCancel(context.Background())
	journal, subjects := inmem.NewJournal(1), protocol.Subjects{}
	o, err := orchestrator.New(orchestrator.Config{
		Journal: journal, View: inmem.NewView(), Definitions: []sagas.Definition{threeSteps(false)},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	group.Go(func() { _ = o.Run(ctx) })
	publish := func(subject string, h protocol.Header, body string) {
		if _, err := journal.Publish(ctx, subject, h, []byte(body)); err != nil && ctx.Err() == nil {
			b.Error(err)
		}
	}
	for _, name := range []string{"inventory", "payment", "shipping"} {
		group.Go(func() {
			_ = journal.Commands(ctx, name, func(m orchestrator.Message) {
				c, err := protocol.ReadCommand(m.Address, m.Header, m.Body)
				if err != nil {
					b.Error(err)
				}
				r := protocol.Reply{Attempt: c.Attempt, Outcome: protocol.Done, Body: []byte(`{"by":"` + name + `"}`)}
				switch {
				case c.Attempt.Direction == protocol.Undo:
					r.Outcome, r.Body = protocol.Undone, nil
				case refused && name == "shipping":
					r.Outcome, r.Body, r.Reason = protocol.Refused, nil, "too large"
				}
				h := protocol.Header{}
				r.WriteHeader(h)
				publish(subjects.Reply(0, c.Saga, name), h, string(r.Body))
			})
		})
	}
	start := func(n int) {
		id := "o-" + strconv.Itoa(n)
		h := protocol.Header{}
		h.Set(protocol.HeaderDefinition, "order")
		h.Set(protocol.HeaderVersion, "1")
		h.Set(protocol.HeaderExpectedSequence, "0")
		h.Set(protocol.HeaderExpectedSubject, subjects.Chain(0, id))
		publish(subjects.Start(0, id), h, fmt.Sprintf(`{"id":%q,"units":3}`, id))
	}
	ended := make(chan struct{}, 1<<10)
	group.Go(func() {
		_ = journal.Partition(0).Read(ctx, 1, func(m orchestrator.Message) error {
			switch instance.Status(m.Header.Get(protocol.HeaderStatus)) {
			case instance.Completed, instance.Compensated:
				ended <- struct{}{}
			}
			return nil
		})
	})
	b.ReportAllocs()
	const inFlight = 256
	deadline := time.After(5 * time.Minute)
	for n := range b.N + inFlight {
		if n >= inFlight {
			select {
			case <-ended:
			case <-deadline:
				b.Fatal("the sagas do not end")
			}
		}
		if n < b.N {
			start(n)
		}
	}
	b.StopTimer()
}
