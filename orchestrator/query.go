package orchestrator

import (
	"slices"
	"strings"

	"github.com/amends-io/amends/orchestrator/instance"
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

// Matches reports whether q asks for s. It is what every view must agree with.
func (q Query) Matches(s instance.State) bool {
	at := CursorOf(s)
	switch {
	case len(q.Statuses) > 0 && !slices.Contains(q.Statuses, s.Status),
		q.Definition != "" && q.Definition != s.Definition,
		q.Version != 0 && q.Version != s.Version,
		q.Suspended && !s.Suspended,
		q.Parked && s.Parked == "",
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

// Bounded returns the limit that q asks for, or the default, up to MaxLimit.
func (q Query) Bounded() int {
	if q.Limit <= 0 {
		return DefaultLimit
	}
	return min(q.Limit, MaxLimit)
}
