package console_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// hostileTexts can be no id, name, number, time or yes-or-no.
var hostileTexts = []string{
	"*", ">", "a.b", "a\x00", "a\r\nPUB x", "../../etc/passwd", "ünï", "a b", "-", "'\"<script>", "%", "\xff\xfe",
	"-1", "0x10", "1e400", "NaN", "99999999999999999999999", strings.Repeat("a", 5000), strings.Repeat("9", 300),
}

// harmless reports whether a text that is hostile elsewhere may be meant here:
// a name that nothing has.
func harmless(p parameter, text string) bool {
	return p.In == "header" || p.Name == "who" && text == protocol.Text(text, orchestrator.MaxWho) || (p.Schema.Pattern != "" || p.Schema.Items.Pattern != "") && protocol.CheckID(text) == nil
}

func TestHostileParametersAreToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	w, d, paths := prepared(t)
	for _, o := range d.operations() {
		for _, p := range o.Parameters {
			for _, text := range hostileTexts {
				c := right(o, paths)
				if o.ID == "stream" {
					c.query = url.Values{"saga": {"order-stuck"}}
				}
				set(&c, p, text)
				if p.In == "path" {
					c.paths[p.Name] = url.PathEscape(text)
				}
				w.mustRefuse(d, c, fmt.Sprintf("%s=%.20q", p.Name, text), !harmless(p, text))
			}
			if p.In == "query" && p.Schema.Type != "array" {
				c := right(o, paths)
				set(&c, p, texts(p.Example)[0], texts(p.Example)[0])
				w.mustRefuse(d, c, p.Name+" given twice", true)
			}
		}
		c := right(o, paths)
		c.query.Set("unheard-of", "1")
		w.mustRefuse(d, c, "an unknown parameter", true)
	}
}

// mustRefuse calls, and wants a problem of the caller's, as the document
// describes it. Sure says that the call cannot succeed.
func (w *world) mustRefuse(d *document, c call, what string, sure bool) {
	w.t.Helper()
	status, body, err := w.call(d, c)
	switch {
	case status == 0 && (err == nil || strings.Contains(err.Error(), "invalid header")): // no client can send it
		return
	case status == http.StatusMethodNotAllowed || status == http.StatusNotFound && strings.Contains(string(body), "no such path"):
		err = nil // a path that is another one; described for all of them together
	}
	if err != nil || status >= 500 || sure && status < 400 {
		w.t.Errorf("%s %s with %s: %d %.300s: %v", c.method, c.path, what, status, body, err)
	}
	if status >= 400 {
		var p struct {
			Type, Title, Code string
			Status            int
		}
		if err := json.Unmarshal(body, &p); err != nil || p.Status != status || p.Type != "urn:amends:problem:"+p.Code || p.Title == "" {
			w.t.Errorf("%s %s with %s: %d: no problem document: %.300s", c.method, c.path, what, status, body)
		}
	}
}

func TestHostileBodiesAreToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	w, d, paths := prepared(t)
	bodies := map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "a text": `"x"`, "half": `{"action":`, "two": `{} {}`, "unknown": `{"unheard_of":1}`,
		"deep": strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), "twice": `{"who":"a","who":"b"}`,
		"not UTF-8": "{\"who\":\"\xff\"}", "a number for all": `{"action":1,"definition":1,"name":1,"who":1}`,
		"long": `{"who":"` + strings.Repeat("a", 2<<20) + `"}`, "no JSON": "<xml/>",
	}
	for _, o := range d.operations() {
		if o.Body == nil {
			continue
		}
		for what, body := range bodies {
			c := right(o, paths)
			c.body = body
			w.mustRefuse(d, c, what, true)
		}
		for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "//"} {
			c := right(o, paths)
			c.header.Set("Content-Type", kind)
			w.mustRefuse(d, c, "content type "+kind, true)
		}
		for _, origin := range []string{"https://evil.example", "null"} {
			c := right(o, paths)
			c.header.Set("Origin", origin)
			w.mustRefuse(d, c, "origin "+origin, true)
		}
		c := right(o, paths)
		c.header.Set("Sec-Fetch-Site", "cross-site")
		w.mustRefuse(d, c, "a page of another site", true)
		w.hostileFields(d, right(o, paths))
	}
}

// hostileFields replaces each field of a right body by what cannot be meant.
func (w *world) hostileFields(d *document, c call) {
	w.t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(c.body), &fields); err != nil {
		w.t.Fatal(err)
	}
	for name := range fields {
		if name == "input" || name == "body" || name == "output" || name == "reason" || name == "who" {
			continue // anything is allowed there
		}
		for _, value := range []any{"*", "a\x00b", strings.Repeat("a", 5000), -1, 1e300, []any{1}, map[string]any{"x": 1}, "\u2028"} {
			changed := map[string]any{}
			for key, field := range fields {
				changed[key] = field
			}
			changed[name] = value
			body, err := json.Marshal(changed)
			if err != nil {
				w.t.Fatal(err)
			}
			call := c
			call.body = string(body)
			w.mustRefuse(d, call, fmt.Sprintf("%s: %.20v", name, value), true)
		}
	}
}

func TestWhatIsNoPathOrMethodIsAProblemToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/", "/nothing", "/sagas/", "/sagas//history", "/sagas/../counts", "/sagas/x/y/z", "/counts/"} {
		if status, body := w.get(path); status != http.StatusNotFound || !strings.Contains(body, `"code":"not-found"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, method := range []string{http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodOptions, "BREW"} {
		if status, body := w.do(method, "/sagas", "", nil); status != http.StatusMethodNotAllowed || !strings.Contains(body, `"code":"method"`) {
			t.Errorf("%s: %d %s", method, status, body)
		}
	}
}

// What a handler cuts off must not look like a whole answer.
func TestAnAnswerThatIsCutOffIsNoWholeOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.console.Handle("/cut", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write([]byte("half"))
		panic(http.ErrAbortHandler)
	}))
	response, err := http.Get(w.http.URL + "/cut")
	if err == nil {
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	if err == nil {
		t.Error("it came as a whole")
	}
}
