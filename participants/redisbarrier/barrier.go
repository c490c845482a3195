package redisbarrier

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

const (
	maxTag      = 256
	minExpiry   = 24 * time.Hour
	tries       = 20 // calls of a handler whose watched keys change
	firstWait   = time.Millisecond
	longestWait = 100 * time.Millisecond
)

// A Barrier keeps the rows of a participant's steps in one Redis, or one
// cluster. It may be used by several goroutines.
type Barrier struct {
	rdb    redis.UniversalClient
	expiry time.Duration
	turns  turns
	err    error // of an option: every command fails with it
}

// An Option sets something about a barrier.
type Option func(*Barrier) error

// WithExpiry lets rows expire after d, a day at least: longer than sagas and
// the retention of their histories take together. A row that goes while its
// commands can still come lets them take effect once more.
func WithExpiry(d time.Duration) Option {
	return func(b *Barrier) error {
		b.expiry = d
		if d < minExpiry {
			return fmt.Errorf("redisbarrier: expiry %v is shorter than %v", d, minExpiry)
		}
		return nil
	}
}

// New returns a barrier whose rows are in rdb.
func New(rdb redis.UniversalClient, options ...Option) *Barrier {
	b := &Barrier{rdb: rdb, turns: turns{waiting: make(map[string]*turn)}}
	for _, option := range options {
		b.err = errors.Join(b.err, option(b))
	}
	return b
}

// Check reports what is wrong with the barrier's options.
func (b *Barrier) Check() error { return b.err }

// Do returns a handler that carries a step out: f is called once for all
// deliveries of all its attempts until it is done or refused.
func Do[Req, Rep any](b *Barrier, tag func(Req) string, f func(context.Context, Tx, Req) (Rep, error)) participants.Handler[Req, Rep] {
	return participants.NewHandler[Req, Rep](protocol.Do, func(ctx context.Context, c protocol.Command, req Req) (participants.Answer, error) {
		return b.serve(ctx, c, tag(req), func(tx Tx, _ row) (participants.Answer, error) {
			rep, err := f(ctx, tx, req)
			if err != nil {
				return participants.FromError(protocol.Do, err)
			}
			output, err := protocol.Encode(rep)
			if err != nil {
				return participants.Answer{Outcome: protocol.Failed, Reason: "the result cannot be sent: " + err.Error()}, nil
			}
			return participants.Answer{Outcome: protocol.Done, Output: output}, nil
		})
	})
}

// Undo returns a handler that undoes a step that is done. It gets the output of
// the step, nil where it is not known because the step was settled by hand. It
// has no business precondition: what was done can be undone, whatever has
// happened since.
func Undo[Req, DoRep any](b *Barrier, tag func(Req) string, f func(context.Context, Tx, Req, *DoRep) error) participants.Handler[Req, protocol.None] {
	return participants.NewHandler[Req, protocol.None](protocol.Undo, func(ctx context.Context, c protocol.Command, req Req) (participants.Answer, error) {
		return b.serve(ctx, c, tag(req), func(tx Tx, r row) (participants.Answer, error) {
			if err := callUndo(ctx, tx, req, r.output(), f); err != nil {
				return participants.FromError(protocol.Undo, err)
			}
			return participants.Answer{Outcome: protocol.Undone}, nil
		})
	})
}

func callUndo[Req, DoRep any](ctx context.Context, tx Tx, req Req, output []byte, f func(context.Context, Tx, Req, *DoRep) error) error {
	var done *DoRep
	if output != nil {
		done = new(DoRep)
		if err := protocol.Decode(output, done); err != nil {
			return fmt.Errorf("the stored output of the step cannot be decoded: %w", err)
		}
	}
	return f(ctx, tx, req, done)
}

// business is what the barrier stands before.
type business func(Tx, row) (participants.Answer, error)

// serve answers c, from the row or by calling f.
func (b *Barrier) serve(ctx context.Context, c protocol.Command, tag string, f business) (participants.Answer, error) {
	if err := errors.Join(b.err, checkTag(tag)); err != nil {
		return failed(err), nil
	}
	key := Key(tag, c)
	leave, err := b.turns.enter(ctx, tag)
	if err != nil {
		return failed(err), nil
	}
	defer leave()
	for try := range tries {
		if try > 0 && !waitForNext(ctx, try) {
			return failed(ctx.Err()), nil
		}
		answer, err := b.attempt(ctx, c, key, f)
		if !errors.Is(err, redis.TxFailedErr) {
			return answer, err
		}
	}
	return failed(fmt.Errorf("redisbarrier: keys of %q changed under %d attempts", tag, tries)), nil
}

// attempt is one transaction. It returns redis.TxFailedErr if a watched key has
// changed meanwhile; then nothing was written.
func (b *Barrier) attempt(ctx context.Context, c protocol.Command, key string, f business) (answer participants.Answer, err error) {
	var verdict error // of whether there is an answer; err is Redis's
	err = b.rdb.Watch(ctx, func(rtx *redis.Tx) error {
		row, err := readRow(ctx, rtx, key)
		if err != nil {
			return err
		}
		tx := Tx{&transaction{rtx: rtx}}
		var write fields
		answer, write, verdict = row.decide(c, func() (participants.Answer, error) { return f(tx, row) })
		if verdict != nil || write == nil {
			return nil
		}
		if answer.Outcome != protocol.Done && answer.Outcome != protocol.Undone {
			tx.t.queue = nil // a refusal has no effect
		}
		verdict, err = b.commit(ctx, tx, key, write)
		return err
	}, key)
	switch {
	case verdict != nil:
		return participants.Answer{}, verdict
	case errors.Is(err, redis.TxFailedErr):
		return participants.Answer{}, err
	case err != nil: // before anything was written
		return failed(fmt.Errorf("redisbarrier: %w", err)), nil
	}
	return answer, nil
}

// commit executes the row's fields and the queued writes as one. The verdict is
// set if afterwards no answer can be given.
func (b *Barrier) commit(ctx context.Context, tx Tx, key string, write fields) (verdict, err error) {
	cmds, err := tx.t.rtx.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, key, write...)
		if b.expiry > 0 {
			p.PExpire(ctx, key, b.expiry)
		}
		for _, q := range tx.t.queue {
			q(p)
		}
		return nil
	})
	switch {
	case err == nil, errors.Is(err, redis.TxFailedErr), redis.IsExecAbortError(err):
		return nil, err // certain
	case executed(cmds) && isReply(err):
		return participants.Conflict(fmt.Errorf("redisbarrier: Redis executed the writes to %s in part: %w", key, err)), nil
	}
	return participants.InDoubt(fmt.Errorf("redisbarrier: EXEC of %s: %w", key, err)), nil
}

// executed reports whether EXEC has run, given that a command of it failed: the
// first one, which writes the row, was then answered.
func executed(cmds []redis.Cmder) bool {
	return len(cmds) > 0 && cmds[0].Err() == nil
}

// isReply reports whether err is what the server said, not what became of the
// connection.
func isReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// Key is the key of the row of c's step. It cannot be mistaken for another
// step's: ids and names have no colon, and a tag has no brace.
func Key(tag string, c protocol.Command) string {
	return "amends-barrier:{" + tag + "}:" + c.Saga + ":" + strconv.FormatUint(c.Attempt.Run, 10) + ":" + c.Attempt.Step
}

func checkTag(tag string) error {
	switch {
	case tag == "":
		return errors.New("redisbarrier: the tag is empty")
	case len(tag) > maxTag:
		return fmt.Errorf("redisbarrier: the tag has %d bytes, at most %d are allowed", len(tag), maxTag)
	case strings.ContainsAny(tag, "{}"):
		return fmt.Errorf("redisbarrier: the tag %.64q has a brace", tag)
	}
	return nil
}

// hash is of what the command means; attempts, deadlines and traces differ
// between commands that mean the same.
func hash(c protocol.Command) string {
	h := sha256.New()
	h.Write([]byte(string(c.Attempt.Direction) + "\x00" + c.Action + "\x00")) // neither has a NUL
	h.Write(c.Body)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func failed(err error) participants.Answer {
	return participants.Answer{Outcome: protocol.Failed, Reason: err.Error()}
}

// waitForNext waits before the next try, longer and more at random each time.
func waitForNext(ctx context.Context, try int) bool {
	most := min(firstWait<<min(try, 10), longestWait)
	return pause.For(ctx, most/2+rand.N(most/2))
}
