package sagas

import (
	"bytes"
	"reflect"
	"time"
)

// ForOne returns d for one saga at a time, and one goroutine: it decodes the
// saga's input once, and not again for every request. That is so where the
// input is short and the type of the data is plain; what an author's function changes in other data
// might be found there by the next one, so it gets data of its own.
func (d Definition) ForOne() Definition {
	if d.mapping != nil {
		d.mapping = d.mapping.forOne()
	}
	return d
}

// maxKept is how long an input may be, in bytes, to be kept decoded: a saga that
// waits would have a long one in memory twice.
const maxKept = 1 << 10

// A decoded input is kept to be used again.
type decoded[S any] struct {
	body  []byte
	value S
	known bool
}

func (i *decoded[S]) is(body []byte) bool {
	return i != nil && i.known && bytes.Equal(i.body, body)
}

func (i *decoded[S]) keep(body []byte, value S) {
	if i != nil && len(body) <= maxKept {
		*i = decoded[S]{body, value, true}
	}
}

func (m *typedMapping[S]) forOne() mapping {
	if !m.plain {
		return m
	}
	one := *m
	one.last = &decoded[S]{}
	return &one
}

// plain reports whether values of type t share nothing with their copies that
// could be changed.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return true // it points to its location, which nobody can change
		}
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}
