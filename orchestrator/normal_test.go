package orchestrator_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

func TestErrorsThatDifferInDetailsAreOne(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"out of stock", "out of stock"},
		{"  two\n lines\t", "two lines"},
		{"3 units of ABC-123 are left", "<n> units of <id> are left"},
		{"order 0198c5d2-7a31-7c00-8000-000000000001 is closed", "order <id> is closed"},
		{"no answer from 10.0.0.17:8080 in 30s", "no answer from <n> in <n>"},
		{"took 1.5ms, 512KiB, at 2026-01-31T12:00:00Z", "took <n>, <n>, at <id>"},
		{"hash 9f86d081 and deadbeefcafe differ", "hash <id> and <id> differ"},
		{`account "ann's" is unknown`, "account <text> is unknown"},
		{"can't read 'a b', won't try", "can't read <text>, won't try"},
		{"user ann@example.com is locked", "user <id> is locked"},
		{"key " + strings.Repeat("x", 33), "key <id>"},
		{"code=17; left: -5", "code=<n>; left: -<n>"},
		{"has £0.00 left, asked for €1,250.5", "has <n> left, asked for <n>"},
		{`an open "quotation`, `an open "quotation`},
		{`"a \" b" c`, "<text> c"},
		{"Größe 5 ist zu groß", "Größe <n> ist zu groß"},
		{"\x1b[31mred\x1b[0m", "[<id> [<n>"},
		{"a\xffb", "a\uFFFDb"},
		{strings.Repeat("word ", 100), strings.TrimSpace(strings.Repeat("word ", 40))},
	} {
		if got := orchestrator.NormalError(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestAClusterIsOfOneDefinitionStepDirectionAndError(t *testing.T) {
	f := instance.Failure{Step: "charge", Direction: protocol.Do, Reason: "card 1 was refused"}
	same := orchestrator.ClusterID("order", f)
	again := f
	again.Reason = "card 22 was refused"
	if orchestrator.ClusterID("order", again) != same {
		t.Error("another number is another cluster")
	}
	seen := map[string]bool{same: true}
	for _, other := range []instance.Failure{
		{Step: "ship", Direction: f.Direction, Reason: f.Reason},
		{Step: f.Step, Direction: protocol.Undo, Reason: f.Reason},
		{Step: f.Step, Direction: f.Direction, Reason: "no answer"},
		{Step: "chargedo", Reason: f.Reason},
		{},
	} {
		id := orchestrator.ClusterID("order", other)
		if seen[id] {
			t.Errorf("%+v is in another's cluster", other)
		}
		seen[id] = true
	}
	if seen[orchestrator.ClusterID("orders", f)] {
		t.Error("another definition is the same cluster")
	}
}

func FuzzNormalError(f *testing.F) {
	for _, seed := range []string{"out of 3 things", `"`, "'", "a'b'c", "`x` 1-2", "\x00|%\u202e", "<n>", `\`, `"\`, "é1é"} {
		f.Add(seed, 7)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		got := orchestrator.NormalError(text)
		if len(got) > 200 || !utf8.ValidString(got) || got != protocol.Text(got, 200) {
			t.Errorf("%q: %q is no short line", text, got)
		}
		if strings.ContainsAny(got, "0123456789") {
			t.Errorf("%q: %q has a digit", text, got)
		}
		if text != "" && orchestrator.NormalError(text) != got {
			t.Errorf("%q: twice is not the same", text)
		}
	})
}
