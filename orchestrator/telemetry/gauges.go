package telemetry

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// gaugeTimeout bounds what is asked of journal and view for one collection.
const gaugeTimeout = 2 * time.Second

// A Member is an orchestrator, as far as it tells of itself.
type Member interface{ Status() orchestrator.Status }

// gauges are measured when somebody collects them, for the partitions that this
// process drives: those of all members add up.
type gauges struct {
	*Telemetry
	member  Member
	journal orchestrator.Journal
	view    orchestrator.View

	active, stuck, backlog, lag, behind, owned metric.Int64ObservableGauge
}

// Attach measures what member, its journal and its view say of themselves.
func (t *Telemetry) Attach(member Member, j orchestrator.Journal, v orchestrator.View) error {
	if t.meter == nil {
		return nil
	}
	g := &gauges{Telemetry: t, member: member, journal: j, view: v}
	var errs []error
	var all []metric.Observable
	gauge := func(name, what string) metric.Int64ObservableGauge {
		i, err := t.meter.meter.Int64ObservableGauge(name, metric.WithDescription(what))
		errs, all = append(errs, err), append(all, i)
		return i
	}
	g.active = gauge("saga.active", "Sagas that are under way, stuck ones apart.")
	g.stuck = gauge("saga.stuck", "Sagas that wait for a person.")
	g.backlog = gauge("saga.compensation.backlog", "Sagas that turned back and are not undone yet.")
	g.lag = gauge("saga.partition.lag", "Messages of a partition that its owner has not read.")
	g.behind = gauge("saga.view.lag", "Messages of a partition that the view does not count as settled.")
	g.owned = gauge("saga.partition.owned", "1 for each partition that this member drives.")
	counts, tell, err := t.counts()
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	return t.meter.observe(func(ctx context.Context, o metric.Observer) error {
		status := member.Status()
		tell(o, status.Counts)
		ctx, cancel := context.WithTimeout(ctx, gaugeTimeout)
		defer cancel()
		// An error would keep all other metrics from being exported, too, at the
		// very time when somebody looks at them.
		if err := errors.Join(g.sagas(ctx, o, status), g.lags(ctx, o, status)); err != nil {
			t.log.Debug("some gauges cannot be read now", "error", err)
		}
		return nil
	}, append(all, counts...)...)
}

// sagas counts what the view has of our partitions.
func (g *gauges) sagas(ctx context.Context, o metric.Observer, s orchestrator.Status) error {
	sum := map[definition]map[instance.Status]int{}
	for d := range g.meter.known {
		sum[d] = map[instance.Status]int{} // that there is none is worth a number, too
	}
	sum[unknown] = map[instance.Status]int{}
	for _, p := range s.Partitions {
		counts, err := g.view.Partition(p.Partition).Count(ctx)
		if err != nil {
			return err // half of it would be a wrong number
		}
		for _, c := range counts {
			sum[g.meter.of(c.Definition, strconv.Itoa(c.Version))][c.Status] += c.Sagas
		}
	}
	for d, n := range sum {
		of := d.labels()
		for _, status := range []instance.Status{instance.Running, instance.Compensating} {
			o.ObserveInt64(g.active, int64(n[status]), metric.WithAttributes(append(of, attribute.String("saga.status", string(status)))...))
		}
		o.ObserveInt64(g.stuck, int64(n[instance.Stuck]), metric.WithAttributes(of...))
		o.ObserveInt64(g.backlog, int64(n[instance.Compensating]), metric.WithAttributes(of...))
	}
	return nil
}

func (g *gauges) lags(ctx context.Context, o metric.Observer, s orchestrator.Status) error {
	var errs []error
	for _, p := range s.Partitions {
		of := metric.WithAttributes(attribute.Int("saga.partition", p.Partition))
		o.ObserveInt64(g.owned, 1, of)
		tail, err := g.journal.Partition(p.Partition).Tail(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		o.ObserveInt64(g.lag, distance(p.Read, tail.Last), of)
		o.ObserveInt64(g.behind, distance(p.Position, tail.Last), of)
	}
	return errors.Join(errs...)
}

func distance(at, end uint64) int64 {
	if at >= end {
		return 0
	}
	return int64(end - at)
}

// counts are the totals that a member keeps anyway.
func (t *Telemetry) counts() (all []metric.Observable, tell func(metric.Observer, orchestrator.Counts), err error) {
	type count struct {
		instrument metric.Int64ObservableCounter
		of         func(orchestrator.Counts) uint64
	}
	var list []count
	var errs []error
	add := func(name, what string, of func(orchestrator.Counts) uint64) {
		i, err := t.meter.meter.Int64ObservableCounter(name, metric.WithDescription(what))
		errs, all, list = append(errs, err), append(all, i), append(list, count{i, of})
	}
	add("saga.decisions", "Decisions that were stored.", func(c orchestrator.Counts) uint64 { return c.Links })
	add("saga.inputs.late", "Answers and requests that came too late, or twice.", func(c orchestrator.Counts) uint64 { return c.Stale })
	add("saga.inputs.rejected", "Messages that can be no input.", func(c orchestrator.Counts) uint64 { return c.Rejected })
	add("saga.inputs.orphans", "Of them, those of no saga.", func(c orchestrator.Counts) uint64 { return c.Orphans })
	add("saga.timers", "Timers that fired.", func(c orchestrator.Counts) uint64 { return c.Timers })
	add("saga.append.doubts", "Appends whose outcome had to be read back.", func(c orchestrator.Counts) uint64 { return c.Doubts })
	add("saga.append.conflicts", "Appends that lost to somebody else's.", func(c orchestrator.Counts) uint64 { return c.Conflicts })
	add("saga.reloads", "Sagas that were read anew from the journal.", func(c orchestrator.Counts) uint64 { return c.Reloads })
	add("saga.purged", "Histories that left the journal.", func(c orchestrator.Counts) uint64 { return c.Purged })
	add("saga.alarms", "Events that a person should look at.", func(c orchestrator.Counts) uint64 { return c.Alarms })
	return all, func(o metric.Observer, c orchestrator.Counts) {
		for _, n := range list {
			o.ObserveInt64(n.instrument, int64(n.of(c)))
		}
	}, errors.Join(errs...)
}
