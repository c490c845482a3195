package protocol

import (
	"errors"
	"fmt"
)

// MaxName is the greatest length of an id or a name, in bytes.
const MaxName = 64

// ErrName is wrapped by every error about an id or a name that cannot be used.
var ErrName = errors.New("invalid name")

// CheckID reports whether id can name a saga. Ids become tokens of subjects,
// where "*", ">" and NUL are stored by the server and later match or purge
// far more than one saga.
func CheckID(id string) error {
	return check("id", id)
}

// CheckName reports whether name can name a definition, a step, an action, or
// a participant. The kind ("step", "participant") is for the error's text.
func CheckName(kind, name string) error {
	switch name {
	case "start", "signal", "control", "canary", "purged", "chain":
		return fmt.Errorf("%w: %s %q is a word of the protocol", ErrName, kind, name)
	}
	return check(kind, name)
}

func check(kind, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: %s is empty", ErrName, kind)
	case len(s) > MaxName:
		return fmt.Errorf("%w: %s %.16q… has %d bytes, at most %d are allowed", ErrName, kind, s, len(s), MaxName)
	case s == NoOne:
		return fmt.Errorf("%w: %s %q is a word of the protocol", ErrName, kind, s)
	}
	for i := range len(s) {
		if !nameByte(s[i]) {
			return fmt.Errorf("%w: %s %q has %q at byte %d; A-Z a-z 0-9 _ and - are allowed", ErrName, kind, s, s[i:i+1], i)
		}
	}
	return nil
}

func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
