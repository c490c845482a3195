package instance_test

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A plan is a definition in the making: a step, or plans behind or beside each
// other. Scripts and random lives both go through the real builder.
type plan struct {
	kind  string // "step", "sequence" or "parallel"
	parts []plan

	name, does, undoes string // as participant.action
	pivot              bool
	nothingToUndo      bool
	retry, undoRetry   sagas.Policy
	timeout            sagas.OnTimeout
}

// Time-outs of every step, and of every compensation.
const (
	stepTimeout = 10 * time.Second
	undoTimeout = 20 * time.Second
)

// What the steps of every test saga say to each other. A request shows what it
// was made from, so that a script can say what a participant was asked.
type (
	order struct {
		ID    string   `json:"id"`
		Knows []string `json:"-"`
	}
	request struct {
		Order   string   `json:"order"`
		Knows   []string `json:"knows,omitempty"`
		Mapping int      `json:"mapping,omitempty"` // which version of the code made it
	}
	undoRequest struct {
		request
		Output *string `json:"output"` // of the step that is undone: null where it is unknown
	}
	output struct {
		Ref string `json:"ref"`
	}
)

// Mappings are the author's functions, which a new release may break or mend.
type mappings struct {
	version int
	broken  map[string]bool // "do charge", "undo charge", "result charge", "check"
}

func (m *mappings) call(what string) {
	if m.broken[what] {
		panic(what + " stumbles")
	}
}

func (m *mappings) request(o order) request { return request{o.ID, o.Knows, m.version} }

// define builds the definition of plans.
func (m *mappings) define(plans ...plan) sagas.Definition {
	d := sagas.Define("order", 1, m.parts(plans)...)
	return d.Check(func(o order) error {
		m.call("check")
		if o.ID == "" {
			return errors.New("an order has an id")
		}
		return nil
	}).Definition
}

func (m *mappings) parts(plans []plan) (parts []sagas.Part[order]) {
	for _, p := range plans {
		switch p.kind {
		case "sequence":
			parts = append(parts, sagas.Sequence(m.parts(p.parts)...))
		case "parallel":
			parts = append(parts, sagas.Parallel(m.parts(p.parts)...))
		default:
			parts = append(parts, m.step(p))
		}
	}
	return parts
}

func (m *mappings) step(p plan) sagas.Part[order] {
	step := sagas.Step(p.name, action[request, output](p.does),
		func(o order) request { m.call("do " + p.name); return m.request(o) },
		func(o *order, out output) {
			m.call("result " + p.name)
			o.Knows = append(slices.Clone(o.Knows), p.name+"="+out.Ref)
		}).
		Retry(p.retry).Timeout(stepTimeout).OnTimeout(p.timeout)
	if p.pivot {
		step = step.Pivot()
	}
	if p.nothingToUndo {
		step = step.NothingToUndo()
	}
	if p.undoes != "" {
		step = step.UndoneBy(sagas.By(action[undoRequest, protocol.None](p.undoes),
			func(o order, done *output) undoRequest {
				m.call("undo " + p.name)
				r := undoRequest{request: m.request(o)}
				if done != nil {
					r.Output = &done.Ref
				}
				return r
			}).Retry(p.undoRetry).Timeout(undoTimeout))
	}
	return step
}

func action[Req, Rep any](name string) protocol.Action[Req, Rep] {
	participant, verb, _ := strings.Cut(name, ".")
	return protocol.NewAction[Req, Rep](participant, verb)
}
