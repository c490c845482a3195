// Package orchestrator drives saga instances: it reads inputs from the
// journal, asks the core what happens, appends the decision, and keeps a view
// that can be rebuilt.
//
//	input ──► Decide ──► append on condition ──► fold ──► view
//	             ▲                                │
//	             └── ask again until at rest ─────┘
//
// It declares the interfaces that it needs of the world: a [Journal], which is
// the only truth, and a [View]. The packages beside it implement them.
package orchestrator
