package console

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// audit answers with what people asked for, newest first.
func (c *Console) audit(w http.ResponseWriter, r *http.Request, p *params) error {
	q := orchestrator.AuditQuery{
		ID: p.text("saga"), Verb: instance.Verb(p.text("action")), By: p.text("who"), From: p.time("from"), To: p.time("to"),
		After: p.auditCursor("cursor"), Limit: int(p.number("limit", 1, orchestrator.MaxLimit)),
	}
	if err := p.done(); err != nil {
		return err
	}
	ctx, cancel := bounded(r)
	defer cancel()
	a, err := c.cfg.Verbs.Audit(ctx, q)
	if err != nil {
		return err
	}
	c.write(w, http.StatusOK, struct {
		Requests []verbs.Audited `json:"requests"`
		Next     string          `json:"next,omitempty"`
	}{a.Requests, auditCursorText(a.Next)})
	return nil
}

// auditCursor reads where a page of an audit begins.
func (p *params) auditCursor(name string) (at orchestrator.AuditCursor) {
	text := p.text(name)
	if text == "" {
		return at
	}
	raw, errText := base64.RawURLEncoding.DecodeString(text)
	parts := append(strings.SplitN(string(raw), ".", 3), "", "")
	millis, errTime := strconv.ParseInt(parts[0], 10, 64)
	link, errLink := strconv.ParseUint(parts[1], 10, 64)
	if errText != nil || errTime != nil || errLink != nil || millis < 0 || millis > 1<<47 || protocol.CheckID(parts[2]) != nil {
		p.wrong("%s is none that a page ended with", name)
		return at
	}
	return orchestrator.AuditCursor{At: time.UnixMilli(millis).UTC(), Link: link, ID: parts[2]}
}

// auditCursorText writes a cursor as a page ends with.
func auditCursorText(at *orchestrator.AuditCursor) string {
	if at == nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%d.%d.%s", at.At.UnixMilli(), at.Link, at.ID)))
}
