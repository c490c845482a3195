package protocol_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amends-io/amends/participants/protocol"
)

func aCommand() protocol.Command {
	return protocol.Command{
		Saga: "order-1", Definition: "place-order", Version: 2, Participant: "payment",
		Attempt:     protocol.Attempt{Run: 7, Step: "charge", Direction: protocol.Do, Number: 3},
		Action:      "charge",
		Due:         time.Date(2026, 7, 14, 9, 30, 0, 120_000_000, time.FixedZone("CEST", 7200)),
		ContentType: protocol.ContentTypeJSON,
		Body:        []byte(`{"order":"order-1","cents":1250}`),
	}
}

func aReply() protocol.Reply {
	return protocol.Reply{
		Attempt: protocol.Attempt{Run: 7, Step: "charge", Direction: protocol.Do, Number: 3}, Outcome: protocol.Done,
		Took: 1500 * time.Microsecond, ContentType: protocol.ContentTypeJSON, Body: []byte(`{"charge":"ch_1"}`),
	}
}

var commandAddress = protocol.Address{Partition: 3, ID: "order-1", Kind: protocol.KindLink, Name: "payment"}

// golden is a header as NATS writes it, its keys in order.
func golden(h protocol.Header) string {
	var b bytes.Buffer
	_ = http.Header(h).Write(&b) // a buffer takes everything
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

func TestTheBytesOfHeaders(t *testing.T) {
	t.Parallel()
	undo, settle := aCommand(), aCommand()
	undo.Attempt.Direction, undo.Action, undo.Due, undo.ContentType = protocol.Undo, "refund", time.Time{}, ""
	settle.Settle = protocol.Done
	refused := aReply()
	refused.Outcome, refused.Reason, refused.Took, refused.ContentType, refused.Body = protocol.Refused, "card\r\nSaga-Outcome: done", 0, "", nil
	for _, tt := range []struct {
		name  string
		write func(protocol.Header)
		want  string
	}{
		{"command", aCommand().WriteHeader, `Content-Type: application/json
Saga-Action: charge
Saga-Attempt: 3
Saga-Definition: place-order
Saga-Direction: do
Saga-Due: 2026-07-14T07:30:00.12Z
Saga-Key: order-1/7/charge/do
Saga-Run: 7
Saga-Step: charge
Saga-Version: 2
`},
		{"undo", undo.WriteHeader, `Saga-Action: refund
Saga-Attempt: 3
Saga-Definition: place-order
Saga-Direction: undo
Saga-Key: order-1/7/charge/undo
Saga-Run: 7
Saga-Step: charge
Saga-Version: 2
`},
		{"settle", settle.WriteHeader, `Content-Type: application/json
Saga-Action: charge
Saga-Attempt: 3
Saga-Definition: place-order
Saga-Direction: do
Saga-Due: 2026-07-14T07:30:00.12Z
Saga-Key: order-1/7/charge/do
Saga-Run: 7
Saga-Settle: done
Saga-Step: charge
Saga-Version: 2
`},
		{"reply", aReply().WriteHeader, `Content-Type: application/json
Saga-Attempt: 3
Saga-Direction: do
Saga-Outcome: done
Saga-Run: 7
Saga-Step: charge
Saga-Took: 1500
`},
		{"refusal", refused.WriteHeader, `Saga-Attempt: 3
Saga-Direction: do
Saga-Outcome: refused
Saga-Reason: card  Saga-Outcome: done
Saga-Run: 7
Saga-Step: charge
`},
	} {
		h := make(protocol.Header)
		tt.write(h)
		if diff := cmp.Diff(tt.want, golden(h)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestCommandsAndRepliesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	bare, settle := aCommand(), aCommand()
	bare.Due, bare.ContentType, bare.Body = time.Time{}, "", nil
	settle.Settle = protocol.Undone
	for _, c := range []protocol.Command{aCommand(), bare, settle} {
		h := make(protocol.Header)
		c.WriteHeader(h)
		got, err := protocol.ReadCommand(commandAddress, h, c.Body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got, cmpopts.EquateApproxTime(0)); diff != "" {
			t.Errorf("command (-sent +read):\n%s", diff)
		}
	}
	for d, outcomes := range map[protocol.Direction][]protocol.Outcome{
		protocol.Do:   {protocol.Done, protocol.Refused, protocol.Failed, protocol.Rejected},
		protocol.Undo: {protocol.Undone, protocol.NothingToUndo, protocol.Failed, protocol.Rejected},
	} {
		for _, o := range outcomes {
			r := aReply()
			r.Attempt.Direction, r.Outcome, r.Reason = d, o, "because"
			h := make(protocol.Header)
			r.WriteHeader(h)
			got, err := protocol.ReadReply(h, r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r, got); diff != "" {
				t.Errorf("reply (-sent +read):\n%s", diff)
			}
		}
	}
}

func TestWhatIsNoCommandOrReply(t *testing.T) {
	t.Parallel()
	write := func(h protocol.Header) { aCommand().WriteHeader(h); aReply().WriteHeader(h) }
	both := map[string][]string{
		protocol.HeaderRun:       {"", "0", "-1", "+1x", "1.5", "99999999999999999999", "9223372036854775808"},
		protocol.HeaderAttempt:   {"", "0", "-3", "three"},
		protocol.HeaderDirection: {"", "Do", "DO", "redo", "do "},
		protocol.HeaderStep:      {"", "*", "a.b", "start", strings.Repeat("s", 65)},
	}
	command := map[string][]string{
		protocol.HeaderVersion: {"", "0", "v2"},
		protocol.HeaderAction:  {"", ">", "signal"},
		protocol.HeaderDue:     {"tomorrow", "2026-07-14"},
		protocol.HeaderSettle:  {"failed", "refused", "Done", "nothing-to-undo"},
	}
	reply := map[string][]string{
		protocol.HeaderOutcome: {"", "unknown", "undone", "nothing-to-undo", "Done", "finished"},
	}
	check := func(values map[string][]string, read func(protocol.Header) error) {
		t.Helper()
		for key, bad := range values {
			for _, v := range bad {
				h := make(protocol.Header)
				write(h)
				if v == "" {
					delete(h, key)
				} else {
					h.Set(key, v)
				}
				if err := read(h); err == nil {
					t.Errorf("%s: %.70q was read", key, v)
				}
			}
		}
	}
	asCommand := func(h protocol.Header) error { _, err := protocol.ReadCommand(commandAddress, h, nil); return err }
	asReply := func(h protocol.Header) error { _, err := protocol.ReadReply(h, nil); return err }
	check(both, asCommand)
	check(both, asReply)
	check(command, asCommand)
	check(reply, asReply)

	h := make(protocol.Header)
	write(h)
	if _, err := protocol.ReadReply(h, make([]byte, protocol.MaxPayload+1)); err == nil {
		t.Error("an output that is too large was read")
	}
	if _, err := protocol.ReadReply(h, make([]byte, protocol.MaxPayload)); err != nil {
		t.Errorf("an output of the greatest size: %v", err)
	}
}

// A span, or whatever adds a participant's time to another, must not go backwards.
func TestATimeThatNobodyCanHaveTakenIsNone(t *testing.T) {
	t.Parallel()
	h := protocol.Header{}
	reply := protocol.Reply{Attempt: protocol.Attempt{Run: 1, Step: "pay", Direction: protocol.Do, Number: 1}, Outcome: protocol.Done}
	reply.WriteHeader(h)
	for text, want := range map[string]time.Duration{
		"7": 7 * time.Microsecond, "4503599627370495": 4503599627370495 * time.Microsecond,
		"10000000000000000": 0, "9223372036854775807": 0, "-1": 0, "": 0,
	} {
		h.Set(protocol.HeaderTook, text)
		if got, err := protocol.ReadReply(h, nil); err != nil || got.Took != want {
			t.Errorf("%q: %v, %v", text, got.Took, err)
		}
	}
}

func TestOutcomesAnswerOneDirection(t *testing.T) {
	t.Parallel()
	want := map[protocol.Outcome]string{
		protocol.Done: "do", protocol.Refused: "do", protocol.Failed: "do undo", protocol.Unknown: "",
		protocol.Undone: "undo", protocol.NothingToUndo: "undo", protocol.Rejected: "do undo", "": "", "ok": "",
	}
	for o, want := range want {
		var got []string
		for _, d := range []protocol.Direction{protocol.Do, protocol.Undo, "", "redo"} {
			if o.Answers(d) {
				got = append(got, string(d))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q answers %q, want %q", o, got, want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		max  int
		want string
	}{
		{"", 10, ""},
		{"plain", 10, "plain"},
		{"  out of stock \n", 40, "out of stock"},
		{"a\r\nSaga-Outcome: done", 40, "a  Saga-Outcome: done"},
		{"a\x00b\x1b[31mc\x7f", 40, "a b [31mc"},
		{"\u202eabc\u2066d\u2028e\u0085f", 40, "abc d e f"},
		{"1\u200f-\u200e2\u061c3", 40, "1 - 2 3"},
		{"bad \xff\xfe end", 40, "bad \uFFFD end"},
		{"ééééé", 10, "ééééé"},
		{"éééééé", 10, "ééé…"},
		{"0123456789", 10, "0123456789"},
		{"0123456789a", 10, "0123456…"},
		{"\xff\xfe", 2, ""},
		{"long", 3, "…"},
		{"long", 2, "lo"},
		{"long", 0, ""},
	} {
		if got := protocol.Text(tt.in, tt.max); got != tt.want {
			t.Errorf("%q in %d: %q, want %q", tt.in, tt.max, got, tt.want)
		}
	}
}

// FuzzReadReply: a reply that is read is well formed, and comes back the same.
func FuzzReadReply(f *testing.F) {
	f.Add("7", "charge", "do", "3", "done", "", "1500", []byte(`{}`))
	f.Add("7", "charge", "undo", "3", "nothing-to-undo", "why\n", "-1", []byte(nil))
	f.Add("18446744073709551615", "*", "Do", "00", "unknown", "\xff", "1e9", []byte(nil))
	f.Fuzz(func(t *testing.T, run, step, direction, attempt, outcome, reason, took string, body []byte) {
		h := protocol.Header{
			protocol.HeaderRun: {run}, protocol.HeaderStep: {step}, protocol.HeaderDirection: {direction}, protocol.HeaderAttempt: {attempt},
			protocol.HeaderOutcome: {outcome}, protocol.HeaderReason: {reason}, protocol.HeaderTook: {took},
		}
		r, err := protocol.ReadReply(h, body)
		if err != nil {
			return
		}
		if r.Attempt.Run == 0 || r.Attempt.Number < 1 || !r.Outcome.Answers(r.Attempt.Direction) || protocol.CheckName("step", r.Attempt.Step) != nil ||
			len(r.Reason) > protocol.MaxReason || !utf8.ValidString(r.Reason) || r.Took < 0 || len(r.Body) > protocol.MaxPayload {
			t.Fatalf("read %+v", r)
		}
		h = make(protocol.Header)
		r.WriteHeader(h)
		again, err := protocol.ReadReply(h, body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatalf("reply (-read +read again):\n%s", diff)
		}
	})
}

func TestAnAttemptReadsAsText(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprint(aCommand().Attempt); got != "do charge/3" {
		t.Error(got)
	}
}
