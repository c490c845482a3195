package shop

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/redisbarrier"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

func (s *Shop) reserveTag(r contract.ReserveRequest) string { return s.tag(r.Article) }
func (s *Shop) releaseTag(r contract.ReleaseRequest) string { return s.tag(r.Article) }
func (s *Shop) chargeTag(r contract.ChargeRequest) string   { return s.tag(r.Customer) }
func (s *Shop) refundTag(r contract.RefundRequest) string   { return s.tag(r.Customer) }
func (s *Shop) shipTag(r contract.ShipRequest) string       { return s.tag(r.Order) }

func (s *Shop) reserve(ctx context.Context, tx redisbarrier.Tx, r contract.ReserveRequest) (contract.Reservation, error) {
	stock := s.key(kindStock, r.Article)
	left, err := left(ctx, tx, stock)
	switch {
	case err != nil:
		return contract.Reservation{}, err
	case left < r.Units:
		return contract.Reservation{}, participants.Refuse(
			fmt.Errorf("%w: %d units of %s are asked for, %d are left", ErrOutOfStock, r.Units, r.Article, left))
	}
	take(ctx, tx, stock, s.key(kindReservation, r.Article, r.Order), r.Units)
	return contract.Reservation{ID: "R-" + r.Order}, nil
}

func (s *Shop) release(ctx context.Context, tx redisbarrier.Tx, r contract.ReleaseRequest, _ *contract.Reservation) error {
	give(ctx, tx, s.key(kindStock, r.Article), s.key(kindReservation, r.Article, r.Order), r.Units)
	return nil
}

func (s *Shop) charge(ctx context.Context, tx redisbarrier.Tx, r contract.ChargeRequest) (contract.Receipt, error) {
	account := s.key(kindAccount, r.Customer)
	left, err := left(ctx, tx, account)
	switch {
	case err != nil:
		return contract.Receipt{}, err
	case left < int64(r.Amount):
		return contract.Receipt{}, participants.Refuse(
			fmt.Errorf("%w: customer %s has %v left, the order comes to %v", ErrCredit, r.Customer, contract.Money(left), r.Amount))
	}
	take(ctx, tx, account, s.key(kindCharge, r.Customer, r.Order), int64(r.Amount))
	return contract.Receipt{ID: "P-" + r.Order}, nil
}

func (s *Shop) refund(ctx context.Context, tx redisbarrier.Tx, r contract.RefundRequest, _ *contract.Receipt) error {
	give(ctx, tx, s.key(kindAccount, r.Customer), s.key(kindCharge, r.Customer, r.Order), int64(r.Amount))
	return nil
}

func (s *Shop) ship(ctx context.Context, tx redisbarrier.Tx, r contract.ShipRequest) (contract.Parcel, error) {
	if r.Units > MaxParcel {
		return contract.Parcel{}, participants.Refuse(
			fmt.Errorf("%w: %d units to %s, at most %d go together", ErrTooLarge, r.Units, r.Country, MaxParcel))
	}
	tx.Queue(func(p redis.Pipeliner) { count(ctx, p, s.key(kindParcel, r.Order, r.Order), r.Units, fieldDone) })
	return contract.Parcel{ID: "S-" + r.Order}, nil
}

// left reads what is left of stock or credit: nothing, of what nobody knows.
func left(ctx context.Context, tx redisbarrier.Tx, key string) (int64, error) {
	n, err := tx.HGet(ctx, key, fieldLeft).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return n, err
}

// take moves n from what is left to an order's own.
func take(ctx context.Context, tx redisbarrier.Tx, from, own string, n int64) {
	tx.Queue(func(p redis.Pipeliner) {
		p.HIncrBy(ctx, from, fieldLeft, -n)
		count(ctx, p, own, n, fieldDone)
	})
}

// give moves n back.
func give(ctx context.Context, tx redisbarrier.Tx, to, own string, n int64) {
	tx.Queue(func(p redis.Pipeliner) {
		p.HIncrBy(ctx, to, fieldLeft, n)
		count(ctx, p, own, -n, fieldUndone)
	})
}

func count(ctx context.Context, p redis.Pipeliner, own string, n int64, what string) {
	p.HIncrBy(ctx, own, fieldNet, n)
	p.HIncrBy(ctx, own, what, 1)
}
