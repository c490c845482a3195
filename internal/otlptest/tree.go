package otlptest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	traces "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Tree writes the traces of one saga as a backend shows them: children below
// their parents, in the order in which they began, and for each span the spans
// that it links to. Above the root is the client's span.
func (r *Receiver) Tree(saga string) string {
	t := tree{all: r.Spans(), children: map[string][]Span{}}
	var roots []Span
	for _, s := range t.all {
		if attribute(s, "saga.id") != saga {
			continue
		}
		parent := key(s.TraceId, s.ParentSpanId)
		if attribute(t.all[parent], "saga.id") == saga {
			t.children[parent] = append(t.children[parent], s)
		} else {
			roots = append(roots, s)
		}
	}
	inOrder(roots)
	slices.SortStableFunc(roots, func(a, b Span) int { return -cmp.Compare(len(a.ParentSpanId), len(b.ParentSpanId)) }) // the client's trace first
	for _, s := range roots {
		client, ok := t.all[key(s.TraceId, s.ParentSpanId)]
		switch {
		case ok:
			fmt.Fprintf(&t.out, "%s\n", title(client))
			t.write(s, "└─ ", "   ")
		case len(s.ParentSpanId) > 0:
			t.out.WriteString("(a span that was not received)\n")
			t.write(s, "└─ ", "   ")
		default:
			t.write(s, "", "")
		}
		t.out.WriteString("\n")
	}
	return strings.TrimRight(t.out.String(), "\n") + "\n"
}

type tree struct {
	all      map[string]Span
	children map[string][]Span
	out      strings.Builder
}

func title(s Span) string {
	return fmt.Sprintf("%s  [%s, %s]", s.Name, strings.ToLower(strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_")), s.Service)
}

func (t *tree) write(s Span, first, rest string) {
	t.out.WriteString(first + title(s))
	for _, name := range []string{"saga.attempt", "saga.outcome", "saga.derived"} {
		if value := attribute(s, name); value != "" {
			fmt.Fprintf(&t.out, " %s=%s", strings.TrimPrefix(name, "saga."), value)
		}
	}
	if s.Status.GetCode() == traces.Status_STATUS_CODE_ERROR {
		t.out.WriteString(" error")
	}
	t.out.WriteString("\n")
	children := t.children[key(s.TraceId, s.SpanId)]
	bar := "   "
	if len(children) > 0 {
		bar = "│  "
	}
	for _, l := range s.Links {
		to := t.all[key(l.TraceId, l.SpanId)]
		fmt.Fprintf(&t.out, "%s%slink → %s\n", rest, bar, to.GetName())
	}
	inOrder(children)
	for i, child := range children {
		if i == len(children)-1 {
			t.write(child, rest+"└─ ", rest+"   ")
		} else {
			t.write(child, rest+"├─ ", rest+"│  ")
		}
	}
}

func inOrder(list []Span) {
	slices.SortFunc(list, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.StartTimeUnixNano, b.StartTimeUnixNano), cmp.Compare(a.EndTimeUnixNano, b.EndTimeUnixNano), cmp.Compare(a.Name, b.Name))
	})
}

func key(trace, span []byte) string { return fmt.Sprintf("%x/%x", trace, span) }

// attribute returns a span's attribute as text.
func attribute(s Span, name string) string {
	if s.Span == nil {
		return ""
	}
	for _, a := range s.Attributes {
		if a.Key != name {
			continue
		}
		if text := a.Value.GetStringValue(); text != "" {
			return text
		}
		if a.Value.GetBoolValue() {
			return "true"
		}
		return fmt.Sprint(a.Value.GetIntValue())
	}
	return ""
}
