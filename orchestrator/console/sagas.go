package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// How long an answer may take, and how long the decision about a request is
// waited for.
const (
	answerTimeout   = 10 * time.Second
	decisionTimeout = 10 * time.Second
)

func bounded(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), answerTimeout)
}

// filter reads the parameters that lists are filtered by.
func filter(p *params) verbs.Filter {
	f := verbs.Filter{
		Definition: p.text("definition"), Version: int(p.number("version", 1, 1<<31-1)), Step: p.text("step"), Tag: p.text("tag"),
		Suspended: p.yes("suspended"), Parked: p.yes("parked"), Retrying: p.yes("retrying"), Fingerprint: p.text("fingerprint"),
		StuckBefore: p.time("stuck_before"), StuckLonger: p.text("stuck_longer_than"), From: p.time("from"), To: p.time("to"),
	}
	for _, status := range p.all("status") {
		f.Statuses = append(f.Statuses, instance.Status(status))
	}
	return f
}

func (c *Console) listSagas(w http.ResponseWriter, r *http.Request, p *params) error {
	f, after, limit := filter(p), p.cursor("cursor"), p.number("limit", 1, orchestrator.MaxLimit)
	if err := p.done(); err != nil {
		return err
	}
	q, err := f.Query(time.Now())
	if err != nil {
		return err
	}
	q.After, q.Limit = after, int(limit)
	ctx, cancel := bounded(r)
	defer cancel()
	page, err := c.cfg.Verbs.List(ctx, q)
	if err != nil {
		return err
	}
	answer := struct {
		Sagas []verbs.Summary `json:"sagas"`
		Next  string          `json:"next,omitempty"`
	}{make([]verbs.Summary, 0, len(page.Sagas)), cursorText(page.Next)}
	for _, s := range page.Sagas {
		answer.Sagas = append(answer.Sagas, verbs.Summarize(s))
	}
	c.write(w, http.StatusOK, answer)
	return nil
}

func (c *Console) startSaga(w http.ResponseWriter, r *http.Request, p *params) error {
	var request verbs.StartRequest
	if err := body(w, r, p, &request); err != nil {
		return err
	}
	ctx, cancel := bounded(r)
	defer cancel()
	started, err := c.cfg.Verbs.Start(ctx, request)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if started.Existed {
		status = http.StatusOK
	}
	w.Header().Set("Location", c.cfg.BasePath+Prefix+"/sagas/"+url.PathEscape(started.ID))
	c.write(w, status, started)
	return nil
}

func (c *Console) getSaga(w http.ResponseWriter, r *http.Request, p *params) error {
	at, payloads := p.sequence("at"), p.yes("payloads")
	if err := p.done(); err != nil {
		return err
	}
	ctx, cancel := bounded(r)
	defer cancel()
	found, err := c.cfg.Verbs.Get(ctx, orchestrator.GetRequest{ID: r.PathValue("id"), At: at})
	if err != nil {
		return err
	}
	c.write(w, http.StatusOK, verbs.Show(found, payloads))
	return nil
}

// maxPage bounds the bytes of a page of a history with its bodies.
const maxPage = 4 << 20

func (c *Console) history(w http.ResponseWriter, r *http.Request, p *params) error {
	after, payloads := p.sequence("after"), p.yes("payloads")
	limit := p.number("limit", 1, orchestrator.MaxHistory)
	if err := p.done(); err != nil {
		return err
	}
	if limit == 0 {
		limit = orchestrator.DefaultHistory
	}
	ctx, cancel := bounded(r)
	defer cancel()
	messages, err := c.cfg.Verbs.Read(ctx, r.PathValue("id"), after+1)
	if err != nil {
		return err
	}
	answer := struct {
		Entries []verbs.Entry `json:"entries"`
		Next    uint64        `json:"next,omitempty"`
	}{Entries: []verbs.Entry{}}
	size := 0
	for i, m := range messages {
		if size += len(m.Body); i == int(limit) || payloads && i > 0 && size > maxPage {
			answer.Next = messages[i-1].Sequence
			break
		}
		answer.Entries = append(answer.Entries, verbs.NewEntry(m, payloads))
	}
	c.write(w, http.StatusOK, answer)
	return nil
}

// export sends the whole history, one entry a line.
func (c *Console) export(w http.ResponseWriter, r *http.Request, p *params) error {
	if err := p.done(); err != nil {
		return err
	}
	ctx, cancel := bounded(r)
	defer cancel()
	messages, err := c.cfg.Verbs.Read(ctx, r.PathValue("id"), 0)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+r.PathValue("id")+`.ndjson"`)
	send(w, http.StatusOK, "application/x-ndjson", nil)
	out := json.NewEncoder(w)
	for _, m := range messages {
		if err := out.Encode(verbs.NewEntry(m, true)); err != nil {
			return nil // whoever asked is gone
		}
	}
	return nil
}

func (c *Console) steps(w http.ResponseWriter, r *http.Request, p *params) error {
	return about(c, w, r, p, func(ctx context.Context, id string) (verbs.Trace, error) {
		return c.cfg.Verbs.Steps(ctx, verbs.SagaRequest{ID: id})
	})
}

func (c *Console) diff(w http.ResponseWriter, r *http.Request, p *params) error {
	from, to := p.sequence("from"), p.sequence("to")
	return about(c, w, r, p, func(ctx context.Context, id string) (verbs.Diff, error) {
		return c.cfg.Verbs.Diff(ctx, verbs.DiffRequest{ID: id, From: from, To: to})
	})
}

func (c *Console) plan(w http.ResponseWriter, r *http.Request, p *params) error {
	at := p.sequence("at")
	return about(c, w, r, p, func(ctx context.Context, id string) (verbs.Plan, error) {
		return c.cfg.Verbs.Plan(ctx, verbs.SagaRequest{ID: id, At: at})
	})
}

// about answers what is asked about one saga.
func about[A any](c *Console, w http.ResponseWriter, r *http.Request, p *params, answer func(context.Context, string) (A, error)) error {
	if err := p.done(); err != nil {
		return err
	}
	ctx, cancel := bounded(r)
	defer cancel()
	a, err := answer(ctx, r.PathValue("id"))
	if err == nil {
		c.write(w, http.StatusOK, a)
	}
	return err
}

// messageBody sends somebody's bytes, so that no browser takes them for a page.
func (c *Console) messageBody(w http.ResponseWriter, r *http.Request, p *params) error {
	if err := p.done(); err != nil {
		return err
	}
	sequence, err := pathNumber(r, "sequence")
	if err != nil {
		return err
	}
	ctx, cancel := bounded(r)
	defer cancel()
	m, err := c.cfg.Verbs.Message(ctx, r.PathValue("id"), sequence)
	if err != nil {
		return err
	}
	kind, ending := "application/octet-stream", "bin"
	if protocol.CheckJSON(m.Body) == nil {
		kind, ending = "application/json", "json"
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%d.%s"`, r.PathValue("id"), sequence, ending))
	send(w, http.StatusOK, kind, m.Body)
	return nil
}

func (c *Console) control(w http.ResponseWriter, r *http.Request, p *params) error {
	var request verbs.ControlRequest
	if err := body(w, r, p, &request); err != nil {
		return err
	}
	request.Who = who(r, request.Who)
	ctx, cancel := context.WithTimeout(r.Context(), decisionTimeout)
	defer cancel()
	d, err := c.cfg.Verbs.Control(ctx, r.PathValue("id"), request)
	if err == nil {
		c.write(w, http.StatusOK, d)
	}
	return err
}

func (c *Console) signal(w http.ResponseWriter, r *http.Request, p *params) error {
	var request verbs.SignalRequest
	if err := body(w, r, p, &request); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), decisionTimeout)
	defer cancel()
	d, err := c.cfg.Verbs.Signal(ctx, r.PathValue("id"), request)
	if err == nil {
		c.write(w, http.StatusOK, d)
	}
	return err
}

func (c *Console) bulk(w http.ResponseWriter, r *http.Request, p *params) error {
	var request verbs.BulkRequest
	if err := body(w, r, p, &request); err != nil {
		return err
	}
	request.Who = who(r, request.Who)
	ctx, cancel := context.WithTimeout(r.Context(), 5*answerTimeout) // it may count a million
	defer cancel()
	preview, bulk, err := c.cfg.Verbs.Bulk(ctx, request)
	switch {
	case err != nil:
		return err
	case bulk == nil:
		c.write(w, http.StatusOK, preview)
	default:
		w.Header().Set("Location", c.cfg.BasePath+Prefix+"/bulk/"+url.PathEscape(bulk.ID))
		c.write(w, http.StatusAccepted, bulk)
	}
	return nil
}

func (c *Console) getBulk(w http.ResponseWriter, r *http.Request, p *params) error {
	return about(c, w, r, p, func(ctx context.Context, id string) (verbs.Bulk, error) {
		return c.cfg.Verbs.OneBulk(ctx, verbs.BulkRef{ID: id})
	})
}

func (c *Console) stopBulk(w http.ResponseWriter, r *http.Request, p *params) error {
	var request struct {
		Reason string `json:"reason"`
		Who    string `json:"who"`
	}
	if err := body(w, r, p, &request); err != nil {
		return err
	}
	return about(c, w, r, p, func(ctx context.Context, id string) (verbs.Bulk, error) {
		b, err := c.cfg.Verbs.OneBulk(ctx, verbs.BulkRef{ID: id, Stop: true})
		if err == nil {
			c.cfg.Log.Info("a bulk is stopped", "bulk", b.ID, "by", protocol.Text(who(r, request.Who), orchestrator.MaxWho), "why", protocol.Text(request.Reason, protocol.MaxReason))
		}
		return b, err
	})
}

func (c *Console) listBulks(w http.ResponseWriter, r *http.Request, p *params) error {
	return about(c, w, r, p, func(ctx context.Context, _ string) (any, error) {
		list, err := c.cfg.Verbs.Bulks(ctx, verbs.BulkRef{})
		return map[string]any{"bulks": list}, err
	})
}
