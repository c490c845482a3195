package participants_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

type (
	amount struct {
		Units int `json:"units"`
	}
	receipt struct {
		Number string `json:"number"`
	}
)

var (
	charge = protocol.NewAction[amount, receipt]("payment", "charge")
	refund = protocol.NewAction[amount, protocol.None]("payment", "refund")
)

// command is an attempt of step charge of a saga.
func command(saga string, d protocol.Direction, number int, body string) protocol.Command {
	action := "charge"
	if d == protocol.Undo {
		action = "refund"
	}
	return protocol.Command{
		Saga: saga, Definition: "place-order", Version: 1, Participant: "payment", Action: action,
		Attempt:     protocol.Attempt{Run: 7, Step: "pay", Direction: d, Number: number},
		ContentType: protocol.ContentTypeJSON, Body: []byte(body),
	}
}

func TestCommandsOfEveryPartitionAreAnsweredAndAcknowledged(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 4)
	p := participants.New(natstest.Connect(t, j.server), "payment", silent())
	participants.Handle(p, charge, func(_ context.Context, a amount) (receipt, error) {
		return receipt{Number: fmt.Sprint("R-", a.Units)}, nil
	})
	j.run(p)

	const sagas = 200
	want := make(map[string]string)
	for n := range sagas {
		id := fmt.Sprint("order-", n)
		j.send(command(id, protocol.Do, 1, fmt.Sprintf(`{"units":%d}`, n)))
		want[id] = fmt.Sprintf(`{"number":"R-%d"}`, n)
	}
	got := make(map[string]string)
	for range sagas {
		m := j.message()
		r, err := protocol.ReadReply(protocol.Header(m.Header), m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome != protocol.Done {
			t.Errorf("%s: %s", m.Subject, r.Outcome)
		}
		a, err := j.subject.Parse("saga" + m.Subject[len("saga-feed"):])
		if err != nil {
			t.Fatal(err)
		}
		got[a.ID] = string(r.Body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	j.acknowledged("payment")
	if c := p.Counts(); c.Done != sagas || c.Running != 0 {
		t.Errorf("counts %+v, want %d done and none running", c, sagas)
	}
}

func TestWhatAHandlerReturnsIsTheOutcome(t *testing.T) {
	t.Parallel()
	p := participants.New(nil, "payment", silent())
	var result error
	var panics any
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) {
		if panics != nil {
			panic(panics)
		}
		return receipt{"R-1"}, result
	})
	participants.Handle(p, refund, participants.Undo(func(context.Context, amount) error {
		if panics != nil {
			panic(panics)
		}
		return result
	}))
	broke := errors.New("broke")
	for _, tt := range []struct {
		name   string
		err    error
		panics any
		body   string
		do     protocol.Outcome
		undo   protocol.Outcome
		reason string
	}{
		{name: "no error", do: protocol.Done, undo: protocol.Undone},
		{name: "an error", err: broke, do: protocol.Failed, undo: protocol.Failed, reason: "broke"},
		{name: "a refusal, which an undo does not have", err: participants.Refuse(broke), do: protocol.Refused, undo: protocol.Failed, reason: "broke"},
		{name: "a refusal inside another error", err: fmt.Errorf("card: %w", participants.Refuse(broke)), do: protocol.Refused, undo: protocol.Failed, reason: "card: broke"},
		{name: "a refusal without reason", err: participants.Refuse(nil), do: protocol.Refused, undo: protocol.Failed, reason: "no reason given"},
		{name: "a panic", panics: "oh", do: protocol.Failed, undo: protocol.Failed, reason: "panic: oh"},
		{name: "a request of the wrong type", body: `{"units":"many"}`, do: protocol.Failed, undo: protocol.Failed,
			reason: "the request cannot be decoded: json: cannot unmarshal string into Go struct field amount.units of type int"},
		{name: "a request cut short", body: `{"units":`, do: protocol.Failed, undo: protocol.Failed,
			reason: "the request cannot be decoded: JSON is cut short or malformed"},
		{name: "no request", body: ` `, do: protocol.Failed, undo: protocol.Failed,
			reason: "the request cannot be decoded: JSON is cut short or malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result, panics = tt.err, tt.panics
			body := `{"units":1}`
			if tt.body != "" {
				body = tt.body
			}
			for d, want := range map[protocol.Direction]protocol.Outcome{protocol.Do: tt.do, protocol.Undo: tt.undo} {
				c := command("order-1", d, 3, body)
				got, err := p.Answer(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				expect := protocol.Reply{Attempt: c.Attempt, Outcome: want, Reason: tt.reason}
				if want == protocol.Done {
					expect.Body, expect.ContentType = []byte(`{"number":"R-1"}`), protocol.ContentTypeJSON
				}
				if diff := cmp.Diff(expect, got, cmpopts.IgnoreFields(protocol.Reply{}, "Took"), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", d, diff)
				}
			}
		})
	}
}
