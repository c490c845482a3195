package protocol

import (
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
	switch {
	case len(body) == 0:
		return errors.New("JSON is empty")
	case len(body) > MaxPayload:
		return fmt.Errorf("JSON has %d bytes, at most %d are allowed", len(body), MaxPayload)
	case !utf8.Valid(body):
		return errors.New("JSON is not valid UTF-8")
	}
	s := scanner{text: body}
	if err := s.depth(); err != nil {
		return err // before json.Valid, whose own bound has a worse text
	}
	if !json.Valid(body) {
		return errors.New("JSON is cut short or malformed")
	}
	return s.value()
}

// A scanner walks over text that is known to be valid JSON.
type scanner struct {
	text []byte
	at   int
}

// depth checks the nesting of text that may be anything.
func (s scanner) depth() error {
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
		return s.list(']', s.value)
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
	var seen []string // objects are small: a slice beats a map
	var many map[string]bool
	return s.list('}', func() error {
		key := s.key()
		if many == nil && len(seen) == 32 {
			many = make(map[string]bool)
			for _, k := range seen {
				many[k] = true
			}
		}
		for _, k := range seen {
			if many == nil && k == key {
				return fmt.Errorf("JSON has the key %.64q twice in one object", key)
			}
		}
		if many[key] {
			return fmt.Errorf("JSON has the key %.64q twice in one object", key)
		}
		if many == nil {
			seen = append(seen, key)
		} else {
			many[key] = true
		}
		s.peek()
		s.at++ // the colon
		return s.value()
	})
}

// list walks over what stands between brackets, calling item at each.
func (s *scanner) list(end byte, item func() error) error {
	s.at++
	for s.peek() != end {
		if s.text[s.at] == ',' {
			s.at++
			s.peek()
		}
		if err := item(); err != nil {
			return err
		}
	}
	s.at++
	return nil
}

// key returns the string at the scanner, unquoted: "a" and "\u0061" are one key.
func (s *scanner) key() string {
	s.peek()
	raw := s.str()
	for _, c := range raw {
		if c == '\\' {
			var key string
			if json.Unmarshal(raw, &key) == nil {
				return key
			}
		}
	}
	return string(raw[1 : len(raw)-1])
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
