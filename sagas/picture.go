package sagas

import (
	"fmt"
	"strings"
)

// Mermaid draws d as a flowchart: the way forward, and beneath each step what
// undoes it.
func (d Definition) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, s := range d.Steps {
		label := s.Name + "<br/>" + s.Participant + "." + s.Action
		switch {
		case s.Pivot:
			fmt.Fprintf(&b, "    s%d{{\"%s<br/>pivot\"}}\n", i, label)
		case s.NothingToUndo:
			fmt.Fprintf(&b, "    s%d[\"%s<br/>nothing to undo\"]\n", i, label)
		default:
			fmt.Fprintf(&b, "    s%d[\"%s\"]\n", i, label)
		}
		for _, k := range s.After {
			fmt.Fprintf(&b, "    s%d --> s%d\n", k, i)
		}
		if c := s.Compensation; c != nil {
			fmt.Fprintf(&b, "    u%d([\"%s.%s\"])\n", i, c.Participant, c.Action)
			fmt.Fprintf(&b, "    s%d -. undone by .-> u%d\n", i, i)
		}
	}
	return b.String()
}
