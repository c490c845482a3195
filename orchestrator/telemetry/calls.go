package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/amends-io/amends/orchestrator"
)

// Journal returns j with its appends measured.
func (t *Telemetry) Journal(j orchestrator.Journal) orchestrator.Journal {
	if t.meter == nil {
		return j
	}
	return measured{j, t.meter}
}

type measured struct {
	orchestrator.Journal
	meter *meter
}

func (j measured) Partition(p int) orchestrator.Partition {
	return measuredPartition{j.Journal.Partition(p), j.meter}
}

type measuredPartition struct {
	orchestrator.Partition
	meter *meter
}

func (p measuredPartition) Append(d orchestrator.Draft, done func(uint64, error)) {
	sent := time.Now()
	p.Partition.Append(d, func(sequence uint64, err error) {
		p.meter.append.Record(context.Background(), time.Since(sent).Seconds(), p.meter.appended[faultOf(err)])
		done(sequence, err)
	})
}

func faultOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, orchestrator.ErrConflict):
		return "conflict"
	case errors.Is(err, orchestrator.ErrInDoubt):
		return "in_doubt"
	case errors.Is(err, orchestrator.ErrTooMuch):
		return "too_much"
	}
	return other
}

// Redis measures one command, or a pipeline of several; see redisview.Measure.
// Arguments are none of its business.
func (t *Telemetry) Redis(operation string, took time.Duration, err error) {
	if t.meter == nil {
		return
	}
	list := []attribute.KeyValue{attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", operation)}
	if err != nil {
		list = append(list, attribute.String("error.type", other))
	}
	t.meter.call.Record(context.Background(), took.Seconds(), metric.WithAttributes(list...))
}
