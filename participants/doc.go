// Package participants is for services that take part in sagas: it receives
// the commands of one participant from the journal, calls the service's
// handlers, and stores their replies.
//
// The nouns:
//
//   - A [Participant] is a name and the handlers of its actions.
//   - A [Handler] answers the commands of one action in one direction: [Do] and
//     [Undo] make one of a plain function, a barrier (redisbarrier) makes one
//     whose effect happens once however often the command comes.
//   - An [Answer] is what became of a command: an outcome, a reason, an output.
//
// The flow:
//
//	p := participants.New(nc, "payment")
//	participants.Handle(p, payment.Charge, charge)                   // func(ctx, Req) (Rep, error)
//	participants.Handle(p, payment.Refund, participants.Undo(refund)) // func(ctx, Req) error
//	participants.Handle(p, payment.Reserve, redisbarrier.Do(b, tag, reserve))
//	err := p.Run(ctx) // until ctx ends, then what is in flight is finished
//
// What a handler returns says what happens next: a result is done; [Refuse]
// says that it did not take effect and never will; any other error, and a
// panic, say that it failed and another attempt may be made; [InDoubt] gives no
// answer, and the command comes again.
//
// A command can come more than once: after a crash, after a lost
// acknowledgement, and because the orchestrator tries again. The reply is
// stored before the command is acknowledged, so none is lost, and a plain
// handler may be called again for a command that it has carried out. A handler
// that cannot bear that wants a barrier, or passes the key of [CommandFrom] to
// whatever it calls.
//
// The connection should come back for ever and buffer nothing meanwhile:
// [ConnectOptions] says so.
package participants
