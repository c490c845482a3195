package spans

import (
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// templated puts a partition's place into a subject that was built for
// partition -1, which there is not.
func templated(subject string) string { return strings.Replace(subject, ".-1.", ".{p}.", 1) }

// remote marks a context as somebody else's.
func remote(c trace.SpanContext) trace.SpanContext { return c.WithRemote(true) }
