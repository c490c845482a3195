package sagas

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/amends-io/amends/participants/protocol"
)

// A Typed definition knows the type of the saga's data.
type Typed[S any] struct{ Definition }

// Define describes version of the saga called name: its parts one behind the
// other. It never fails; Validate says everything that is wrong.
func Define[S any](name string, version int, parts ...Part[S]) Typed[S] {
	var b builder[S]
	Sequence(parts...).place(&b, nil)
	return Typed[S]{Definition{
		Name: name, Version: version, Steps: b.steps, faults: b.faults,
		mapping: &typedMapping[S]{steps: b.typed, plain: plain(reflect.TypeFor[S]())},
	}}
}

// Check adds a test of the saga's input: one that fails it is refused by
// whoever starts it, and ends before its first step if it was stored anyway.
func (t Typed[S]) Check(check func(S) error) Typed[S] {
	m := *t.mapping.(*typedMapping[S])
	m.check = check
	t.mapping = &m
	return t
}

// Value returns the saga's data as far as it is known: the input, and the
// outputs of the steps in the definition's order.
func (t Typed[S]) Value(k Known) (S, error) {
	return t.mapping.(*typedMapping[S]).value(k, func(int) bool { return true })
}

// Known is what a mapping may be made from: a saga's input and, by step, the
// outputs that are known. An output may be known and empty.
type Known struct {
	Input   []byte
	Outputs map[int][]byte
}

// mapping makes requests. It is what Definition keeps of the type S.
type mapping interface {
	accept(input []byte) error
	acceptOutput(step int, output []byte) error
	request(d Definition, step int, k Known) ([]byte, error)
	undo(d Definition, step int, k Known) ([]byte, error)
	tryUndo(step int) error
	forOne() mapping
}

type typedMapping[S any] struct {
	steps []functions[S]
	check func(S) error
	plain bool        // copies of an S share nothing that could be changed
	last  *decoded[S] // of a mapping for one saga
}

// value makes the data from an input and outputs that were accepted before.
func (m *typedMapping[S]) value(k Known, include func(step int) bool) (S, error) {
	var s S
	if err := m.decode(k.Input, &s); err != nil {
		return s, err
	}
	for i, step := range m.steps {
		output, known := k.Outputs[i]
		if !known || !include(i) {
			continue
		}
		if err := step.result(&s, output); err != nil {
			return s, fmt.Errorf("output of step %d: %w", i, err)
		}
	}
	return s, nil
}

// decode reads an input that was accepted before.
func (m *typedMapping[S]) decode(input []byte, s *S) error {
	if m.last.is(input) {
		*s = m.last.value
		return nil
	}
	if err := protocol.DecodeAgain(input, s); err != nil {
		return fmt.Errorf("the saga's input: %w", err)
	}
	m.last.keep(input, *s)
	return nil
}

// before is the data that step is requested with. Only the outputs of steps
// that precede it count: those beside it may or may not be known yet.
func (m *typedMapping[S]) before(d Definition, step int, k Known) (S, error) {
	return m.value(k, func(i int) bool { return d.Precedes(i, step) })
}

func (m *typedMapping[S]) accept(input []byte) error {
	var s S
	if err := protocol.Decode(input, &s); err != nil {
		return fmt.Errorf("the saga's input: %w", err)
	}
	m.last.keep(input, s)
	if m.check == nil {
		return nil
	}
	return m.check(s)
}

func (m *typedMapping[S]) acceptOutput(step int, output []byte) error {
	return m.steps[step].accept(output)
}

func (m *typedMapping[S]) request(d Definition, step int, k Known) ([]byte, error) {
	s, err := m.before(d, step, k)
	if err != nil {
		return nil, err
	}
	return m.steps[step].request(s)
}

func (m *typedMapping[S]) undo(d Definition, step int, k Known) ([]byte, error) {
	s, err := m.before(d, step, k)
	if err != nil {
		return nil, err
	}
	if output, known := k.Outputs[step]; known {
		return m.steps[step].undo(s, &output)
	}
	return m.steps[step].undo(s, nil)
}

// tryUndo finds a compensation that cannot do without the step's output. It
// panics with nil where it does not with the zero output: what panics on both
// stumbles over the empty data of this trial.
func (m *typedMapping[S]) tryUndo(step int) error {
	undo := m.steps[step].undo
	if undo == nil {
		return nil
	}
	try := func(output *[]byte) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("%v", r)
			}
		}()
		var s S
		_, err = undo(s, output)
		return err
	}
	if err := try(nil); err != nil && try(m.zeroOutput(step)) == nil {
		return errors.New("its compensation's request needs the step's output, which is nil when the outcome is unknown")
	}
	return nil
}

// zeroOutput returns a body that decodes as the zero output: of an object, of
// nothing, or of a simple value, whichever the step takes.
func (m *typedMapping[S]) zeroOutput(step int) *[]byte {
	for _, body := range []string{"{}", "", "null"} {
		b := []byte(body)
		var s S
		if m.decodes(step, &s, b) {
			return &b
		}
	}
	b := []byte("null")
	return &b
}

func (m *typedMapping[S]) decodes(step int, s *S, body []byte) (ok bool) {
	defer func() { _ = recover() }() // the result function may stumble over empty data
	return m.steps[step].accept(body) == nil && m.steps[step].result(s, body) == nil
}
