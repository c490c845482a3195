package protocol_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/amends-io/amends/participants/protocol"
)

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	var keys []string
	for i := range 100 {
		keys = append(keys, fmt.Sprintf(`"k%d":%d`, i, i))
	}
	many := strings.Join(keys, ",")
	for _, tt := range []struct{ name, in, want string }{
		{"null", `null`, ""},
		{"number", ` 1.5e3 `, ""},
		{"nested objects with one key", `{"a":{"a":[{"a":1},{"a":2}]}}`, ""},
		{"keys like strings", `{"a":"a","b":"a"}`, ""},
		{"braces in strings", `{"a":"{[\"}","b":"\\"}`, ""},
		{"empty key", `{"":1,"a":{}}`, ""},
		{"many keys", `{` + many + `}`, ""},
		{"as deep as allowed", nested(64), ""},

		{"nothing", ``, "JSON is empty"},
		{"white space", "\n ", "JSON is cut short or malformed"},
		{"cut short", `{"a":`, "JSON is cut short or malformed"},
		{"cut in a string", `"a`, "JSON is cut short or malformed"},
		{"cut in an escape", `"a\`, "JSON is cut short or malformed"},
		{"two values", `1 2`, "JSON is cut short or malformed"},
		{"trailing comma", `[1,]`, "JSON is cut short or malformed"},
		{"NaN", `{"a":NaN}`, "JSON is cut short or malformed"},
		{"closing only", `]]]]`, "JSON is cut short or malformed"},
		{"not UTF-8", "\"\xff\"", "JSON is not valid UTF-8"},
		{"too deep", nested(65), "JSON is nested deeper than 64"},
		{"far too deep and cut short", strings.Repeat(`{"a":`, 100_000), "JSON is nested deeper than 64"},
		{"too long", `"` + strings.Repeat("a", protocol.MaxPayload) + `"`, "JSON has 524290 bytes, at most 524288 are allowed"},
		{"one key twice", `{"a":1,"a":2}`, `JSON has the key "a" twice in one object`},
		{"one key written twice in two ways", `{"a":1,"\u0061":2}`, `JSON has the key "a" twice in one object`},
		{"the other way round", `{"\u0061":1, "a" : 2}`, `JSON has the key "a" twice in one object`},
		{"deep within", `[{"x":[{"b":1,"c":{},"b":[]}]}]`, `JSON has the key "b" twice in one object`},
		{"the empty key twice", `{"":1,"":2}`, `JSON has the key "" twice in one object`},
		{"among many", `{` + many + `,"k3":1}`, `JSON has the key "k3" twice in one object`},
		{"the 33rd and the last", `{` + many + `,"k99":1}`, `JSON has the key "k99" twice in one object`},
		{"in the object after many", `[{` + many + `},{"a":1,"a":2}]`, `JSON has the key "a" twice in one object`},
	} {
		got := ""
		if err := protocol.CheckJSON([]byte(tt.in)); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// FuzzCheckJSON: what is accepted is valid JSON in which no object has a key
// twice, and of what is refused at least one of these is not true.
func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{`{"a":1,"\u0061":2}`, `[[[]]]`, `{"a":{"a":[1,"]",{"b":null}]}}`, `"\ud800"`, `{"\ud800":1,"\ud801":2}`, "{\"a\"\n:\t1 , \"b\":-0.0e+1}", `{"a":`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		err := protocol.CheckJSON(body)
		want := len(body) <= protocol.MaxPayload && utf8.Valid(body) && json.Valid(body) && depth(body) <= protocol.MaxDepth && !twice(body)
		if (err == nil) != want {
			t.Fatalf("%q: %v", body, err)
		}
	})
}

// depth and twice are the plain way to ask, by the standard library's tokens.
func depth(body []byte) (most int) {
	now := 0
	for d := json.NewDecoder(strings.NewReader(string(body))); ; {
		token, err := d.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			now++
			most = max(most, now)
		case json.Delim(']'), json.Delim('}'):
			now--
		}
	}
}

func twice(body []byte) bool {
	type level struct {
		keys   map[string]bool // of an object
		expect bool            // a key comes next
	}
	var levels []*level
	for d := json.NewDecoder(strings.NewReader(string(body))); ; {
		token, err := d.Token()
		if err != nil {
			return false
		}
		var top *level
		if len(levels) > 0 {
			top = levels[len(levels)-1]
		}
		if key, ok := token.(string); ok && top != nil && top.expect {
			if top.keys[key] {
				return true
			}
			top.keys[key], top.expect = true, false
			continue
		}
		switch token {
		case json.Delim('{'):
			levels = append(levels, &level{keys: make(map[string]bool), expect: true})
			continue
		case json.Delim('['):
			levels = append(levels, &level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
		}
		if len(levels) > 0 {
			top = levels[len(levels)-1]
			top.expect = top.keys != nil
		}
	}
}
