// Package shop is what the demo's orders are placed with: three participants,
// whose stock, accounts and parcels are in Redis, behind a barrier. Each has a
// rule by which orders turn back.
//
//	inventory  out of stock          nothing is undone
//	payment    credit limit reached  the reservation is released
//	shipping   parcel too large      the charge is refunded, the reservation released
//
// Keys, below a namespace of the demo's own, with the barrier's tag in braces:
//
//	shop:stock:{ns/article}              hash  initial, left
//	shop:reservation:{ns/article}:order  hash  net, done, undone
//	shop:account:{ns/customer}           hash  initial, left
//	shop:charge:{ns/customer}:order      hash  net, done, undone
//	shop:parcel:{ns/order}:order         hash  net, done
//
// Every effect counts itself, so that one that came twice is seen although the
// barrier's row says once.
package shop

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/participants/redisbarrier"
	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// Fields of the hashes.
const (
	fieldInitial = "initial"
	fieldLeft    = "left"
	fieldNet     = "net"
	fieldDone    = "done"
	fieldUndone  = "undone"
)

// A Shop is the state of the three participants.
type Shop struct {
	rdb     redis.UniversalClient
	ns      string
	barrier *redisbarrier.Barrier
}

// New returns the shop whose keys are below the namespace ns, which is checked
// like a saga's id. Two demos on one Redis need two of them: the barrier's rows
// of one would answer the other's commands.
func New(rdb redis.UniversalClient, ns string) (*Shop, error) {
	if err := protocol.CheckID(ns); err != nil {
		return nil, fmt.Errorf("the shop's namespace: %w", err)
	}
	return &Shop{rdb: rdb, ns: ns, barrier: redisbarrier.New(rdb)}, nil
}

// tag is the barrier's tag for what is known by name. What a step does and what
// undoes it have the same.
func (s *Shop) tag(name string) string { return s.ns + "/" + name }

// key is the key of kind's state of name, and of one order's part in it.
func (s *Shop) key(kind, name string, order ...string) string {
	key := "shop:" + kind + ":{" + s.tag(name) + "}"
	for _, o := range order {
		key += ":" + o
	}
	return key
}

// Kinds of keys.
const (
	kindStock       = "stock"
	kindReservation = "reservation"
	kindAccount     = "account"
	kindCharge      = "charge"
	kindParcel      = "parcel"
)

// Fill lays goods in and grants credit for orders, as far as the rules do.
// It comes before the first order, and sets everything anew.
func (s *Shop) Fill(ctx context.Context, orders []placeorder.Order) error {
	stock, credit := Plan(orders)
	const batch = 1000
	pipe := s.rdb.Pipeline()
	fill := func(key string, n int64) error {
		pipe.HSet(ctx, key, fieldInitial, n, fieldLeft, n)
		if pipe.Len() < batch {
			return nil
		}
		_, err := pipe.Exec(ctx)
		return err
	}
	var errs []error
	for article, units := range stock {
		errs = append(errs, fill(s.key(kindStock, article), units))
	}
	for customer, limit := range credit {
		errs = append(errs, fill(s.key(kindAccount, customer), int64(limit)))
	}
	_, err := pipe.Exec(ctx)
	if err := errors.Join(append(errs, err)...); err != nil {
		return fmt.Errorf("fill the shop: %w", err)
	}
	return nil
}

// Participants returns the three of them, ready to run on nc.
func (s *Shop) Participants(nc *nats.Conn, options ...participants.Option) []*participants.Participant {
	inventory := participants.New(nc, contract.Inventory, options...)
	participants.Handle(inventory, contract.Reserve, redisbarrier.Do(s.barrier, s.reserveTag, s.reserve))
	participants.Handle(inventory, contract.Release, redisbarrier.Undo(s.barrier, s.releaseTag, s.release))
	payment := participants.New(nc, contract.Payment, options...)
	participants.Handle(payment, contract.Charge, redisbarrier.Do(s.barrier, s.chargeTag, s.charge))
	participants.Handle(payment, contract.Refund, redisbarrier.Undo(s.barrier, s.refundTag, s.refund))
	shipping := participants.New(nc, contract.Shipping, options...)
	participants.Handle(shipping, contract.Ship, redisbarrier.Do(s.barrier, s.shipTag, s.ship))
	return []*participants.Participant{inventory, payment, shipping}
}
