package console

import (
	"context"
	"net/http"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/console/graph"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A definition is one as HTTP shows it: with names for indexes, and times in
// milliseconds.
type definition struct {
	Name         string           `json:"name"`
	Version      int              `json:"version"`
	Fingerprint  string           `json:"fingerprint"`
	Steps        []definitionStep `json:"steps"`
	Participants []string         `json:"participants"`
	Mermaid      string           `json:"mermaid,omitempty"`
}

type definitionStep struct {
	Name          string        `json:"name"`
	Participant   string        `json:"participant"`
	Action        string        `json:"action"`
	After         []string      `json:"after"`
	Pivot         bool          `json:"pivot,omitempty"`
	NothingToUndo bool          `json:"nothing_to_undo,omitempty"`
	Timeout       int64         `json:"timeout_ms"`
	Retry         retry         `json:"retry"`
	OnTimeout     string        `json:"on_timeout,omitempty"`
	Compensation  *compensation `json:"compensation,omitempty"`
}

type compensation struct {
	Participant string `json:"participant"`
	Action      string `json:"action"`
	Timeout     int64  `json:"timeout_ms"`
	Retry       retry  `json:"retry"`
}

type retry struct {
	Attempts int     `json:"attempts"`
	Base     int64   `json:"base_ms"`
	Max      int64   `json:"max_ms"`
	Spread   float64 `json:"spread,omitempty"`
}

func shownPolicy(p sagas.Policy) retry {
	return retry{p.Attempts, p.Base.Milliseconds(), p.Max.Milliseconds(), p.Spread}
}

func shownDefinition(r orchestrator.Registered) definition {
	d := r.Definition
	out := definition{Name: d.Name, Version: d.Version, Fingerprint: r.Fingerprint, Steps: []definitionStep{}, Participants: d.Participants()}
	for _, s := range d.Steps {
		step := definitionStep{
			Name: s.Name, Participant: s.Participant, Action: s.Action, After: []string{}, Pivot: s.Pivot, NothingToUndo: s.NothingToUndo,
			Timeout: s.Timeout.Milliseconds(), Retry: shownPolicy(s.Retry), OnTimeout: string(s.OnTimeout),
		}
		for _, k := range s.After {
			step.After = append(step.After, d.Steps[k].Name)
		}
		if u := s.Compensation; u != nil {
			step.Compensation = &compensation{u.Participant, u.Action, u.Timeout.Milliseconds(), shownPolicy(u.Retry)}
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

func (c *Console) definitions(w http.ResponseWriter, r *http.Request, p *params) error {
	return about(c, w, r, p, func(ctx context.Context, _ string) (any, error) {
		list, err := c.cfg.Verbs.Definitions(ctx)
		shown := make([]definition, 0, len(list))
		for _, d := range list {
			shown = append(shown, shownDefinition(d))
		}
		return map[string]any{"definitions": shown}, err
	})
}

func (c *Console) definition(w http.ResponseWriter, r *http.Request, p *params) error {
	return c.ofDefinition(w, r, p, func(_ context.Context, d orchestrator.Registered) (any, error) {
		shown := shownDefinition(d)
		shown.Mermaid = d.Definition.Mermaid()
		return shown, nil
	})
}

func (c *Console) graph(w http.ResponseWriter, r *http.Request, p *params) error {
	return c.ofDefinition(w, r, p, func(_ context.Context, d orchestrator.Registered) (any, error) {
		return graph.Layout(d.Definition), nil
	})
}

func (c *Console) durations(w http.ResponseWriter, r *http.Request, p *params) error {
	return c.ofDefinition(w, r, p, func(ctx context.Context, d orchestrator.Registered) (any, error) {
		return c.cfg.Verbs.Durations(ctx, d.Definition.Name, d.Definition.Version)
	})
}

// ofDefinition answers with what show makes of the definition that the path names.
func (c *Console) ofDefinition(w http.ResponseWriter, r *http.Request, p *params, show func(context.Context, orchestrator.Registered) (any, error)) error {
	version, err := pathNumber(r, "version")
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if err := protocol.CheckName("definition", name); err != nil {
		return verbs.Invalid(err)
	}
	return about(c, w, r, p, func(ctx context.Context, _ string) (any, error) {
		list, err := c.cfg.Verbs.Definitions(ctx)
		for _, d := range list {
			if d.Definition.Name == name && d.Definition.Version == int(version) {
				return show(ctx, d)
			}
		}
		if err == nil {
			err = orchestrator.ErrNotFound
		}
		return nil, err
	})
}

func (c *Console) participants(w http.ResponseWriter, r *http.Request, p *params) error {
	return about(c, w, r, p, func(ctx context.Context, _ string) (any, error) {
		list, err := c.cfg.Verbs.Participants(ctx)
		if list == nil {
			list = []verbs.Participant{}
		}
		return map[string]any{"participants": list}, err
	})
}

func (c *Console) partitions(w http.ResponseWriter, r *http.Request, p *params) error {
	return about(c, w, r, p, func(ctx context.Context, _ string) (verbs.Fleetwide, error) {
		return c.cfg.Verbs.Fleet(ctx)
	})
}

func (c *Console) counts(w http.ResponseWriter, r *http.Request, p *params) error {
	return about(c, w, r, p, func(ctx context.Context, _ string) (verbs.Counts, error) {
		return c.cfg.Verbs.Counts(ctx)
	})
}

func (c *Console) failures(w http.ResponseWriter, r *http.Request, p *params) error {
	q := orchestrator.ClusterQuery{
		Definition: p.text("definition"), Version: int(p.number("version", 1, 1<<31-1)), Step: p.text("step"),
		From: p.time("from"), To: p.time("to"), Buckets: int(p.number("buckets", 1, orchestrator.MaxBuckets)), Limit: int(p.number("limit", 1, orchestrator.MaxClusters)),
	}
	if q.Buckets > 0 && q.To.IsZero() {
		q.To = time.Now().UTC()
	}
	if q.Buckets > 0 && q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	return about(c, w, r, p, func(ctx context.Context, _ string) (verbs.Failures, error) {
		return c.cfg.Verbs.Failures(ctx, q)
	})
}

func (c *Console) rejected(w http.ResponseWriter, r *http.Request, p *params) error {
	limit := int(p.number("limit", 1, 1000))
	if limit == 0 {
		limit = 100
	}
	return about(c, w, r, p, func(ctx context.Context, _ string) (any, error) {
		list, missing, err := c.cfg.Verbs.Rejected(ctx, limit)
		if list == nil {
			list = []verbs.RejectedInput{}
		}
		if missing == nil {
			missing = []string{}
		}
		return map[string]any{"rejected": list, "missing": missing}, err
	})
}
