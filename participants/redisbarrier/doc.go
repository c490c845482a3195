// Package redisbarrier makes the handlers of a participant whose effects are
// in Redis exactly-once in effect: the barrier's row and the handler's writes
// are one MULTI/EXEC.
//
//	b := redisbarrier.New(rdb)
//	participants.Handle(p, Reserve, redisbarrier.Do(b, tag, reserve))
//	participants.Handle(p, Release, redisbarrier.Undo(b, tag, release))
//
//	func reserve(ctx context.Context, tx redisbarrier.Tx, r Request) (Reservation, error) {
//		stock, err := tx.Get(ctx, "stock:{"+r.SKU+"}").Int()
//		…
//		if stock < r.Units {
//			return Reservation{}, participants.Refuse(ErrOutOfStock)
//		}
//		tx.Queue(func(p redis.Pipeliner) { p.DecrBy(ctx, "stock:{"+r.SKU+"}", int64(r.Units)) })
//		return Reservation{…}, nil
//	}
//
// A handler reads through its Tx, which watches every key that it reads, and
// queues its writes. When it returns, the row and the writes are executed
// together, or, if a watched key has changed, not at all: then the handler is
// called again, so it has no effects but what it queues. Handlers with one tag
// take turns within a process, so that a busy key costs waiting and not
// attempts in vain.
//
// The tag is the business key: the part in braces of every key that the handler
// touches and of the row, so that all are in one slot of a cluster. Doing and
// undoing a step must give the same tag, or the undo will not find what was
// done.
//
// # What is answered
//
// The row of a step is the hash amends-barrier:{tag}:saga:run:step, with a part
// for each direction:
//
//	do    an undo was here          rejected, whatever the do was
//	      done, refused             the stored answer; another request: a conflict
//	      nothing                   the handler is called; done and refused are stored
//	undo  an undo was here          the stored answer; another request: a conflict
//	      do is not done            nothing-to-undo, stored: a do that comes later is rejected
//	      do is done                the handler is called with the do's stored output
//
// A failed attempt stores nothing. An EXEC whose answer was lost is in doubt:
// the command comes again and finds the row, or does not.
//
// # What it costs
//
// A command takes three round trips and one for each read of the handler:
// WATCH, HMGET of the row, the reads (each watches in the same round trip),
// MULTI…EXEC. A duplicate takes three: WATCH, HMGET, UNWATCH.
//
// # What to know
//
// Redis does not roll back: a queued write that the server refuses when it
// executes it (WRONGTYPE) leaves the others done. Such a command is a conflict:
// nothing is answered and somebody has to look. And a failover to a replica can
// lose a row together with its effect after done was told.
//
// Rows do not expire unless WithExpiry says so. They may go when the saga's
// history has left the journal, so that none of its commands can come again;
// not earlier.
package redisbarrier
