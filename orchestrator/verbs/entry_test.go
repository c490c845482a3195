package verbs_test

import (
	"encoding/json"
	"testing"

	"github.com/amends-io/amends/orchestrator/verbs"
)

// A body is anybody's: what JSON shows of it can be told apart from what it is not.
func TestABodyIsShownAsWhatItIs(t *testing.T) {
	for body, want := range map[string]string{
		"":                         `null`,
		`{"a": 1}`:                 `{"a":1}`,
		`"aGk="`:                   `"aGk="`,
		"hello":                    `"hello"`,
		`{"a":1,"a":2}`:            `"{\"a\":1,\"a\":2}"`,
		"hi\x00":                   `{"base64":"aGkA"}`,
		"\xff\xfe":                 `{"base64":"//4="}`,
		"a line\nand \x1b[2J more": `{"base64":"YSBsaW5lCmFuZCAbWzJKIG1vcmU="}`,
	} {
		got, err := json.Marshal(verbs.Readable([]byte(body)))
		if err != nil || string(got) != want {
			t.Errorf("%q is shown as %s, %v, want %s", body, got, err, want)
		}
	}
}
