package redisbarrier_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/participantstest"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/participants/redisbarrier"
)

type (
	ReserveRequest struct {
		SKU   string `json:"sku"`
		Units int64  `json:"units"`
	}
	Reservation struct {
		Units int64 `json:"units"`
	}
)

var (
	Reserve = protocol.NewAction[ReserveRequest, Reservation]("inventory", "reserve")
	Release = protocol.NewAction[ReserveRequest, protocol.None]("inventory", "release")
)

func stockOf(sku string) string { return "stock:{" + sku + "}" }

func bySKU(r ReserveRequest) string { return r.SKU }

func reserve(ctx context.Context, tx redisbarrier.Tx, r ReserveRequest) (Reservation, error) {
	stock, err := tx.Get(ctx, stockOf(r.SKU)).Int64()
	switch {
	case err != nil && !errors.Is(err, redis.Nil):
		return Reservation{}, err
	case stock < r.Units:
		return Reservation{}, participants.Refuse(fmt.Errorf("%d left", stock))
	}
	tx.Queue(func(p redis.Pipeliner) { p.DecrBy(ctx, stockOf(r.SKU), r.Units) })
	return Reservation{Units: r.Units}, nil
}

func release(ctx context.Context, tx redisbarrier.Tx, r ReserveRequest, done *Reservation) error {
	units := r.Units
	if done != nil { // known, unless the reservation was settled by hand
		units = done.Units
	}
	tx.Queue(func(p redis.Pipeliner) { p.IncrBy(ctx, stockOf(r.SKU), units) })
	return nil
}

// The effect and the barrier are one transaction: what comes twice, too late or
// in the wrong order takes effect once, or not at all.
func TestReserveAndRelease(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	defer rdb.Close()
	rdb.Set(t.Context(), stockOf("cup"), 5, 0)
	b := redisbarrier.New(rdb)
	p := participants.New(nil, "inventory")
	participants.Handle(p, Reserve, redisbarrier.Do(b, bySKU, reserve))
	participants.Handle(p, Release, redisbarrier.Undo(b, bySKU, release))

	saga := participantstest.New(t, p)
	cups := ReserveRequest{SKU: "cup", Units: 2}
	first := participantstest.Output[Reservation](t, saga.Do(Reserve, cups))
	again := participantstest.Output[Reservation](t, saga.Do(Reserve, cups))
	if first != again || first.Units != 2 {
		t.Errorf("reserved %v, then %v", first, again)
	}
	if left := rdb.Get(t.Context(), stockOf("cup")).Val(); left != "3" {
		t.Errorf("%s left, want 3", left)
	}
	if r := participantstest.New(t, p).Do(Reserve, ReserveRequest{SKU: "cup", Units: 4}); r.Outcome != protocol.Refused || r.Reason != "3 left" {
		t.Errorf("four more: %s (%s)", r.Outcome, r.Reason)
	}
	if r := saga.Undo(Release, cups); r.Outcome != protocol.Undone {
		t.Errorf("release: %s (%s)", r.Outcome, r.Reason)
	}
	if r := saga.Do(Reserve, cups); r.Outcome != protocol.Rejected {
		t.Errorf("reserve after release: %s", r.Outcome)
	}
	if left := rdb.Get(t.Context(), stockOf("cup")).Val(); left != "5" {
		t.Errorf("%s left, want 5", left)
	}
}
