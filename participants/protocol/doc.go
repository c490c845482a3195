// Package protocol is the wire between the orchestrator and the participants:
// subjects, headers, outcomes and typed actions. It imports the standard
// library alone, so that a package of contracts pulls in nothing else.
//
// The nouns:
//
//   - An [Address] is a subject of the journal, taken apart.
//   - A [Command] asks a participant to carry out or to undo one step.
//   - A [Reply] is the participant's answer, with an [Outcome].
//   - An [Attempt] is the identity that ties the two together.
//   - An [Action] is what both sides agree on: a name and two types.
//
// A command is a link of the saga's chain, stored under
//
//	saga.<partition>.<id>.out.<participant>.chain
//
// and its reply is a fact in the same journal, stored under
//
//	saga.<partition>.<id>.in.<participant>
//
// docs/protocol.md describes the same for other languages.
package protocol
