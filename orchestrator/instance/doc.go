// Package instance is the orchestrator's core: it decides what a saga instance
// does next. It does no I/O, starts no goroutine, reads no clock and draws no
// random number, so the same arguments always give the same decision.
//
//	Decide(definition, state, input, moment) -> decision   what happens, and the state after it
//	Fold(state, link)                        -> state      the same state, from what was stored
//
// A decision becomes one link of the saga's chain in the journal, and carries
// at most one command. The caller appends it, takes the state that it brings
// once it is stored, and asks Decide again without an input until it has nothing
// to add: the saga is then at rest, and its next input may be looked at.
//
// What happened is what the events say. Fold never calls a definition, so an
// old history folds to the same state under new code.
//
// Three facts shape the rules:
//
//  1. An attempt's identity holds run, step, direction and number, so that a
//     late reply to do never passes for one to undo.
//  2. Unknown is an outcome of its own. Whatever took or may have taken effect
//     is undone: done, unknown, and failed, as a participant that says
//     "failed" can be wrong. A refused step is left alone, unless an earlier
//     attempt of it was unknown or failed.
//  3. The way back ends when the pivot's command is recorded, not when it is
//     done: from then on only the pivot's own answer turns back.
package instance
