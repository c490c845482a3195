package exporters

import (
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/sdk/trace"
)

// sampler is what OTEL_TRACES_SAMPLER names. A saga is sampled or not as a
// whole, by its client's context and the trace of its root; so the SDK, which
// would decide span by span, is not left to read the variable.
func (e env) sampler() (trace.Sampler, error) {
	name := strings.ToLower(strings.TrimSpace(e("OTEL_TRACES_SAMPLER")))
	base, parent := strings.CutPrefix(name, "parentbased_")
	if name == "" {
		base, parent = "always_on", true
	}
	var s trace.Sampler
	switch base {
	case "always_on":
		s = trace.AlwaysSample()
	case "always_off":
		s = trace.NeverSample()
	case "traceidratio":
		ratio := 1.0
		if text := e("OTEL_TRACES_SAMPLER_ARG"); text != "" {
			var err error
			if ratio, err = strconv.ParseFloat(text, 64); err != nil || ratio < 0 || ratio > 1 {
				return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG: %.32q is not between 0 and 1", text)
			}
		}
		s = trace.TraceIDRatioBased(ratio)
	default:
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER: %.32q is none of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio", name)
	}
	if parent {
		s = trace.ParentBased(s)
	}
	return s, nil
}
