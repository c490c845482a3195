package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/amends-io/amends/cmd/amends/internal/shop"
	"github.com/amends-io/amends/sagas/placeorder"
)

// A Check is one thing that has to hold, and whether it does.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Books are what is compared: four accounts of the same orders.
type Books struct {
	Shop    shop.State
	Journal *Journal
	View    map[string]int // sagas by status
	Client  Client
}

// Client is what whoever started the orders knows of them.
type Client struct {
	Started map[string]placeorder.Order
	Ends    map[string]string // Completed, Compensated, or another status
}

// Checks compares the books. The order is from one book alone to all of them.
func (b *Books) Checks() []Check {
	return []Check{
		b.stockConserved(), b.moneyConserved(), b.effectsOnce(), b.ordersWhole(),
		b.sagasEnded(), b.chainsUnbroken(), b.stepsInOrder(),
		b.stockAgrees(), b.moneyAgrees(), b.sameOrders(), b.startsAgree(), b.viewAgrees(),
	}
}

// OK reports whether all of checks hold.
func OK(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return !c.OK })
}

// A finding collects what is wrong with one thing.
type finding struct {
	faults []string
}

func (f *finding) add(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// maxTold is how many faults are told of each check.
const maxTold = 3

// check makes a check of what was found: where nothing was, the detail says
// what was looked at.
func (f *finding) check(name, format string, args ...any) Check {
	if len(f.faults) == 0 {
		return Check{name, true, fmt.Sprintf(format, args...)}
	}
	slices.Sort(f.faults) // maps have no order, and a report should have one
	told := strings.Join(f.faults[:min(len(f.faults), maxTold)], "; ")
	if more := len(f.faults) - maxTold; more > 0 {
		told += fmt.Sprintf("; and %d more", more)
	}
	return Check{name, false, told}
}
