package sagas

// A Part is a step, or steps in sequence or in parallel, of a saga whose data
// is an S.
type Part[S any] interface {
	// place adds the part's steps behind the steps after, and returns
	// those that a next part has to wait for.
	place(b *builder[S], after []int) []int
}

// A builder collects the steps of parts, and their functions beside them.
type builder[S any] struct {
	steps  []Planned
	typed  []functions[S]
	faults []error
}

// functions are what a typed step does with the saga's data.
type functions[S any] struct {
	request func(S) ([]byte, error)
	accept  func([]byte) error // of an output, without the author's function
	result  func(*S, []byte) error
	undo    func(S, *[]byte) ([]byte, error)
}

func (s StepOf[S, Rep]) place(b *builder[S], after []int) []int {
	plan := s.plan
	plan.After = after
	b.steps = append(b.steps, plan)
	b.typed = append(b.typed, functions[S]{s.request, s.accept, s.result, s.undo})
	b.faults = append(b.faults, s.faults...)
	return []int{len(b.steps) - 1}
}

type sequence[S any] []Part[S]

// Sequence puts parts one behind the other. Define does so with its own.
func Sequence[S any](parts ...Part[S]) Part[S] { return sequence[S](parts) }

func (q sequence[S]) place(b *builder[S], after []int) []int {
	for _, p := range q {
		after = p.place(b, after)
	}
	return after
}

type parallel[S any] []Part[S]

// Parallel puts parts beside each other. What follows waits for all of them.
func Parallel[S any](parts ...Part[S]) Part[S] { return parallel[S](parts) }

func (l parallel[S]) place(b *builder[S], after []int) []int {
	if len(l) == 0 {
		return after
	}
	var ends []int
	for _, p := range l {
		ends = append(ends, p.place(b, after)...)
	}
	return ends
}
