// Package client starts sagas, waits for their ends, controls them, and looks
// at them. It speaks NATS only.
//
//	c, err := client.New(nc)
//	h, err := client.Start(ctx, c, PlaceOrder, order, client.ID(order.ID))
//	out, err := h.Wait(ctx) // completed, compensated or stuck, and why
//
// The nouns:
//
//   - A [Client] is a connection's view of one journal.
//   - A [Saga] is one run of an id; a [Handle] also knows the type of its data.
//   - An [Outcome] is how a saga ended, or why it is stuck.
//   - A [Decision] is the answer to a signal or to an operator's request.
//
// What is written goes straight to the journal, so it works while no
// orchestrator runs: start, signal and control are stored, and decided later.
// All of them may be repeated. A start is recognised by its id, a signal or a
// request by its input id: the journal stores each once, and the same one again
// gives the same result, while another one under the same id is a
// [ConflictError]. When nobody knows whether a message was stored, the very
// same bytes are sent again under the same condition.
//
// What is read of many sagas is asked of the orchestrators' service. Waiting
// listens to what the journal announces; since an announcement can be lost, the
// last link is also read: first, every few seconds, and after each reconnect.
// The answer to a signal or a request is looked for, less and less often.
package client
