package generate

import (
	"time"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// patience is how long a step waits for its answer: what is left under way
// stays so for as long as anybody looks at it.
const patience = 30 * 24 * time.Hour

// Names of the steps.
const (
	stepReserve = "reserve"
	stepCharge  = "charge"
	stepVet     = "vet"
	stepShip    = "ship"
	stepNotify  = "notify"
)

// Participants that nobody is, so that nobody carries out what was made up.
const (
	stock   = "generated-stock"
	bank    = "generated-bank"
	carrier = "generated-carrier"
	post    = "generated-post"
)

type order struct {
	Customer string `json:"customer"`
	Article  string `json:"article"`
	Units    int    `json:"units"`
	Cents    int    `json:"cents"`

	receipts []string
}

type ask struct {
	Customer string `json:"customer"`
	Article  string `json:"article,omitempty"`
	Units    int    `json:"units,omitempty"`
	Cents    int    `json:"cents,omitempty"`
}

type receipt struct {
	ID string `json:"id"`
}

// Definitions are those of the sagas that are made.
func Definitions() []sagas.Definition {
	var all []sagas.Definition
	for _, d := range []sagas.Typed[order]{
		sagas.Define("generated-order", 1, reserve(), charge(), ship(), notify()),
		sagas.Define("generated-order", 2, reserve(), sagas.Parallel[order](charge(), vet()), ship(), notify()),
		sagas.Define("generated-refund", 1, charge(), ship()),
		sagas.Define("generated-booking", 1, reserve(), charge(), ship()),
	} {
		all = append(all, d.Definition)
	}
	return all
}

func do(name, participant string) sagas.StepOf[order, receipt] {
	return sagas.Step(name, protocol.NewAction[ask, receipt](participant, name),
		func(o order) ask { return ask{o.Customer, o.Article, o.Units, o.Cents} },
		func(o *order, r receipt) { o.receipts = append(o.receipts, r.ID) }).Timeout(patience)
}

func undoable(name, participant string) sagas.StepOf[order, receipt] {
	undo := sagas.By(protocol.NewAction[ask, protocol.None](participant, "undo-"+name),
		func(o order, _ *receipt) ask { return ask{Customer: o.Customer, Article: o.Article} })
	return do(name, participant).UndoneBy(undo.Timeout(patience).Retry(sagas.Backoff(3, time.Second)))
}

func reserve() sagas.StepOf[order, receipt] { return undoable(stepReserve, stock) }
func charge() sagas.StepOf[order, receipt] {
	return undoable(stepCharge, bank).Retry(sagas.Backoff(3, time.Second))
}
func vet() sagas.StepOf[order, receipt]    { return do(stepVet, bank).NothingToUndo() }
func ship() sagas.StepOf[order, receipt]   { return do(stepShip, carrier).Pivot() }
func notify() sagas.StepOf[order, receipt] { return do(stepNotify, post) }
