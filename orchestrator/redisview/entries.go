package redisview

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Ranges of the index that belong to no user text.
const (
	allRows       = "a|"
	classRows     = "c|"
	tagRows       = "t|"
	suspendedRows = "u|"
	parkedRows    = "p|"
	retryingRows  = "r|"
	stepRows      = "s|"
	clusterRows   = "f|"
	failures      = "e|"
	stuckRows     = "w|"
	askedRows     = "o|"
	classNames    = "k|"
)

// A members writes members of the index, many into one piece of memory. What
// it returned stays as it is when it goes on.
type members struct {
	text strings.Builder
	list []string
}

// expect makes room for n entries.
func (m *members) expect(n int) {
	m.text.Grow(n * 80)
	m.list = make([]string, 0, n)
}

// end returns the text written since from.
func (m *members) end(from int) string { return m.text.String()[from:] }

// hold returns a pointer to s, which go-redis takes without an allocation.
func (m *members) hold(s string) *string {
	m.list = append(m.list, s)
	return &m.list[len(m.list)-1]
}

// of appends the index entries of s to list, without its class's name.
func (m *members) of(list []string, s *instance.State) []string {
	if s == nil {
		return list
	}
	at := stamp(s.Started.UnixMilli())
	entry := func(from int) {
		m.text.Write(at[:])
		m.text.WriteString(s.ID)
		list = append(list, m.end(from))
	}
	begin := func(term string) int {
		from := m.text.Len()
		m.text.WriteString(term)
		return from
	}
	entry(begin(allRows))
	from := begin(classRows)
	m.class(s)
	m.text.WriteByte('|')
	entry(from)
	for key, value := range s.Tags {
		from := begin(tagRows)
		m.tag(key, value)
		entry(from)
	}
	if s.Suspended {
		entry(begin(suspendedRows))
	}
	if s.Parked != "" {
		entry(begin(parkedRows))
	}
	if s.Retrying() {
		entry(begin(retryingRows))
	}
	if f, ok := s.Failure(); ok {
		list = m.ofFailure(list, s, f)
	}
	for _, asked := range s.Asked {
		from := begin(askedRows)
		m.text.WriteString(askedPlace(orchestrator.AuditRow{ID: s.ID, Asked: asked}.Cursor()))
		list = append(list, m.end(from))
	}
	return list
}

// ofFailure appends the entries that only a row has whose saga failed.
func (m *members) ofFailure(list []string, s *instance.State, f instance.Failure) []string {
	at, since := stamp(s.Started.UnixMilli()), stamp(f.Since.UnixMilli())
	add := func(parts ...string) {
		from := m.text.Len()
		for _, part := range parts {
			m.text.WriteString(part)
		}
		list = append(list, m.end(from))
	}
	cluster := orchestrator.ClusterID(s.Definition, f)
	add(clusterRows, cluster, "|", string(at[:]), s.ID)
	add(failures, escape(s.Definition), "|", strconv.Itoa(s.Version), "|", cluster, "|", string(since[:]), s.ID)
	if f.Step != "" {
		add(stepRows, escape(f.Step), "|", string(at[:]), s.ID)
	}
	if s.Status != instance.Stuck {
		return list
	}
	add(stuckRows, string(since[:]), string(at[:]), s.ID)
	for i := range s.Steps {
		if name := s.Steps[i].Name; name != f.Step && s.At(name) {
			add(stepRows, escape(name), "|", string(at[:]), s.ID)
		}
	}
	return list
}

// class writes definition, version and status of s.
func (m *members) class(s *instance.State) {
	m.text.WriteString(escape(s.Definition))
	m.text.WriteByte('|')
	m.text.WriteString(strconv.Itoa(s.Version))
	m.text.WriteByte('|')
	m.text.WriteString(escape(string(s.Status)))
}

func (m *members) tag(key, value string) {
	m.text.WriteString(escape(key))
	m.text.WriteByte('|')
	m.text.WriteString(escape(value))
	m.text.WriteByte('|')
}

// tagRange is the range of a tag's entries.
func tagRange(key, value string) string {
	var m members
	m.text.WriteString(tagRows)
	m.tag(key, value)
	return m.text.String()
}

// sameEntries reports whether two states of one instance have the same entries.
func sameEntries(a, b *instance.State) bool {
	return a.ID == b.ID && a.Started.UnixMilli() == b.Started.UnixMilli() &&
		a.Status == b.Status && a.Definition == b.Definition && a.Version == b.Version &&
		a.Suspended == b.Suspended && (a.Parked == "") == (b.Parked == "") &&
		maps.Equal(a.Tags, b.Tags) && a.Retrying() == b.Retrying() && sameFailure(a, b) && sameAsked(a, b)
}

// sameAsked compares the ends: requests are only joined by newer ones.
func sameAsked(a, b *instance.State) bool {
	n := len(a.Asked)
	return n == len(b.Asked) && (n == 0 || a.Asked[0] == b.Asked[0] && a.Asked[n-1] == b.Asked[n-1])
}

func sameFailure(a, b *instance.State) bool {
	f, ok := a.Failure()
	g, too := b.Failure()
	if ok != too || f != g {
		return false
	}
	return a.Status != instance.Stuck || slices.EqualFunc(a.Steps, b.Steps, func(x, y instance.Step) bool {
		return x.Name == y.Name && a.At(x.Name) == b.At(y.Name)
	})
}

// timeDigits is how long a time in the index is.
const timeDigits = 16

// stamp writes Unix milliseconds so that texts order as times do, those before
// 1970 too.
func stamp(ms int64) (digits [timeDigits]byte) {
	const hexDigits = "0123456789abcdef"
	u := uint64(ms) ^ 1<<63
	for i := range digits {
		digits[i] = hexDigits[u>>(60-4*i)&0xf]
	}
	return digits
}

// longText is more than the index holds of one piece of user text.
const longText = 128

// escape writes user text so that it ends where the next "|" is. Different
// texts stay different, but not reversibly when they are long.
func escape(text string) string {
	if len(text) > longText {
		sum := sha256.Sum256([]byte(text))
		// "%%" is in no other text.
		return escape(text[:longText/2]) + "%%" + hex.EncodeToString(sum[:])
	}
	if !strings.ContainsAny(text, "|%") {
		return text
	}
	return escaper.Replace(text)
}

func unescape(text string) string { return unescaper.Replace(text) }

var (
	escaper   = strings.NewReplacer("%", "%25", "|", "%7C")
	unescaper = strings.NewReplacer("%25", "%", "%7C", "|")
)
