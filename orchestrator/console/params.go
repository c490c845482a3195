package console

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// Params reads the query of a request, and remembers the first thing that is
// wrong with it. Done says that, and names parameters that nobody asked for: a
// filter that is misspelt must not select everything.
type params struct {
	values url.Values
	err    error
}

func newParams(r *http.Request) (*params, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, verbs.Invalid(fmt.Errorf("the query cannot be read: %w", err))
	}
	return &params{values: values}, nil
}

func (p *params) wrong(format string, args ...any) {
	if p.err == nil {
		p.err = verbs.Invalid(fmt.Errorf(format, args...))
	}
}

// all returns the values of a parameter that may be repeated.
func (p *params) all(name string) []string {
	list := p.values[name]
	delete(p.values, name)
	return list
}

func (p *params) text(name string) string {
	list := p.all(name)
	if len(list) > 1 {
		p.wrong("%s is given %d times", name, len(list))
	}
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func (p *params) number(name string, least, most uint64) uint64 {
	text := p.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < least || n > most {
		p.wrong("%s %q is no number from %d to %d", name, protocol.Text(text, 40), least, most)
	}
	return n
}

// maxSequence is the greatest number that JSON carries to every reader as it is.
const maxSequence = 1 << 53

func (p *params) sequence(name string) uint64 { return p.number(name, 0, maxSequence) }

func (p *params) yes(name string) bool {
	switch text := p.text(name); text {
	case "", "false":
		return false
	case "true":
		return true
	default:
		p.wrong("%s %q is neither true nor false", name, protocol.Text(text, 16))
		return false
	}
}

func (p *params) time(name string) time.Time {
	text := p.text(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		p.wrong("%s %q is no time such as 2026-07-14T03:33:20Z", name, protocol.Text(text, 40))
	}
	return t
}

func (p *params) done() error {
	if p.err != nil {
		return p.err
	}
	for name := range p.values {
		return verbs.Invalid(fmt.Errorf("there is no parameter %q here; /api/v1/openapi.json lists them", protocol.Text(name, 40)))
	}
	return nil
}

// cursor reads where a page of a list begins.
func (p *params) cursor(name string) (at orchestrator.Cursor) {
	text := p.text(name)
	if text == "" {
		return at
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	millis, id, ok := strings.Cut(string(raw), ".")
	n, errNumber := strconv.ParseInt(millis, 10, 64)
	if err != nil || !ok || errNumber != nil || n < 0 || n > 1<<47 || protocol.CheckID(id) != nil {
		p.wrong("%s is none that a page ended with", name)
		return at
	}
	return orchestrator.Cursor{Started: time.UnixMilli(n).UTC(), ID: id}
}

// cursorText writes a cursor as a page ends with.
func cursorText(at *orchestrator.Cursor) string {
	if at == nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at.Started.UnixMilli(), 10) + "." + at.ID))
}

// pathNumber reads a number of the path.
func pathNumber(r *http.Request, name string) (uint64, error) {
	n, err := strconv.ParseUint(r.PathValue(name), 10, 64)
	if err != nil || n == 0 || n > maxSequence {
		return 0, verbs.Invalid(fmt.Errorf("%s %q is no number from 1 on", name, protocol.Text(r.PathValue(name), 40)))
	}
	return n, nil
}

// maxBody bounds what is read of a request's body.
const maxBody = protocol.MaxPayload

// body reads a request's JSON into v. A field that is not known is an error.
func body(w http.ResponseWriter, r *http.Request, p *params, v any) error {
	if err := p.done(); err != nil {
		return err
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return &verbs.Failure{Code: codeMediaType, Err: fmt.Errorf("Content-Type is %q, and application/json is wanted", protocol.Text(r.Header.Get("Content-Type"), 80))}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return &verbs.Failure{Code: orchestrator.CodeTooLarge, Err: fmt.Errorf("the body has more than %d bytes", maxBody)}
	case err != nil:
		return verbs.Invalid(fmt.Errorf("the body cannot be read: %w", err))
	}
	if err := verbs.Decode(text, v); err != nil {
		return verbs.Invalid(fmt.Errorf("the body: %w", err))
	}
	return nil
}

// who is who asks: the body says it, or the header.
func who(r *http.Request, said string) string {
	if said == "" {
		said = r.Header.Get("Amends-Who")
	}
	return said
}
