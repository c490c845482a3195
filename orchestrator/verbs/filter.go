package verbs

import (
	"fmt"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Filter says which sagas are meant. Zero fields do not filter.
type Filter struct {
	Statuses    []instance.Status `json:"statuses,omitempty"`
	Definition  string            `json:"definition,omitempty"`
	Version     int               `json:"version,omitempty"`
	Step        string            `json:"step,omitempty"`
	Tag         string            `json:"tag,omitempty"` // key=value
	Suspended   bool              `json:"suspended,omitempty"`
	Parked      bool              `json:"parked,omitempty"`
	Retrying    bool              `json:"retrying,omitempty"`
	Fingerprint string            `json:"fingerprint,omitempty"` // of a cluster of failures
	StuckBefore time.Time         `json:"stuck_before,omitzero"`
	StuckLonger string            `json:"stuck_longer_than,omitempty"` // as 10m
	From        time.Time         `json:"from,omitzero"`
	To          time.Time         `json:"to,omitzero"`
}

// Query returns the query that f is, now.
func (f *Filter) Query(now time.Time) (orchestrator.Query, error) {
	if f.StuckLonger != "" {
		d, err := time.ParseDuration(f.StuckLonger)
		switch {
		case err != nil || d < 0:
			return orchestrator.Query{}, invalidf("stuck_longer_than %q is no time such as 10m or 36h", protocol.Text(f.StuckLonger, 32))
		case !f.StuckBefore.IsZero():
			return orchestrator.Query{}, invalidf("stuck_before and stuck_longer_than say the same: leave one out")
		}
		f.StuckBefore, f.StuckLonger = now.Add(-d).UTC(), ""
	}
	q := orchestrator.Query{
		Definition: f.Definition, Version: f.Version, Tag: f.Tag, Suspended: f.Suspended, Parked: f.Parked,
		Retrying: f.Retrying, Step: f.Step, Cluster: f.Fingerprint, StuckBefore: f.StuckBefore, From: f.From, To: f.To,
	}
	for _, status := range f.Statuses {
		if status == "absent" {
			status = instance.Absent
		}
		q.Statuses = append(q.Statuses, status)
	}
	if err := q.Validate(); err != nil {
		return q, Invalid(fmt.Errorf("the filter: %w", err))
	}
	return q, nil
}
