package orchestrator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A Query asks for instances. Zero fields do not filter.
type Query struct {
	Statuses    []instance.Status `json:"statuses,omitempty"`
	Definition  string            `json:"definition,omitempty"`
	Version     int               `json:"version,omitempty"`
	Tag         string            `json:"tag,omitempty"` // key=value
	Suspended   bool              `json:"suspended,omitempty"`
	Parked      bool              `json:"parked,omitempty"`
	Retrying    bool              `json:"retrying,omitempty"`    // an attempt comes after one that did not succeed
	Step        string            `json:"step,omitempty"`        // it stands at this step, or failed there; see AtStep
	Cluster     string            `json:"cluster,omitempty"`     // it failed in this way: the ID of a Cluster
	StuckBefore time.Time         `json:"stuck_before,omitzero"` // it is stuck, since before then
	From        time.Time         `json:"from,omitzero"`         // started then or later
	To          time.Time         `json:"to,omitzero"`           // started before then
	After       Cursor            `json:"after,omitzero"`
	Limit       int               `json:"limit,omitempty"` // at most this many; 0 for DefaultLimit
}

// A Cursor is the place of one row in the order of lists: newest start first,
// and of one time the greater id first.
type Cursor struct {
	Started time.Time `json:"started"`
	ID      string    `json:"id"`
}

// A Page is a piece of a list. Next is where the following one begins, nil
// after the last. A page may be shorter than was asked for and have a Next: so
// far was looked, and it goes on from there.
type Page struct {
	Sagas []instance.State `json:"sagas"`
	Next  *Cursor          `json:"next,omitempty"`
}

// Limits of a list's length.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
)

// Less reports whether a comes before b in a list.
func (a Cursor) Less(b Cursor) bool {
	if !a.Started.Equal(b.Started) {
		return a.Started.After(b.Started)
	}
	return a.ID > b.ID
}

// CursorOf returns the place of s in a list. Lists order by milliseconds.
func CursorOf(s instance.State) Cursor { return Cursor{s.Started.Truncate(1e6).UTC(), s.ID} }

// AtStep reports whether s stands at step, so that an attempt of it is open,
// waits for its time or for a person, or whether s failed there: it is where s
// is stuck, or turned back.
func AtStep(s *instance.State, step string) bool {
	f, failed := s.Failure()
	return failed && f.Step == step || s.At(step)
}

// Matches reports whether q asks for s. It is what every view must agree with.
func (q Query) Matches(s instance.State) bool {
	at := CursorOf(s)
	switch {
	case len(q.Statuses) > 0 && !slices.Contains(q.Statuses, s.Status),
		q.Definition != "" && q.Definition != s.Definition,
		q.Version != 0 && q.Version != s.Version,
		q.Suspended && !s.Suspended,
		q.Parked && s.Parked == "",
		q.Retrying && !s.Retrying(),
		q.Step != "" && !AtStep(&s, q.Step),
		q.Cluster != "" && q.Cluster != ClusterOf(&s),
		!q.StuckBefore.IsZero() && (s.Status != instance.Stuck || !milli(s.StuckSince).Before(q.StuckBefore)),
		!q.From.IsZero() && at.Started.Before(q.From),
		!q.To.IsZero() && !at.Started.Before(q.To),
		q.After.ID != "" && !q.After.Less(at):
		return false
	}
	if q.Tag == "" {
		return true
	}
	key, value, _ := strings.Cut(q.Tag, "=")
	got, ok := s.Tags[key]
	return ok && got == value
}

// milli cuts t to the milliseconds that views keep.
func milli(t time.Time) time.Time { return t.Truncate(time.Millisecond).UTC() }

// Bounded returns the limit that q asks for, or the default, up to MaxLimit.
func (q Query) Bounded() int {
	if q.Limit <= 0 {
		return DefaultLimit
	}
	return min(q.Limit, MaxLimit)
}

// Validate reports what is wrong with q, so that nobody takes a filter that
// selects nothing, or a limit that is cut, for an answer.
func (q Query) Validate() error {
	for _, s := range q.Statuses {
		switch s {
		case instance.Absent, instance.Running, instance.Compensating, instance.Completed, instance.Compensated, instance.Stuck:
		default:
			return fmt.Errorf("status %.32q is none of running, compensating, completed, compensated, stuck", string(s))
		}
	}
	if err := checkNames(q.Definition, q.Step); err != nil {
		return err
	}
	if q.After.ID != "" {
		if err := protocol.CheckID(q.After.ID); err != nil {
			return fmt.Errorf("cursor: %w", err)
		}
	}
	if key, value, ok := strings.Cut(q.Tag, "="); q.Tag != "" && (!ok || protocol.CheckName("tag", key) != nil || len(value) > MaxTagBytes) {
		return fmt.Errorf("tag %.80q is not of the form key=value", q.Tag)
	}
	switch {
	case q.Version < 0:
		return fmt.Errorf("version %d is negative", q.Version)
	case q.Cluster != "" && !isClusterID(q.Cluster):
		return fmt.Errorf("cluster %.40q is none: it is the id that a list of clusters says", q.Cluster)
	case q.Limit < 0 || q.Limit > MaxLimit:
		return fmt.Errorf("limit %d is not between 1 and %d; go on with the cursor", q.Limit, MaxLimit)
	case !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To):
		return errors.New("the times are empty: from is not before to")
	}
	return nil
}

// checkNames checks a filter's definition and step, where it has them.
func checkNames(definition, step string) error {
	if definition != "" {
		if err := protocol.CheckName("definition", definition); err != nil {
			return err
		}
	}
	if step != "" {
		return protocol.CheckName("step", step)
	}
	return nil
}
