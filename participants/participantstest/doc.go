// Package participantstest drives the handlers of a participant without NATS,
// and holds the contract that every barrier has to keep.
//
//	p := participants.New(nil, "inventory")
//	inventory.Register(p, b)
//	saga := participantstest.New(t, p)
//	reply := saga.Do(inventory.Reserve, inventory.ReserveRequest{SKU: "cup", Units: 2})
//	again := saga.Do(inventory.Reserve, inventory.ReserveRequest{SKU: "cup", Units: 2}) // another attempt of the same step
//	undone := saga.Undo(inventory.Release, inventory.ReleaseRequest{SKU: "cup"})
//	late := saga.Do(inventory.Reserve, …)                                               // rejected
package participantstest
