package console_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/amends-io/amends/orchestrator/console"
)

// A document is what the test reads of openapi.json.
type document struct {
	Paths    map[string]map[string]described `json:"paths"`
	compiler *jsonschema.Compiler
}

type described struct {
	path, method string

	ID         string      `json:"operationId"`
	Parameters []parameter `json:"parameters"`
	Body       *struct {
		Content map[string]struct {
			Example json.RawMessage `json:"example"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct {
			Example json.RawMessage `json:"example"`
		} `json:"content"`
	} `json:"responses"`
}

type parameter struct {
	Name     string `json:"name"`
	In       string `json:"in"`
	Required bool   `json:"required"`
	Schema   struct {
		Type    string `json:"type"`
		Pattern string `json:"pattern"`
		Items   struct {
			Pattern string `json:"pattern"`
		} `json:"items"`
	} `json:"schema"`
	Example any `json:"example"`
}

func readDocument(t *testing.T, text string) *document {
	t.Helper()
	d := &document{compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("doc.json", value); err != nil {
		t.Fatal(err)
	}
	return d
}

// operations returns all, those that read first.
func (d *document) operations() (list []described) {
	for path, methods := range d.Paths {
		for method, o := range methods {
			o.path, o.method = path, strings.ToUpper(method)
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b described) int { return strings.Compare(a.method+a.path, b.method+b.path) })
	return list
}

// check compares an answer with what the document says of it.
func (d *document) check(o described, status int, contentType string, body []byte) error {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	code := fmt.Sprint(status)
	if _, ok := o.Responses[code]; !ok {
		return fmt.Errorf("status %d is not described", status)
	}
	if _, ok := o.Responses[code].Content[kind]; !ok {
		return fmt.Errorf("with status %d, %s is not described", status, kind)
	}
	if !strings.HasSuffix(kind, "json") || kind == "application/x-ndjson" {
		return nil
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	at := fmt.Sprintf("doc.json#/paths/%s/%s/responses/%s/content/%s/schema", escape.Replace(o.path), strings.ToLower(o.method), code, escape.Replace(kind))
	schema, err := d.compiler.Compile(strings.NewReplacer("{", "%7B", "}", "%7D").Replace(at))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %.200s", err, body)
	}
	return schema.Validate(value)
}

// A call is one request, with what the document says of it.
type call struct {
	described
	query  url.Values
	header http.Header
	body   string
	paths  map[string]string
}

func (w *world) call(d *document, c call) (status int, body []byte, err error) {
	w.t.Helper()
	path := c.path
	for name, value := range c.paths {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), c.method, w.http.URL+console.Prefix+path+"?"+c.query.Encode(), strings.NewReader(c.body))
	if err != nil {
		return 0, nil, nil // no client can send it
	}
	maps.Copy(r.Header, c.header)
	response, err := w.http.Client().Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return response.StatusCode, nil, d.check(c.described, response.StatusCode, response.Header.Get("Content-Type"), nil)
	}
	if body, err = io.ReadAll(response.Body); err != nil {
		return 0, nil, err
	}
	return response.StatusCode, body, d.check(c.described, response.StatusCode, response.Header.Get("Content-Type"), body)
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

// right is a call with nothing but what is required.
func right(o described, paths map[string]string) call {
	c := call{described: o, query: url.Values{}, header: http.Header{}, paths: maps.Clone(paths)}
	if o.Body != nil {
		c.header, c.body = jsonHeader(), string(o.Body.Content["application/json"].Example)
	}
	if o.ID == "stream" {
		c.query.Set("list", "true")
	}
	return c
}

func TestTheDocumentNamesWhatHasAHandlerAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := readDocument(t, string(console.Document))
	described := map[string][]string{}
	for _, o := range d.operations() {
		described[o.path] = append(described[o.path], o.method)
	}
	handled := w.console.Operations()
	for path, methods := range described {
		slices.Sort(methods)
		slices.Sort(handled[path])
		if !slices.Equal(methods, handled[path]) {
			t.Errorf("%s: %v are described, %v are handled", path, methods, handled[path])
		}
	}
	for path := range handled {
		if described[path] == nil {
			t.Errorf("%s is handled, and not described", path)
		}
	}
}

// prepared is a world with a saga of each kind, and what the paths of the
// document name.
func prepared(t *testing.T) (*world, *document, map[string]string) {
	t.Helper()
	w := newWorld(t)
	status, text := w.get("/openapi.json")
	if status != http.StatusOK {
		t.Fatal(text)
	}
	d := readDocument(t, text)
	w.start("order-stuck", stuckUnits)
	w.start("order-back", refusedUnits)
	w.start("order-done", 1)
	for _, id := range []string{"order-stuck", "order-back", "order-done"} {
		w.ended(id)
	}
	if status, text := w.post("/bulk", `{"id":"bulk-1","action":"suspend","filter":{"definition":"place-order","version":9}}`); status != http.StatusAccepted {
		t.Fatal(status, text)
	}
	var history struct {
		Entries []struct {
			Sequence uint64 `json:"sequence"`
		} `json:"entries"`
	}
	_, text = w.get("/sagas/order-stuck/history")
	if err := json.Unmarshal([]byte(text), &history); err != nil {
		t.Fatal(err)
	}
	w.written("order-stuck", "stuck")
	return w, d, map[string]string{
		"id": "order-stuck", "sequence": fmt.Sprint(history.Entries[0].Sequence), "name": "place-order", "version": "1",
	}
}

// written waits until the view has a saga in that status.
func (w *world) written(id, status string) {
	w.t.Helper()
	w.until("the view has "+id+" as "+status, func() (any, bool) {
		_, text := w.get("/sagas?limit=1000&status=" + status)
		return text, strings.Contains(text, `"id":"`+id+`"`)
	})
}

// Every operation that the document names is called as it says, and answers as
// it says: with nothing but what is required, and with each parameter's example.
func TestEveryOperationAnswersAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	w, d, paths := prepared(t)
	for _, o := range d.operations() {
		mine := maps.Clone(paths)
		if strings.HasPrefix(o.path, "/bulk/") {
			mine["id"] = "bulk-1"
		}
		c := right(o, mine)
		status, body, err := w.call(d, c)
		if err != nil || status > 299 {
			t.Errorf("%s %s: %d %.300s: %v", o.method, o.path, status, body, err)
		}
		for _, p := range o.Parameters {
			if p.In == "path" || p.Example == nil {
				continue
			}
			c := right(o, mine)
			if o.ID == "stream" {
				c.query = url.Values{"saga": {"order-stuck"}}
			}
			set(&c, p, texts(p.Example)...)
			status, body, err := w.call(d, c)
			// A message of which a saga's history has none, and a request that is
			// repeated with a change, are described, too.
			if err != nil || status > 299 && status != http.StatusNotFound && status != http.StatusConflict {
				t.Errorf("%s %s with %s: %d %.300s: %v", o.method, o.path, p.Name, status, body, err)
			}
		}
	}
}

// The examples that people read are what the schemas allow.
func TestTheExamplesAreValid(t *testing.T) {
	t.Parallel()
	d := readDocument(t, string(console.Document))
	for _, o := range d.operations() {
		for code, r := range o.Responses {
			for kind, content := range r.Content {
				if content.Example == nil || kind == "text/event-stream" {
					continue
				}
				var status int
				_, _ = fmt.Sscan(code, &status) // no number is no status that is described
				if err := d.check(o, status, kind, content.Example); err != nil {
					t.Errorf("%s %s %s: %v", o.method, o.path, code, err)
				}
			}
		}
	}
}

func set(c *call, p parameter, values ...string) {
	switch p.In {
	case "query":
		c.query[p.Name] = values
	case "header":
		c.header[http.CanonicalHeaderKey(p.Name)] = values
	case "path":
		c.paths[p.Name] = values[0]
	}
}

func texts(example any) []string {
	if list, ok := example.([]any); ok {
		var all []string
		for _, value := range list {
			all = append(all, fmt.Sprint(value))
		}
		return all
	}
	return []string{fmt.Sprint(example)}
}
