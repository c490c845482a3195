package protocol_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/amends-io/amends/participants/protocol"
)

func TestIdsAndNamesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	reserved := []string{"start", "signal", "control", "canary", "purged", "chain"}
	hostile := []string{
		"", "-", "*", ">", ".", "a.b", "a*", "a>", "*.>", "a b", "a\tb", "a\x00b", "a\r\nb", "a\nb", "é", "\u202eabc", "a\u200bb",
		"a:b", "a{b}", "a/b", `a\b`, "$JS.API", "_INBOX.x", "a\x7f", "\xff", strings.Repeat("a", 65), strings.Repeat("a", 5000),
	}
	for _, s := range hostile {
		if err := protocol.CheckID(s); !errors.Is(err, protocol.ErrName) {
			t.Errorf("id %.80q: %v", s, err)
		} else if strings.ContainsAny(err.Error(), "\x00\r\n\x7f") || len(err.Error()) > 300 {
			t.Errorf("the error about id %.80q is unfit for a log: %q", s, err)
		}
		if err := protocol.CheckName("step", s); !errors.Is(err, protocol.ErrName) {
			t.Errorf("name %.80q: %v", s, err)
		}
	}
	for _, s := range reserved {
		if err := protocol.CheckName("participant", s); !errors.Is(err, protocol.ErrName) {
			t.Errorf("name %q: %v", s, err)
		}
		if err := protocol.CheckID(s); err != nil {
			t.Errorf("id %q: %v", s, err) // it stands where no word of the protocol does
		}
	}
	for _, s := range []string{"a", "Z", "0", "_", "--", "-a", "order-1", "A_b-9", strings.Repeat("a", 64), "_INBOX"} {
		if err := errors.Join(protocol.CheckID(s), protocol.CheckName("step", s)); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestAnErrorAboutANameSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kind, name, want string }{
		{"step", "", "invalid name: step is empty"},
		{"step", "a.b", `invalid name: step "a.b" has "." at byte 1; A-Z a-z 0-9 _ and - are allowed`},
		{"step", "-", `invalid name: step "-" is a word of the protocol`},
		{"participant", "start", `invalid name: participant "start" is a word of the protocol`},
		{"action", strings.Repeat("x", 65), `invalid name: action "xxxxxxxxxxxxxxxx"… has 65 bytes, at most 64 are allowed`},
	} {
		if err := protocol.CheckName(tt.kind, tt.name); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
