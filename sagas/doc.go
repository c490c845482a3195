// Package sagas says what a saga is: which steps it has, in which order, who
// carries each step out and how it is undone. A definition is data that can be
// validated, drawn and compared, with typed functions that map the saga's data
// to each step's request. The package runs nothing.
//
//	var PlaceOrder = sagas.Define("place-order", 1,
//		sagas.Step("reserve", Reserve, toReserve, reserved).UndoneBy(sagas.By(Release, toRelease)),
//		sagas.Step("charge", Charge, toCharge, charged).UndoneBy(sagas.By(Refund, toRefund)),
//		sagas.Step("ship", Ship, toShip, shipped).Pivot(),
//	)
//
// The nouns:
//
//   - A [Definition] is the plan: a name, a version and steps.
//   - A [Planned] step is one local transaction of one participant.
//   - A [Typed] definition knows the type S of the saga's data.
//   - A [Policy] says how often and how soon a step is tried again.
//
// S is never stored. It is made anew from the saga's input and the outputs of
// the steps before, in the definition's order, each time a command is mapped;
// so a mapping sees the same whatever the timing of parallel steps was.
package sagas
