package participants_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

func TestRunSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	other := protocol.NewAction[amount, receipt]("shipping", "ship")
	bad := protocol.NewAction[amount, receipt]("payment", "a.b")
	f := func(context.Context, amount) (receipt, error) { return receipt{}, nil }
	p := participants.New(nil, "start",
		participants.WithConcurrency(0), participants.WithPrefix("a.b"), participants.WithLogger(nil), participants.WithTracerProvider(nil),
		participants.WithVersion("one"), participants.WithHeartbeat(0), participants.WithGrace(-1), participants.WithDomain("*"))
	participants.Handle(p, other, f)
	participants.Handle(p, bad, f)
	err := p.Run(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`participants: invalid name: participant "start" is a word of the protocol`,
		`participants: concurrency 0 is not between 1 and 4096`,
		`participants: invalid name: prefix "a.b" has "." at byte 1; A-Z a-z 0-9 _ and - are allowed`,
		`participants: the logger is nil`,
		`participants: the tracer provider is nil`,
		`participants: version "one" is not of the form 1.2.3`,
		`participants: heartbeat 0s is not positive`,
		`participants: grace -1ns is negative`,
		`participants: invalid name: domain "*" has "*" at byte 0; A-Z a-z 0-9 _ and - are allowed`,
		`participants: action ship is of participant shipping, not of start`,
		`participants: invalid name: action "a.b" has "." at byte 1; A-Z a-z 0-9 _ and - are allowed`,
		`participants: start has no handler`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}

	p = participants.New(nil, "payment")
	participants.Handle(p, charge, f)
	if err := p.Run(t.Context()); err == nil || err.Error() != "participants: payment has no connection" {
		t.Errorf("without a connection: %v", err)
	}
	participants.Handle(p, charge, participants.Do(f))
	participants.Handle(p, refund, participants.Handler[amount, protocol.None]{})
	want = []string{"participants: action charge has two handlers to do it", "participants: action refund has no handler"}
	if diff := cmp.Diff(want, strings.Split(p.Check().Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAnActionThatNobodyKnowsFailsAndSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	p := participants.New(nil, "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{}, nil })
	participants.Handle(p, refund, participants.Undo(func(context.Context, amount) error { return nil }))
	c := command("order-1", protocol.Do, 1, `{"units":1}`)
	c.Action = "reserve"
	r, err := p.Answer(t.Context(), c)
	if want := "payment cannot do reserve; it can: do charge, undo refund"; err != nil || r.Outcome != protocol.Failed || r.Reason != want {
		t.Errorf("%s (%s), %v; want failed (%s)", r.Outcome, r.Reason, err, want)
	}
	c = command("order-1", protocol.Undo, 1, `{"units":1}`)
	c.Action = "charge"
	r, err = p.Answer(t.Context(), c)
	if want := "payment cannot undo charge; it can: do charge, undo refund"; err != nil || r.Outcome != protocol.Failed || r.Reason != want {
		t.Errorf("%s (%s), %v; want failed (%s)", r.Outcome, r.Reason, err, want)
	}
}

func TestSettlingAStepWithoutBarrierAnswersAccordingly(t *testing.T) {
	t.Parallel()
	p := participants.New(nil, "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) {
		t.Error("charge was called")
		return receipt{}, nil
	})
	participants.Handle(p, refund, participants.Undo(func(context.Context, amount) error {
		t.Error("refund was called")
		return nil
	}))
	barred := protocol.NewAction[amount, protocol.None]("payment", "barred")
	participants.Handle(p, barred, participants.NewHandler[amount, protocol.None](protocol.Do,
		func(context.Context, protocol.Command, amount) (participants.Answer, error) {
			t.Error("a request that cannot be decoded came through")
			return participants.Answer{}, nil
		}))
	for _, tt := range []struct {
		direction protocol.Direction
		action    string
		as        protocol.Outcome
		want      protocol.Outcome
		reason    string
	}{
		{protocol.Do, "charge", protocol.Done, protocol.Done, ""},
		{protocol.Do, "charge", protocol.Undone, protocol.Refused, "settled by hand"},
		{protocol.Undo, "refund", protocol.Undone, protocol.Undone, ""},
		{protocol.Undo, "refund", protocol.Done, protocol.Rejected, "undo cannot be settled as done"},
		{protocol.Do, "barred", protocol.Done, protocol.Rejected, "the request cannot be decoded: JSON is cut short or malformed; nothing was settled"},
	} {
		c := command("order-1", tt.direction, 1, `not json`) // which a plain handler does not need
		c.Settle, c.Action = tt.as, tt.action
		r, err := p.Answer(t.Context(), c)
		if err != nil || r.Outcome != tt.want || r.Reason != tt.reason {
			t.Errorf("%s %s as %s: %s (%s), %v; want %s (%s)", tt.direction, tt.action, tt.as, r.Outcome, r.Reason, err, tt.want, tt.reason)
		}
	}
}

func TestAnAnswerThatIsNoneIsAConflict(t *testing.T) {
	t.Parallel()
	var a participants.Answer
	p := participants.New(nil, "payment", silent())
	participants.Handle(p, refund, participants.NewHandler[amount, protocol.None](protocol.Undo,
		func(context.Context, protocol.Command, amount) (participants.Answer, error) { return a, nil }))
	for _, a = range []participants.Answer{
		{Outcome: protocol.Done}, {Outcome: protocol.Unknown}, {}, {Outcome: "finished"},
		{Outcome: protocol.Undone, Output: make([]byte, protocol.MaxPayload+1)},
	} {
		if r, err := p.Answer(t.Context(), command("order-1", protocol.Undo, 1, `{}`)); !participants.IsConflict(err) {
			t.Errorf("%s: %v, %v; want a conflict", a.Outcome, r, err)
		}
	}
}
