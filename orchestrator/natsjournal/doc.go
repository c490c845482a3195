// Package natsjournal is the journal on NATS JetStream: everything that is
// recorded and travels.
//
//	Append   ──► publish on condition ──► one reply inbox ──► done
//	Read     ◄── push consumer, no acknowledgements, ends at the first doubt
//	History  ◄── batched direct get, from whichever replica answers
//	Last …   ◄── the stream's leader
//
// Streams are made by [Create], never on the side: [Open] refuses a journal
// that is missing or differs from what [Layout] says, and names the field.
package natsjournal
