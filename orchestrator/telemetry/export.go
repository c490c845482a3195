package telemetry

import (
	"fmt"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/telemetry/spans"
)

// Export makes the spans of one saga's history, which has to be whole, and
// returns how many there are: none of a saga that is not sampled. They are
// those that orchestrators make, with the same ids.
func (t *Telemetry) Export(history []orchestrator.Message) (count int, err error) {
	var sg spans.Saga
	for _, m := range history {
		facts, err := sg.Add(m, nil)
		if err != nil {
			return count, fmt.Errorf("message %d: %w", m.Sequence, err)
		}
		if t.tracer == nil || !t.sampled(sg.Key) {
			continue
		}
		for _, f := range facts {
			for _, s := range sg.Of(t.subjects, f) {
				emit(t.tracer, s)
				count++
			}
		}
	}
	return count, nil
}
