package participants

import (
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/amends-io/amends/participants/protocol"
)

// Counts are how often something happened since a participant was made.
type Counts struct {
	Received      uint64 `json:"received"` // commands, each delivery
	Running       int64  `json:"running"`  // received and neither acknowledged nor given back
	Done          uint64 `json:"done"`
	Refused       uint64 `json:"refused"`
	Failed        uint64 `json:"failed"`
	Undone        uint64 `json:"undone"`
	NothingToUndo uint64 `json:"nothing_to_undo"`
	Rejected      uint64 `json:"rejected"`
	InDoubt       uint64 `json:"in_doubt"`    // no answer, comes again
	Conflicts     uint64 `json:"conflicts"`   // no answer, somebody has to look
	Undecodable   uint64 `json:"undecodable"` // terminated
	Unstorable    uint64 `json:"unstorable"`  // replies that the journal will never take
	Panics        uint64 `json:"panics"`
	Republished   uint64 `json:"republished"` // replies that had to be sent again
}

type counts struct {
	running                                               atomic.Int64
	received, inDoubt, conflicts, undecodable, unstorable atomic.Uint64
	panics, republished                                   atomic.Uint64
	done, refused, failed, undone, nothing, rejected      atomic.Uint64
}

// Counts returns what the participant has counted.
func (p *Participant) Counts() Counts {
	c := &p.counts
	return Counts{
		Received: c.received.Load(), Running: c.running.Load(),
		Done: c.done.Load(), Refused: c.refused.Load(), Failed: c.failed.Load(),
		Undone: c.undone.Load(), NothingToUndo: c.nothing.Load(), Rejected: c.rejected.Load(),
		InDoubt: c.inDoubt.Load(), Conflicts: c.conflicts.Load(), Undecodable: c.undecodable.Load(),
		Unstorable: c.unstorable.Load(), Panics: c.panics.Load(), Republished: c.republished.Load(),
	}
}

// answered counts an outcome whose reply is stored.
func (c *counts) answered(o protocol.Outcome) {
	switch o {
	case protocol.Done:
		c.done.Add(1)
	case protocol.Refused:
		c.refused.Add(1)
	case protocol.Failed:
		c.failed.Add(1)
	case protocol.Undone:
		c.undone.Add(1)
	case protocol.NothingToUndo:
		c.nothing.Add(1)
	case protocol.Rejected:
		c.rejected.Add(1)
	case protocol.Unknown: // never sent
	}
}

func (p *Participant) logPanic(c protocol.Command, v any) {
	p.config.logger.Error("handler panicked", about(c), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
}

// about is what every log line says of a command.
func about(c protocol.Command) slog.Attr {
	return slog.Group("command",
		slog.String("saga", c.Saga), slog.Uint64("run", c.Attempt.Run), slog.String("step", c.Attempt.Step),
		slog.String("direction", string(c.Attempt.Direction)), slog.Int("attempt", c.Attempt.Number),
		slog.String("action", c.Action))
}
