package redisbarrier_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/participantstest"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/participants/redisbarrier"
)

type amount = participantstest.Amount
type receipt = participantstest.Receipt

// handlers registers a debit and a refund, each f alone.
func handlers(b *redisbarrier.Barrier, tag string, do func(context.Context, redisbarrier.Tx) error, undo func(context.Context, redisbarrier.Tx) error) *participants.Participant {
	p := quiet()
	tagOf := func(amount) string { return tag }
	participants.Handle(p, participantstest.Debit, redisbarrier.Do(b, tagOf,
		func(ctx context.Context, tx redisbarrier.Tx, _ amount) (receipt, error) {
			return receipt{Number: "R-1", Left: 70}, do(ctx, tx)
		}))
	participants.Handle(p, participantstest.Refund, redisbarrier.Undo(b, tagOf,
		func(ctx context.Context, tx redisbarrier.Tx, _ amount, _ *receipt) error { return undo(ctx, tx) }))
	return p
}

func nothing(context.Context, redisbarrier.Tx) error { return nil }

func TestTheRowCanBeReadByPeople(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	result := error(nil)
	p := handlers(redisbarrier.New(rdb), "cup", func(context.Context, redisbarrier.Tx) error { return result }, nothing)
	check := func(s participantstest.Saga, want map[string]string) {
		t.Helper()
		got, err := rdb.HGetAll(t.Context(), "amends-barrier:{cup}:"+s.ID()+":1:step").Result()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("row (-want +got):\n%s", diff)
		}
	}
	const doHash, undoHash = "yxe4lIcoHF1tKj_ssyNaEBs5meb7V-sq4AGdORHrs_s", "z26noNtw5Rp8QeCeTCrtxtEzpdUqIDhEWCgAm86FLBc"

	s := participantstest.New(t, p)
	s.Do(participantstest.Debit, alice30)
	done := map[string]string{"do": "done", "do-hash": doHash, "do-output": `{"number":"R-1","left":70}`}
	check(s, done)
	s.Undo(participantstest.Refund, alice30)
	done["undo"], done["undo-hash"] = "undone", undoHash
	check(s, done)

	s = participantstest.New(t, p)
	result = participants.Refuse(errors.New("no cups\nleft"))
	s.Do(participantstest.Debit, alice30)
	check(s, map[string]string{"do": "refused", "do-hash": doHash, "do-reason": "no cups left"})

	s = participantstest.New(t, p)
	s.Undo(participantstest.Refund, alice30)
	check(s, map[string]string{"undo": "nothing-to-undo", "undo-hash": undoHash})

	s = participantstest.New(t, p)
	s.Settle(protocol.Do, protocol.Done, participantstest.Debit, alice30)
	check(s, map[string]string{"do": "done", "do-settled": "do step/1"})
}

func TestRowsExpireOnlyWhenToldSo(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	for _, tt := range []struct {
		name    string
		options []redisbarrier.Option
		want    time.Duration
	}{
		{name: "by default never", want: -1},
		{name: "after a week", options: []redisbarrier.Option{redisbarrier.WithExpiry(7 * 24 * time.Hour)}, want: 7 * 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := participantstest.New(t, handlers(redisbarrier.New(rdb, tt.options...), "cup", nothing, nothing))
			s.Do(participantstest.Debit, alice30)
			got, err := rdb.TTL(t.Context(), "amends-barrier:{cup}:"+s.ID()+":1:step").Result()
			if err != nil {
				t.Fatal(err)
			}
			if got > tt.want || got < tt.want-time.Minute {
				t.Errorf("the row lives for %v, want %v", got, tt.want)
			}
		})
	}

	b := redisbarrier.New(rdb, redisbarrier.WithExpiry(time.Hour))
	if err := b.Check(); err == nil {
		t.Error("an expiry of an hour is not refused")
	}
	r := participantstest.New(t, handlers(b, "cup", nothing, nothing)).Do(participantstest.Debit, alice30)
	if r.Outcome != protocol.Failed || !strings.Contains(r.Reason, "expiry 1h0m0s is shorter") {
		t.Errorf("a barrier with a bad option answers %s (%s)", r.Outcome, r.Reason)
	}
}

func TestATagThatCannotBeUsedFails(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	for tag, want := range map[string]string{
		"":                       "redisbarrier: the tag is empty",
		"a{b":                    `redisbarrier: the tag "a{b" has a brace`,
		"a}b":                    `redisbarrier: the tag "a}b" has a brace`,
		strings.Repeat("a", 257): "redisbarrier: the tag has 257 bytes, at most 256 are allowed",
	} {
		s := participantstest.New(t, handlers(redisbarrier.New(rdb), tag, nothing, nothing))
		for _, r := range []protocol.Reply{s.Do(participantstest.Debit, alice30), s.Undo(participantstest.Refund, alice30)} {
			if r.Outcome != protocol.Failed || r.Reason != want {
				t.Errorf("tag %.20q: %s (%s), want failed (%s)", tag, r.Outcome, r.Reason, want)
			}
		}
	}
	if n := rdb.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys were written", n)
	}
}

func TestAnUndoThatIsOverBeforeItsDoCommitsEndsTheDo(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	undoing := handlers(redisbarrier.New(rdb), "cup", nothing, nothing)
	var s participantstest.Saga
	calls := 0
	p := handlers(redisbarrier.New(rdb), "cup", func(ctx context.Context, tx redisbarrier.Tx) error {
		calls++
		undo := s.Command(protocol.Undo, participantstest.Refund, alice30)
		if r, err := undoing.Answer(ctx, undo); err != nil || r.Outcome != protocol.NothingToUndo {
			t.Errorf("undo: %v, %v", r, err)
		}
		tx.Queue(func(p redis.Pipeliner) { p.Set(ctx, "effect:{cup}", 1, 0) })
		return nil
	}, nothing)
	s = participantstest.New(t, p)
	if r := s.Do(participantstest.Debit, alice30); r.Outcome != protocol.Rejected {
		t.Errorf("do is %s, want rejected", r.Outcome)
	}
	if calls != 1 || rdb.Exists(t.Context(), "effect:{cup}").Val() != 0 {
		t.Errorf("%d calls, and an effect: %v", calls, rdb.Exists(t.Context(), "effect:{cup}").Val())
	}
}

func TestAHandlerIsCalledAgainWhenWhatItReadChanges(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	reads := map[string]func(context.Context, redisbarrier.Tx) error{
		"Get":     func(ctx context.Context, tx redisbarrier.Tx) error { return tx.Get(ctx, "s:{cup}").Err() },
		"Exists":  func(ctx context.Context, tx redisbarrier.Tx) error { return tx.Exists(ctx, "s:{cup}").Err() },
		"HGet":    func(ctx context.Context, tx redisbarrier.Tx) error { return tx.HGet(ctx, "h:{cup}", "f").Err() },
		"HMGet":   func(ctx context.Context, tx redisbarrier.Tx) error { return tx.HMGet(ctx, "h:{cup}", "f").Err() },
		"HGetAll": func(ctx context.Context, tx redisbarrier.Tx) error { return tx.HGetAll(ctx, "h:{cup}").Err() },
		"Watch":   func(ctx context.Context, tx redisbarrier.Tx) error { return tx.Watch(ctx, "h:{cup}", "s:{cup}") },
		"Read": func(ctx context.Context, tx redisbarrier.Tx) error {
			return tx.Read(ctx, func(p redis.Pipeliner) { p.Get(ctx, "s:{cup}") }, "s:{cup}", "h:{cup}")
		},
	}
	change := func() {
		if err := errors.Join(rdb.Incr(t.Context(), "s:{cup}").Err(), rdb.HIncrBy(t.Context(), "h:{cup}", "f", 1).Err()); err != nil {
			t.Fatal(err)
		}
	}
	change()
	for name, read := range reads {
		calls := 0
		p := handlers(redisbarrier.New(rdb), "cup", func(ctx context.Context, tx redisbarrier.Tx) error {
			calls++
			err := read(ctx, tx)
			if calls < 3 {
				change()
			}
			tx.Queue(func(p redis.Pipeliner) { p.Incr(ctx, "effect:{cup}") })
			return err
		}, nothing)
		before, _ := rdb.Get(t.Context(), "effect:{cup}").Int()
		if r := participantstest.New(t, p).Do(participantstest.Debit, alice30); r.Outcome != protocol.Done {
			t.Errorf("%s: %s (%s), want done", name, r.Outcome, r.Reason)
		}
		after, _ := rdb.Get(t.Context(), "effect:{cup}").Int()
		if calls != 3 || after != before+1 {
			t.Errorf("%s: %d calls and %d effects, want 3 and 1", name, calls, after-before)
		}
	}
}

func TestKeysThatAlwaysChangeFailTheAttempt(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	p := handlers(redisbarrier.New(rdb), "cup", func(ctx context.Context, tx redisbarrier.Tx) error {
		_ = tx.Get(ctx, "stock:{cup}").Err() // redis.Nil at first
		return rdb.Incr(ctx, "stock:{cup}").Err()
	}, nothing)
	r := participantstest.New(t, p).Do(participantstest.Debit, alice30)
	if want := `redisbarrier: keys of "cup" changed under 20 attempts`; r.Outcome != protocol.Failed || r.Reason != want {
		t.Errorf("%s (%s), want failed (%s)", r.Outcome, r.Reason, want)
	}
}

func TestWritesThatRedisRefuses(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	if err := rdb.Set(t.Context(), "text:{cup}", "text", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		write func(context.Context, redis.Pipeliner)
		check func(protocol.Reply, error) bool
	}{
		{"before it executes any: the attempt failed", func(ctx context.Context, p redis.Pipeliner) { p.Do(ctx, "no-such-command") },
			func(r protocol.Reply, err error) bool { return err == nil && r.Outcome == protocol.Failed }},
		{"when the others are executed: nobody can say what it was", func(ctx context.Context, p redis.Pipeliner) { p.Incr(ctx, "text:{cup}") },
			func(_ protocol.Reply, err error) bool { return participants.IsConflict(err) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := handlers(redisbarrier.New(rdb), "cup", func(ctx context.Context, tx redisbarrier.Tx) error {
				tx.Queue(func(p redis.Pipeliner) { tt.write(ctx, p) })
				return nil
			}, nothing)
			s := participantstest.New(t, p)
			if r, err := s.Send(s.Command(protocol.Do, participantstest.Debit, alice30)); !tt.check(r, err) {
				t.Errorf("reply %v, error %v", r, err)
			}
		})
	}
}

func TestAHandlerWhoseContextEndsWhileItWaitsForItsTurnFails(t *testing.T) {
	t.Parallel()
	b := redisbarrier.New(redistest.Client(t))
	entered, leave := make(chan struct{}), make(chan struct{})
	busy := participantstest.New(t, handlers(b, "cup", func(context.Context, redisbarrier.Tx) error {
		close(entered)
		<-leave
		return nil
	}, nothing))
	first := busy.Command(protocol.Do, participantstest.Debit, alice30)
	ended := make(chan protocol.Reply)
	go func() {
		r, _ := busy.Send(first)
		ended <- r
	}()
	<-entered

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waiting := participantstest.New(t, handlers(b, "cup", nothing, nothing))
	r, err := waiting.SendContext(ctx, waiting.Command(protocol.Do, participantstest.Debit, alice30))
	if err != nil || r.Outcome != protocol.Failed || r.Reason != "context canceled" {
		t.Errorf("reply %v, error %v", r, err)
	}
	close(leave)
	if r := <-ended; r.Outcome != protocol.Done {
		t.Errorf("the first is %s (%s)", r.Outcome, r.Reason)
	}
	if r := waiting.Do(participantstest.Debit, alice30); r.Outcome != protocol.Done {
		t.Errorf("the turn was not given up: %s (%s)", r.Outcome, r.Reason)
	}
}
