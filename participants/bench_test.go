package participants_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/participants/redisbarrier"
)

// BenchmarkCommands is from a command in the journal to its reply there, many
// at a time, with the server in the same process.
func BenchmarkCommands(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		benchmark(b, participants.Do(func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil }))
	})
	b.Run("redisbarrier", func(b *testing.B) {
		rdb := redistest.Client(b)
		benchmark(b, redisbarrier.Do(redisbarrier.New(rdb),
			func(a amount) string { return fmt.Sprint(a.Units % 1000) },
			func(ctx context.Context, tx redisbarrier.Tx, a amount) (receipt, error) {
				tx.Queue(func(p redis.Pipeliner) { p.IncrBy(ctx, fmt.Sprintf("account:{%d}", a.Units%1000), 1) })
				return receipt{"R-1"}, nil
			}))
	})
}

func benchmark(b *testing.B, h participants.Handler[amount, receipt]) {
	j := newJournal(b, 1)
	p := participants.New(j.nc, "payment", silent())
	participants.Handle(p, charge, h)
	for n := range b.N {
		c := command(fmt.Sprint("order-", n), protocol.Do, 1, fmt.Sprintf(`{"units":%d}`, n))
		header := make(protocol.Header)
		c.WriteHeader(header)
		msg := &nats.Msg{Subject: j.subject.Link(0, c.Saga, c.Participant), Header: nats.Header(header), Data: c.Body}
		if _, err := j.js.PublishMsgAsync(msg); err != nil {
			b.Fatal(err)
		}
	}
	<-j.js.PublishAsyncComplete()
	b.ResetTimer()
	b.ReportAllocs()
	stop := j.run(p)
	for range b.N { // the feed loses nothing as long as its channel is not full
		j.message()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
	if err := stop(); err != nil {
		b.Fatal(err)
	}
}
