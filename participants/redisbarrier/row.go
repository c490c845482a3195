package redisbarrier

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// Fields of a row. The reason and the output are of the do alone: an undo has
// neither. Settled is "settled" where an operator's word made the entry.
const (
	fieldDo        = "do"
	fieldDoHash    = "do-hash"
	fieldDoSettled = "do-settled"
	fieldReason    = "do-reason"
	fieldOutput    = "do-output"

	fieldUndo        = "undo"
	fieldUndoHash    = "undo-hash"
	fieldUndoSettled = "undo-settled"
)

var columns = []string{fieldDo, fieldDoHash, fieldDoSettled, fieldReason, fieldOutput, fieldUndo, fieldUndoHash, fieldUndoSettled}

// fields are what HSET takes: names and values by turns.
type fields []any

// A row is what is known of one step of one run of a saga.
type row map[string]string

func readRow(ctx context.Context, tx *redis.Tx, key string) (row, error) {
	values, err := tx.HMGet(ctx, key, columns...).Result()
	if err != nil {
		return nil, err
	}
	r := make(row, len(columns))
	for i, v := range values {
		if s, ok := v.(string); ok {
			r[columns[i]] = s
		}
	}
	return r, nil
}

// output is the stored output of the do, nil where it is not known. That of a
// protocol.None is known, and empty.
func (r row) output() []byte {
	if s, ok := r[fieldOutput]; ok {
		return []byte(s)
	}
	return nil
}

// decide answers c: from the row, or by what call returns. write is what has to
// be stored for the answer to be true, nil if nothing. An error is one of
// participants.InDoubt or Conflict.
func (r row) decide(c protocol.Command, call func() (participants.Answer, error)) (a participants.Answer, write fields, err error) {
	switch {
	case c.Settle != "":
		a, write = r.settle(c)
		return a, write, nil
	case c.Attempt.Direction == protocol.Do:
		return r.do(c, call)
	}
	return r.undo(c, call)
}

func (r row) do(c protocol.Command, call func() (participants.Answer, error)) (participants.Answer, fields, error) {
	switch {
	case r[fieldUndo] != "":
		// Hanging: what is undone stays undone, and done would be a lie.
		return rejected("too late: the barrier has undo: " + r[fieldUndo]), nil, nil
	case r[fieldDo] != "":
		if err := r.same(c, fieldDoHash, fieldDoSettled); err != nil {
			return participants.Answer{}, nil, err
		}
		return participants.Answer{Outcome: protocol.Outcome(r[fieldDo]), Reason: r[fieldReason], Output: r.output()}, nil, nil
	}
	a, err := call()
	switch {
	case err != nil:
	case a.Outcome == protocol.Done:
		return a, fields{fieldDo, string(a.Outcome), fieldDoHash, hash(c), fieldOutput, a.Output}, nil
	case a.Outcome == protocol.Refused:
		a.Reason = protocol.Text(a.Reason, protocol.MaxReason)
		return a, fields{fieldDo, string(a.Outcome), fieldDoHash, hash(c), fieldReason, a.Reason}, nil
	}
	return a, nil, err // a failed attempt leaves no trace: another may be made
}

func (r row) undo(c protocol.Command, call func() (participants.Answer, error)) (participants.Answer, fields, error) {
	if r[fieldUndo] != "" {
		if err := r.same(c, fieldUndoHash, fieldUndoSettled); err != nil {
			return participants.Answer{}, nil, err
		}
		return participants.Answer{Outcome: protocol.Outcome(r[fieldUndo])}, nil, nil
	}
	a, err := participants.Answer{Outcome: protocol.NothingToUndo}, error(nil)
	if r[fieldDo] == string(protocol.Done) {
		a, err = call()
	}
	if err != nil || a.Outcome == protocol.Failed {
		return a, nil, err
	}
	return a, fields{fieldUndo, string(a.Outcome), fieldUndoHash, hash(c)}, nil
}

// same reports a conflict if what is stored answered another request. What was
// settled by hand answered none.
func (r row) same(c protocol.Command, hashField, settledField string) error {
	if r[settledField] != "" || r[hashField] == hash(c) {
		return nil
	}
	return participants.Conflict(errors.New("redisbarrier: " + c.Key() + " came before with another request"))
}

// settle records an outcome that a person decided, so that a command still
// queued takes no effect. Against an entry that a handler made there is no
// settling: whoever decided did not know of it and may have done by hand what
// is done already.
func (r row) settle(c protocol.Command) (participants.Answer, fields) {
	a := participants.Settled(c)
	switch {
	case a.Outcome == protocol.Rejected:
		return a, nil
	case c.Attempt.Direction == protocol.Undo:
		return r.settleUndo(a, c)
	case c.Settle == protocol.Undone:
		return r.settleNever(a, c)
	}
	return r.settleDone(a, c)
}

// settleDone: the step took effect, by hand.
func (r row) settleDone(a participants.Answer, c protocol.Command) (participants.Answer, fields) {
	switch {
	case r[fieldUndo] != "", r[fieldDo] != "" && r[fieldDoSettled] == "":
		return r.contradicts(), nil
	case r[fieldDo] != "":
		return a, nil
	}
	return a, fields{fieldDo, string(protocol.Done), fieldDoSettled, settledBy(c)}
}

// settleNever: the step took no effect and never will. Its do and its undo end
// with it.
func (r row) settleNever(a participants.Answer, c protocol.Command) (participants.Answer, fields) {
	switch {
	case r[fieldDo] != "", r[fieldUndo] != "" && r[fieldUndoSettled] == "":
		return r.contradicts(), nil
	case r[fieldUndo] != "":
		return a, nil
	}
	return a, fields{fieldUndo, string(protocol.NothingToUndo), fieldUndoSettled, settledBy(c)}
}

// settleUndo: the step's effect, if it had one, was taken back by hand.
func (r row) settleUndo(a participants.Answer, c protocol.Command) (participants.Answer, fields) {
	switch {
	case r[fieldUndo] != "" && r[fieldUndoSettled] == "":
		return r.contradicts(), nil
	case r[fieldUndo] != "":
		return a, nil
	}
	return a, fields{fieldUndo, string(protocol.Undone), fieldUndoSettled, settledBy(c)}
}

// settledBy names the attempt whose command settled, for whoever reads the row.
func settledBy(c protocol.Command) string { return c.Attempt.String() }

func (r row) contradicts() participants.Answer {
	says := func(direction, settled string) string {
		switch {
		case r[direction] == "":
			return "nothing"
		case r[settled] != "":
			return r[direction] + " (settled by hand)"
		}
		return r[direction]
	}
	return rejected(fmt.Sprintf("the barrier has do: %s, undo: %s; somebody has to look",
		says(fieldDo, fieldDoSettled), says(fieldUndo, fieldUndoSettled)))
}

func rejected(reason string) participants.Answer {
	return participants.Answer{Outcome: protocol.Rejected, Reason: reason}
}
