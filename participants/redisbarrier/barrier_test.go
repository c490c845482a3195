package redisbarrier_test

import (
	"context"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/participantstest"
	"github.com/amends-io/amends/participants/redisbarrier"
)

func TestBarrierOnRedis(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	participantstest.TestBarrier(t, func(t *testing.T) participantstest.Bank {
		return newBank(server.Client(t), t.Name())
	})
}

func TestBarrierOnMiniredis(t *testing.T) {
	t.Parallel()
	participantstest.TestBarrier(t, func(t *testing.T) participantstest.Bank {
		return newBank(redistest.Dial(t, miniredis.RunT(t).Addr()), "")
	})
}

// A bank keeps each account in one key. Its tags begin with a name, so that
// banks can share a server.
type bank struct {
	rdb  redis.UniversalClient
	name string
}

func newBank(rdb redis.UniversalClient, name string) *bank {
	return &bank{rdb, strings.NewReplacer("{", "(", "}", ")").Replace(name)}
}

func (b *bank) tag(r participantstest.Amount) string { return b.name + r.Account }
func (b *bank) key(account string) string            { return "balance:{" + b.name + account + "}" }

func (b *bank) Register(p *participants.Participant, script *participantstest.Script) {
	barrier := redisbarrier.New(b.rdb) // of its own: one that is shared would hide races behind its turns
	participants.Handle(p, participantstest.Debit, redisbarrier.Do(barrier, b.tag,
		func(ctx context.Context, tx redisbarrier.Tx, r participantstest.Amount) (participantstest.Receipt, error) {
			balance, err := tx.Get(ctx, b.key(r.Account)).Int64()
			if err != nil {
				return participantstest.Receipt{}, err
			}
			receipt, err := script.Debit(ctx, r, balance)
			tx.Queue(func(p redis.Pipeliner) { p.Set(ctx, b.key(r.Account), balance-r.Units, 0) })
			return receipt, err
		}))
	participants.Handle(p, participantstest.Refund, redisbarrier.Undo(barrier, b.tag,
		func(ctx context.Context, tx redisbarrier.Tx, r participantstest.Amount, done *participantstest.Receipt) error {
			err := script.Refund(ctx, r, done)
			tx.Queue(func(p redis.Pipeliner) { p.IncrBy(ctx, b.key(r.Account), r.Units) })
			return err
		}))
}

func (b *bank) Balance(t testing.TB, account string) int64 {
	t.Helper()
	n, err := b.rdb.Get(t.Context(), b.key(account)).Int64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *bank) SetBalance(t testing.TB, account string, units int64) {
	t.Helper()
	if err := b.rdb.Set(t.Context(), b.key(account), units, 0).Err(); err != nil {
		t.Fatal(err)
	}
}
