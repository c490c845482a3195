package console

import (
	"encoding/json"
	"net/http"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// Codes of what only HTTP can get wrong.
const (
	codeMethod      = "method"
	codeMediaType   = "media-type"
	codeCrossOrigin = "cross-origin"
	codeReadOnly    = "read-only"
)

// A problem is an error as RFC 9457 has it.
type problem struct {
	Type     string          `json:"type"`
	Title    string          `json:"title"`
	Status   int             `json:"status"`
	Detail   string          `json:"detail,omitempty"`
	Code     string          `json:"code"`
	Decision *verbs.Decision `json:"decision,omitempty"`
	Count    int             `json:"count,omitempty"`
}

// kinds are the status and the title of each code.
var kinds = map[string]struct {
	status int
	title  string
}{
	orchestrator.CodeInvalid:     {http.StatusBadRequest, "The request can never be answered"},
	orchestrator.CodeNotFound:    {http.StatusNotFound, "There is no such thing"},
	orchestrator.CodeConflict:    {http.StatusConflict, "The id is in use for something else"},
	orchestrator.CodeRefused:     {http.StatusConflict, "It was decided, and nothing came of it"},
	orchestrator.CodeOver:        {http.StatusConflict, "The saga is over"},
	orchestrator.CodeConfirm:     {http.StatusConflict, "More sagas match than were confirmed"},
	orchestrator.CodeUndecided:   {http.StatusAccepted, "It is stored, and nobody has decided it yet"},
	orchestrator.CodeInDoubt:     {http.StatusServiceUnavailable, "Nobody knows whether it is stored"},
	orchestrator.CodeUnavailable: {http.StatusServiceUnavailable, "It may be answered later"},
	orchestrator.CodeTooLarge:    {http.StatusRequestEntityTooLarge, "Too large"},
	codeMethod:                   {http.StatusMethodNotAllowed, "Another method is wanted"},
	codeMediaType:                {http.StatusUnsupportedMediaType, "Only application/json is taken"},
	codeCrossOrigin:              {http.StatusForbidden, "Sent by a page of another origin"},
	codeReadOnly:                 {http.StatusForbidden, "Nothing can be changed here"},
}

// fail writes err as a problem document.
func (c *Console) fail(w http.ResponseWriter, err error) {
	told := verbs.Explain(err)
	kind, known := kinds[told.Code]
	if !known {
		told.Code, kind = orchestrator.CodeUnavailable, kinds[orchestrator.CodeUnavailable]
	}
	if kind.status >= 500 {
		c.cfg.Log.Warn("a request could not be answered", "error", told.Error())
	}
	if told.Code == orchestrator.CodeUndecided && told.Decision != nil {
		c.write(w, kind.status, told.Decision)
		return
	}
	body, err := json.Marshal(problem{
		Type: "urn:amends:problem:" + told.Code, Title: kind.title, Status: kind.status,
		Detail: told.Error(), Code: told.Code, Decision: told.Decision, Count: told.Count,
	})
	if err != nil {
		body = []byte(`{"type":"urn:amends:problem:unavailable","title":"It may be answered later","status":503,"code":"unavailable"}`)
	}
	send(w, kind.status, "application/problem+json", body)
}

// write sends an answer.
func (c *Console) write(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		c.fail(w, err)
		return
	}
	send(w, status, "application/json", body)
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked is gone
}
