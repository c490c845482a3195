package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep a JSON body may nest.
const MaxDepth = 64

// CheckJSON reports what is wrong with body as JSON: not valid, not UTF-8, too
// large, nested deeper than MaxDepth, or an object with one key twice, where
// two readers may each see another value.
func CheckJSON(body []byte) error {
	if err := plausible(body); err != nil {
		return err
	}
	if !json.Valid(body) {
		return errMalformed
	}
	s := scanner{text: body}
	return s.value()
}

// read is CheckJSON and json.Unmarshal with one look less at body.
func read(body []byte, v any) error {
	if err := plausible(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) && !json.Valid(body) { // else it is of the type's own making
			return errMalformed
		}
		return err
	}
	s := scanner{text: body}
	return s.value()
}

var errMalformed = errors.New("JSON is cut short or malformed")

// plausible checks what can be checked of text that may be anything.
func plausible(body []byte) error {
	switch {
	case len(body) == 0:
		return errors.New("JSON is empty")
	case len(body) > MaxPayload:
		return fmt.Errorf("JSON has %d bytes, at most %d are allowed", len(body), MaxPayload)
	case !utf8.Valid(body):
		return errors.New("JSON is not valid UTF-8")
	}
	return scanner{text: body}.depth() // before encoding/json, whose own bound has a worse text
}

// A scanner walks over text that is known to be valid JSON.
type scanner struct {
	text []byte
	at   int
}

// depth checks the nesting of text that may be anything.
func (s scanner) depth() error {
	if bytes.Count(s.text, []byte("{"))+bytes.Count(s.text, []byte("[")) <= MaxDepth {
		return nil // as almost always: nothing has to be walked over
	}
	depth, quoted := 0, false
	for i := 0; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return fmt.Errorf("JSON is nested deeper than %d", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// value walks over one value and fails on a key that comes twice.
func (s *scanner) value() error {
	switch s.peek() {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		s.str()
	default: // number, true, false, null
		for s.at < len(s.text) && !delimiter(s.text[s.at]) {
			s.at++
		}
	}
	return nil
}

func (s *scanner) object() error {
	var seen keys
	for s.at++; s.peek() != '}'; {
		if s.text[s.at] == ',' {
			s.at++
		}
		if key := s.key(); !seen.add(key) {
			return fmt.Errorf("JSON has the key %.64q twice in one object", key)
		}
		s.peek()
		s.at++ // the colon
		if err := s.value(); err != nil {
			return err
		}
	}
	s.at++
	return nil
}

func (s *scanner) array() error {
	for s.at++; s.peek() != ']'; {
		if s.text[s.at] == ',' {
			s.at++
		}
		if err := s.value(); err != nil {
			return err
		}
	}
	s.at++
	return nil
}

// keys are those of one object.
type keys struct {
	few  [16][]byte // objects are small: an array beats a map
	n    int
	many map[string]bool // all of them, once there are too many to compare
}

// add reports whether key is new.
func (k *keys) add(key []byte) bool {
	if k.many == nil {
		for _, other := range k.few[:k.n] {
			if bytes.Equal(other, key) {
				return false
			}
		}
		if k.n < len(k.few) {
			k.few[k.n] = key
			k.n++
			return true
		}
		k.many = make(map[string]bool, 64)
		for _, key := range k.few {
			k.many[string(key)] = true
		}
	}
	known := k.many[string(key)]
	k.many[string(key)] = true
	return !known
}

// key returns the string at the scanner, unquoted: "a" and "\u0061" are one key.
func (s *scanner) key() []byte {
	s.peek()
	raw := s.str()
	if bytes.IndexByte(raw, '\\') >= 0 {
		var key string
		if json.Unmarshal(raw, &key) == nil {
			return []byte(key)
		}
	}
	return raw[1 : len(raw)-1]
}

func (s *scanner) str() []byte {
	start := s.at
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
	return s.text[start:s.at]
}

// peek skips white space and returns the byte after it.
func (s *scanner) peek() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

func delimiter(c byte) bool {
	switch c {
	case ',', '}', ']', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}
