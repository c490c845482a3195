package console

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// Prefix is in front of every path of the API.
const Prefix = "/api/v1"

// An operation answers one request, or returns an error that is told.
type operation func(w http.ResponseWriter, r *http.Request, p *params) error

// operations are all, by path and method, as the document has them.
func (c *Console) operations() map[string]map[string]operation {
	get := func(o operation) map[string]operation { return map[string]operation{http.MethodGet: o} }
	post := func(o operation) map[string]operation { return map[string]operation{http.MethodPost: o} }
	return map[string]map[string]operation{
		"/openapi.json":                           get(c.openapi),
		"/sagas":                                  {http.MethodGet: c.listSagas, http.MethodPost: c.startSaga},
		"/sagas/{id}":                             get(c.getSaga),
		"/sagas/{id}/history":                     get(c.history),
		"/sagas/{id}/steps":                       get(c.steps),
		"/sagas/{id}/messages/{sequence}/body":    get(c.messageBody),
		"/sagas/{id}/diff":                        get(c.diff),
		"/sagas/{id}/plan":                        get(c.plan),
		"/sagas/{id}/export":                      get(c.export),
		"/sagas/{id}/control":                     post(c.control),
		"/sagas/{id}/signals":                     post(c.signal),
		"/counts":                                 get(c.counts),
		"/definitions":                            get(c.definitions),
		"/definitions/{name}/{version}":           get(c.definition),
		"/definitions/{name}/{version}/graph":     get(c.graph),
		"/definitions/{name}/{version}/durations": get(c.durations),
		"/participants":                           get(c.participants),
		"/partitions":                             get(c.partitions),
		"/failures":                               get(c.failures),
		"/inputs/rejected":                        get(c.rejected),
		"/audit":                                  get(c.audit),
		"/bulk":                                   {http.MethodGet: c.listBulks, http.MethodPost: c.bulk},
		"/bulk/{id}":                              get(c.getBulk),
		"/bulk/{id}/stop":                         post(c.stopBulk),
		"/stream":                                 get(c.stream),
	}
}

// route registers the operations. Everything else below the prefix is told
// that it is not there.
func (c *Console) route() {
	for path, methods := range c.operations() {
		c.mux.HandleFunc(Prefix+path, func(w http.ResponseWriter, r *http.Request) {
			if err := c.serve(methods, w, r); err != nil {
				c.fail(w, err)
			}
		})
	}
	c.mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) { c.fail(w, noSuchPath) })
}

func (c *Console) serve(methods map[string]operation, w http.ResponseWriter, r *http.Request) error {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http leaves the body out
	}
	o, ok := methods[method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		w.Header().Set("Allow", allowed)
		return &verbs.Failure{Code: codeMethod, Err: fmt.Errorf("%s is not possible here, %s is", protocol.Text(r.Method, 16), allowed)}
	}
	if err := c.csrf.Check(r); err != nil {
		return &verbs.Failure{Code: codeCrossOrigin, Err: err}
	}
	if c.cfg.ReadOnly && method != http.MethodGet {
		return &verbs.Failure{Code: codeReadOnly, Err: errors.New("this console only shows: it was started with --read-only; ask where it may be done, or use the CLI over NATS")}
	}
	p, err := newParams(r)
	if err != nil {
		return err
	}
	return o(w, r, p)
}

func (c *Console) openapi(w http.ResponseWriter, r *http.Request, p *params) error {
	if err := p.done(); err != nil {
		return err
	}
	send(w, http.StatusOK, "application/json", Document)
	return nil
}
