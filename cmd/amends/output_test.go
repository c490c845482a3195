package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// dirty returns what of text could control a terminal.
func dirty(text string) string {
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) || r == unicode.ReplacementChar {
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
}

// nasty is what somebody may send: a title, a colour, a cleared screen, a text
// that reads backwards, a new row.
const nasty = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202edlo\u2066\r\n0 forged\x00\x7f end"

func TestNoTextOfOthersReachesTheTerminalAsItIs(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.drive("a")
	s.must("start", "errand", `{"hold":"deliver","say":`+strconv.Quote("plain")+`}`, "--id", "e")
	s.until(func(out string) bool { return strings.Contains(out, "deliver") }, "get", "e")
	p := protocol.Partition("e", 2)
	replay, err := orchestrator.Load(t.Context(), s.journal.Partition(p), "e", 0, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	// What the SDK would never send, another client may.
	h := nats.Header{
		protocol.HeaderRun: {strconv.FormatUint(replay.State.Run, 10)}, protocol.HeaderStep: {"deliver"}, protocol.HeaderDirection: {"do"},
		protocol.HeaderAttempt: {"1"}, protocol.HeaderOutcome: {"refused"}, protocol.HeaderReason: {nasty}, protocol.HeaderTook: {nasty},
	}
	publish := func(subject string, h nats.Header, body string) {
		t.Helper()
		if _, err := s.nc.RequestMsgWithContext(t.Context(), &nats.Msg{Subject: subject, Header: h, Data: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	subjects := protocol.Subjects{}
	publish(subjects.Control(p, "e", "bad"), nats.Header{protocol.HeaderVerb: {nasty}, protocol.HeaderBy: {nasty}, protocol.HeaderWhy: {nasty}}, nasty)
	publish(subjects.Signal(p, "e", "bad"), nats.Header{protocol.HeaderName: {nasty}}, nasty)
	publish(subjects.Signal(p, "e", "good"), nats.Header{protocol.HeaderName: {"n"}}, nasty)
	publish(subjects.Saga(p, "e")[:len(subjects.Saga(p, "e"))-1]+"in.no.such.\x1b[31m\u202e", nil, nasty)
	publish(subjects.Reply(p, "e", "runner"), h, nasty)
	s.ends(exitCompensated, "wait", "e")
	s.until(func(out string) bool { return strings.Count(out, "\n") > 3 }, "inputs", "--rejected")
	s.until(func(out string) bool { return strings.Contains(out, "compensated") }, "list")
	for _, args := range [][]string{
		{"get", "e"}, {"history", "e", "--payloads"}, {"list"}, {"inputs", "--rejected"}, {"status"}, {"wait", "e"}, {"definitions", "--picture"},
	} {
		for _, format := range formats {
			r := s.run(append(args, "-o", format)...)
			if r.code != exitOK && r.code != exitCompensated || r.stdout == "" {
				t.Errorf("%v -o %s: %+v", args, format, r)
			}
			if bad := dirty(r.stdout) + dirty(r.stderr); bad != "" {
				t.Errorf("%v -o %s: %s reaches the terminal: %q", args, format, bad, r.stdout)
			}
			if format != formatJSON && strings.Contains(r.stdout, "\n0 forged") {
				t.Errorf("%v -o %s: a row is forged: %q", args, format, r.stdout)
			}
		}
	}
	has(t, s.must("history", "e"), "nothing that anybody reads: saga.")
	// The bytes themselves are not lost: JSON has them, escaped.
	found := false
	for _, o := range objects(t, s.must("history", "e", "-o", "json")) {
		text, err := json.Marshal(o["header"])
		if err != nil {
			t.Fatal(err)
		}
		var header map[string][]string
		if err := json.Unmarshal(text, &header); err != nil {
			t.Fatal(err)
		}
		found = found || strings.Contains(strings.Join(header[protocol.HeaderWhy], ""), "\x1b[2J\u009b31m\u202edlo")
	}
	if !found {
		t.Error("the JSON of the history lacks what was sent")
	}
}

func TestErrorsOfOthersAreCleanToo(t *testing.T) {
	t.Parallel()
	s := &system{t: t, variables: map[string]string{"NATS_URL": "nats://" + nasty + ":1", "USER": nasty}}
	for _, args := range [][]string{{nasty}, {"get", nasty}, {"list", "--tag", nasty}, {"list"}, {"start", "errand@" + nasty}, {"list", "--" + nasty}} {
		if r := s.run(args...); r.code == exitOK || dirty(r.stderr) != "" {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

func TestEscapedJSONIsTheSame(t *testing.T) {
	t.Parallel()
	want := map[string]string{"k\u202e": "a\x7f\u009b\u200f\u2066é\x1b\\ü\"世"}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(escape(b), &got); err != nil || got["k\u202e"] != want["k\u202e"] || dirty(string(escape(b))) != "" {
		t.Errorf("got %q, %v", escape(b), err)
	}
}

func TestEveryWayToPrintIsClean(t *testing.T) {
	t.Parallel()
	var stdout, stderr watched
	a := &app{env: env{stdout: &stdout, stderr: &stderr}}
	table := a.table(nasty, "B")
	table.row(nasty, "")
	if err := errors.Join(a.line(nasty), a.json(nasty), table.flush()); err != nil {
		t.Error(err)
	}
	a.note("%s", nasty)
	if bad := dirty(stdout.String()) + dirty(stderr.String()); bad != "" || strings.Contains(stdout.String(), "\n0 forged") {
		t.Errorf("%s in %q, %q", bad, stdout.String(), stderr.String())
	}
}
