package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/amends-io/amends/participants/protocol"
)

// Formats of what is printed. JSON of a list or a stream is one line for each
// entry. No format has colours, so NO_COLOR and TERM=dumb change nothing.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatWide  = "wide"
	formatName  = "name"
)

var formats = []string{formatTable, formatJSON, formatWide, formatName}

func (a *app) checkOutput() error {
	if !slices.Contains(formats, a.output) {
		return usagef("-o %q is none of %s", a.output, strings.Join(formats, ", "))
	}
	return nil
}

// json prints v as one line. Go's encoder escapes control characters, but not
// those that terminals take for controls above 0x7f, nor marks that change the
// direction of text.
func (a *app) json(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(append(escape(b), '\n'))
	return err
}

// escape writes what could control a terminal as \u escapes, which JSON allows
// wherever such a character can stand.
func escape(b []byte) []byte {
	clean := true
	for _, c := range b {
		clean = clean && c < 0x7f
	}
	if clean {
		return b
	}
	var out strings.Builder
	for _, r := range string(b) {
		if r == 0x7f || r > 0x7f && r < 0xa0 || r == 0x61c || r >= 0x200e && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return []byte(out.String())
}

// line prints one line.
func (a *app) line(text string) error {
	_, err := fmt.Fprintln(a.stdout, clean(text))
	return err
}

// note tells a person something that is no result.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.stderr, lines(fmt.Sprintf(format, args...)))
}

// maxCell bounds a cell of a table; JSON has the whole.
const maxCell = 400

// clean makes somebody's text fit for a terminal: one line, no controls.
func clean(s string) string { return protocol.Text(s, maxCell) }

// lines is clean for text of several lines.
func lines(s string) string {
	list := strings.Split(s, "\n")
	for i, line := range list {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		list[i] = indent + protocol.Text(line, 4*maxCell)
	}
	return strings.Join(list, "\n")
}

// A table is printed with aligned columns.
type table struct{ w *tabwriter.Writer }

func (a *app) table(columns ...string) table {
	t := table{tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)}
	t.row(columns...)
	return t
}

// row adds a row, and makes each cell fit for a terminal. An empty cell is
// shown as one; a space stays blank.
func (t table) row(cells ...string) {
	for i, cell := range cells {
		if cells[i] = clean(cell); cell == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t")) // an error comes back from flush
}

func (t table) flush() error { return t.w.Flush() }

// when writes a time for a table, in the reader's own zone.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// took writes a duration with as many digits as a person reads.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
