package orchestrator

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
)

// An object appends one JSON object, byte for byte as encoding/json writes a
// struct: links and rows are written for every saga many times, and reflection
// was a tenth of what an orchestrator did. Fields come in the struct's order.
type object struct {
	b   []byte
	err error
}

// open begins the object; the caller has written what stands before it.
func (o *object) open() { o.b = append(o.b, '{') }

func (o *object) close() { o.b = append(o.b, '}') }

// key writes a field's name, which needs no escaping.
func (o *object) key(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), name...), '"', ':')
}

func (o *object) text(name, value string) {
	o.key(name)
	o.quoted(value)
}

// given writes a field unless it is empty.
func (o *object) given(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

func (o *object) number(name string, value uint64) {
	o.key(name)
	o.b = strconv.AppendUint(o.b, value, 10)
}

// count writes a number that is never negative.
func (o *object) count(name string, value int) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, int64(value), 10)
}

// yes writes a field that is true, and leaves out one that is not.
func (o *object) yes(name string, value bool) {
	if value {
		o.key(name)
		o.b = append(o.b, "true"...)
	}
}

func (o *object) time(name string, value time.Time) {
	o.key(name)
	o.b = append(o.b, '"')
	b, err := value.AppendText(o.b)
	if err != nil {
		o.err = err
		return
	}
	o.b = append(b, '"')
}

// givenTime writes a time unless it is zero.
func (o *object) givenTime(name string, value time.Time) {
	if !value.IsZero() {
		o.time(name, value)
	}
}

// bytes writes base64, and leaves out what is empty.
func (o *object) bytes(name string, value []byte) {
	if len(value) > 0 {
		o.key(name)
		o.b = append(o.b, '"')
		o.b = append(base64.StdEncoding.AppendEncode(o.b, value), '"')
	}
}

// quoted writes a string. What would be escaped is left to encoding/json.
func (o *object) quoted(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			o.marshal(s)
			return
		}
	}
	o.b = append(append(append(o.b, '"'), s...), '"')
}

// marshal writes what is too rare to be worth code of its own.
func (o *object) marshal(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		o.err = err
		return
	}
	o.b = append(o.b, text...)
}
