// Package telemetry is an orchestrator's observer for OpenTelemetry. It knows
// the API alone: whoever runs it brings the SDK and the exporters.
//
// It follows the messages that the owner of a partition reads anyway, and the
// decisions that it stores. Spans and durations come from the times of both (see
// package spans), counts from the decisions that this process stored itself, so
// that those of all orchestrators add up. Saga ids are in spans, and in no label of a metric.
package telemetry
