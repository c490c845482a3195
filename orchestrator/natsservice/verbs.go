package natsservice

import (
	"context"

	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// verbEndpoints are what one can ask for beside the reads that every service
// answers: the same that HTTP has.
func (s *Service) verbEndpoints() map[string]micro.Handler {
	v := s.verbs
	return map[string]micro.Handler{
		verbs.EndpointSaga:  handler(s, s.saga),
		verbs.EndpointSteps: handler(s, v.Steps),
		verbs.EndpointDiff:  handler(s, v.Diff),
		verbs.EndpointPlan:  handler(s, v.Plan),
		verbs.EndpointAudit: handler(s, s.audit),
		verbs.EndpointStart: handler(s, v.Start),
		verbs.EndpointControl: within(s, s.asking, func(ctx context.Context, r verbs.NamedControl) (verbs.Decision, error) {
			return v.Control(ctx, r.ID, r.ControlRequest)
		}),
		verbs.EndpointSignal: within(s, s.asking, func(ctx context.Context, r verbs.NamedSignal) (verbs.Decision, error) {
			return v.Signal(ctx, r.ID, r.SignalRequest)
		}),
		verbs.EndpointBulk: handler(s, func(ctx context.Context, r verbs.BulkRequest) (a verbs.BulkAnswer, err error) {
			a.Preview, a.Bulk, err = v.Bulk(ctx, r)
			return a, err
		}),
	}
}

// saga is get as HTTP has it.
func (s *Service) saga(ctx context.Context, r verbs.SagaRequest) (verbs.Saga, error) {
	return s.verbs.Saga(ctx, r)
}

// audit is a page of what people asked for. Where not all fits into an answer,
// the cursor comes earlier than the limit.
func (s *Service) audit(ctx context.Context, q orchestrator.AuditQuery) (verbs.Audit, error) {
	a, err := s.verbs.Audit(ctx, q)
	if err != nil {
		return a, err
	}
	n, err := fit(s.most(), a.Requests)
	if err == nil && n < len(a.Requests) {
		next := a.Requests[n-1].Cursor()
		a.Requests, a.Next = a.Requests[:n], &next
	}
	return a, err
}

// bulks is asked of every member: each remembers those that it runs or ran.
func (s *Service) bulks(_ context.Context, r verbs.BulkRef) (verbs.BulksAnswer, error) {
	return s.memberBulks(verbs.BulkRef{ID: r.ID})
}

// stopBulk is bulks, and stops the one that is named.
func (s *Service) stopBulk(_ context.Context, r verbs.BulkRef) (verbs.BulksAnswer, error) {
	return s.memberBulks(verbs.BulkRef{ID: r.ID, Stop: true})
}

func (s *Service) memberBulks(r verbs.BulkRef) (verbs.BulksAnswer, error) {
	list := s.verbs.LocalBulks(r)
	n, err := fit(s.most(), list)
	if err != nil {
		return verbs.BulksAnswer{}, err
	}
	a := verbs.BulksAnswer{Member: s.name(), Bulks: list[:n]}
	if o := s.cfg.Orchestrator; o != nil {
		a.Members = o.Members()
	}
	return a, nil
}

// name is the member's, or the service's own where it drives nothing.
func (s *Service) name() string {
	if o := s.cfg.Orchestrator; o != nil {
		return o.Status().Member
	}
	return s.service.Info().ID
}
