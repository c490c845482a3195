package natsjournal_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/participants/protocol"
)

// typical returns the n-th link of a kind that the orchestrator appends.
func typical(j *natsjournal.Journal, n int) orchestrator.Draft {
	id := fmt.Sprintf("order-%08d", n)
	return orchestrator.Draft{
		Subject: j.Subjects().Link(0, id, "payment"),
		Chain:   j.Subjects().Chain(0, id),
		Body:    []byte(`{"order":"order-00000001","amount":4200,"currency":"EUR"}`),
		Header: protocol.Header{
			protocol.HeaderDefinition: {"place-order"}, protocol.HeaderVersion: {"1"}, protocol.HeaderRun: {"17"},
			protocol.HeaderDecision: {"0199a3c0b6b27d0fb0f3"}, protocol.HeaderRead: {"18"},
			protocol.HeaderEvents: {`[{"ActionRequested":{"attempt":{"Run":17,"Step":"charge","Direction":"do","Number":1}}}]`},
			protocol.HeaderStep:   {"charge"}, protocol.HeaderDirection: {"do"}, protocol.HeaderAttempt: {"1"},
			protocol.HeaderAction: {"charge"}, protocol.HeaderKey: {id + "/17/charge/do"},
		},
	}
}

// window is how many appends are under way at once.
const window = 256

// fill appends n messages through append, which calls done for each.
func fill(b *testing.B, j *natsjournal.Journal, n int, append func(orchestrator.Draft, func(error))) {
	b.Helper()
	slots := make(chan struct{}, window)
	var under sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		under.Add(1)
		append(typical(j, i), func(err error) {
			if err != nil {
				b.Error(err)
			}
			<-slots
			under.Done()
		})
	}
	under.Wait()
}

func BenchmarkAppend(b *testing.B) {
	b.Run("own publisher", func(b *testing.B) {
		j, _ := open(b, natstest.Start(b))
		p := j.Partition(0)
		b.ReportAllocs()
		b.ResetTimer()
		fill(b, j, b.N, func(d orchestrator.Draft, done func(error)) {
			p.Append(d, func(_ uint64, err error) { done(err) })
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	})
	// What the own publisher is measured against.
	b.Run("jetstream.PublishMsgAsync", func(b *testing.B) {
		j, nc := open(b, natstest.Start(b))
		js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(2*window))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		fill(b, j, b.N, func(d orchestrator.Draft, done func(error)) {
			future, err := js.PublishMsgAsync(&nats.Msg{Subject: d.Subject, Header: nats.Header(d.Header), Data: d.Body},
				jetstream.WithExpectLastSequenceForSubject(d.Expect, d.Chain))
			if err != nil {
				done(err)
				return
			}
			go func() {
				select {
				case <-future.Ok():
					done(nil)
				case err := <-future.Err():
					done(err)
				}
			}()
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	})
}

func BenchmarkRead(b *testing.B) {
	j, nc := open(b, natstest.Start(b))
	p := j.Partition(0)
	const stored = 50_000
	fill(b, j, stored, func(d orchestrator.Draft, done func(error)) {
		p.Append(d, func(_ uint64, err error) { done(err) })
	})
	rate := func(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s") }
	b.Run("Read", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; n < b.N; {
			err := p.Read(b.Context(), 1, func(m orchestrator.Message) error {
				if n++; n == b.N || m.Sequence == stored {
					return errEnough
				}
				return nil
			})
			if !isEnough(err) {
				b.Fatal(err)
			}
		}
		rate(b)
	})
	// What it is measured against.
	b.Run("jetstream.OrderedConsumer", func(b *testing.B) {
		js, err := jetstream.New(nc)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for n := 0; n < b.N; {
			c, err := js.OrderedConsumer(b.Context(), j.Subjects().Stream(0), jetstream.OrderedConsumerConfig{})
			if err != nil {
				b.Fatal(err)
			}
			it, err := c.Messages(jetstream.PullMaxMessages(2000))
			if err != nil {
				b.Fatal(err)
			}
			for {
				m, err := it.Next()
				if err != nil {
					b.Fatal(err)
				}
				meta, err := m.Metadata()
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == b.N || meta.Sequence.Stream == stored {
					break
				}
			}
			it.Stop()
		}
		rate(b)
	})
}

// BenchmarkHistory reads histories of eight messages among 160,000. What a
// history costs depends on how far apart its messages lie, as the server looks
// through what lies between them.
func BenchmarkHistory(b *testing.B) {
	for _, layout := range []struct {
		name  string
		apart int // how many sagas run at the same time
	}{{"close", 500}, {"spread over everything", 20_000}} {
		b.Run(layout.name, func(b *testing.B) { benchmarkHistory(b, layout.apart) })
	}
}

func benchmarkHistory(b *testing.B, apart int) {
	j, _ := open(b, natstest.Start(b))
	p := j.Partition(0)
	const sagas, links = 20_000, 8
	id := func(n int) string { return fmt.Sprintf("order-%08d", n%sagas) }
	for first := 0; first < sagas; first += apart {
		for range links {
			n := first
			fill(b, j, apart, func(d orchestrator.Draft, done func(error)) {
				d.Subject, d.Chain = j.Subjects().Reply(0, id(n), "payment"), ""
				n++
				p.Append(d, func(_ uint64, err error) { done(err) })
			})
		}
	}
	b.Run("History", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n += 7919 {
			if found, err := p.History(b.Context(), id(n), 0); err != nil || len(found) != links {
				b.Fatal(len(found), err)
			}
		}
	})
	b.Run("Get", func(b *testing.B) {
		for n := uint64(0); b.Loop(); n += 7919 {
			if _, err := p.Get(b.Context(), n%(sagas*links)+1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
