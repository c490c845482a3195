package sagas

// Accept reports why the saga cannot be started with input.
func (d Definition) Accept(input []byte) error {
	if d.mapping == nil {
		return nil
	}
	return d.mapping.accept(input)
}

// AcceptOutput reports why output cannot be the output of step.
func (d Definition) AcceptOutput(step int, output []byte) error {
	if d.mapping == nil {
		return nil
	}
	return d.mapping.acceptOutput(step, output)
}

// Request makes the request of step from what is known. It panics if the
// author's function does.
func (d Definition) Request(step int, k Known) ([]byte, error) {
	if d.mapping == nil {
		return k.Input, nil
	}
	return d.mapping.request(d, step, k)
}

// UndoRequest makes the request of step's compensation from what was known
// when the step was requested, and from the step's own output if it is known.
// It panics if the author's function does.
func (d Definition) UndoRequest(step int, k Known) ([]byte, error) {
	if d.mapping == nil {
		return k.Input, nil
	}
	return d.mapping.undo(d, step, k)
}
