package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/reconcile"
	"github.com/amends-io/amends/participants/protocol"
)

// A demoPrinter prints for people; with -o json, only the report.
type demoPrinter struct {
	*app
	out   io.Writer
	flags demoFlags
	bar   bool // stderr is a terminal that can show progress
	shown int  // width of the bar that stands there
	last  time.Time
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *demoPrinter) begin(where demo.Where, taken, of int) {
	fmt.Fprintf(p.out, "Placing %s of %s.\n\n", reconcile.Number(int64(taken)), plural(of, "order"))
	p.where(where)
	if p.flags.crash > 0 {
		fmt.Fprintf(p.out, "  crashes  %d, at moments drawn from --seed %d\n", p.flags.crash, p.flags.seed)
	}
	fmt.Fprintln(p.out)
}

func (p *demoPrinter) where(where demo.Where) {
	nats := where.NATS
	if where.Journal != "" {
		nats += "   (journal in " + where.Journal + ")"
	}
	if where.Prefix != protocol.DefaultPrefix {
		nats += "   (prefix " + where.Prefix + ")"
	}
	fmt.Fprintf(p.out, "  NATS     %s\n  Redis    %s\n  HTTP     %s\n", clean(nats), clean(where.Redis), clean(where.HTTP))
}

// progress shows how far it is: a bar on a terminal, else a line every few
// seconds.
func (p *demoPrinter) progress(done, of, crashes int) {
	text := fmt.Sprintf("%s of %s", reconcile.Number(int64(done)), plural(of, "order"))
	if crashes > 0 {
		text += ", killed " + times(crashes)
	}
	if !p.bar {
		if p.last.IsZero() {
			p.last = time.Now()
		}
		if time.Since(p.last) >= 5*time.Second {
			p.last = time.Now()
			fmt.Fprintln(p.out, "  "+text)
		}
		return
	}
	const width = 32
	full := width * done / max(of, 1)
	line := "  " + strings.Repeat("█", full) + strings.Repeat("░", width-full) + "  " + text
	fmt.Fprintf(p.stderr, "\r%-*s", p.shown, line)
	p.shown = len([]rune(line))
}

// ran takes the bar away.
func (p *demoPrinter) ran() {
	if p.shown > 0 {
		fmt.Fprintf(p.stderr, "\r%*s\r", p.shown, "")
		p.shown = 0
	}
}

func list(numbers []int) string {
	return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(numbers), "[]")), ", ")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return plural(n, "time")
}

// report prints what became of the orders.
func (p *demoPrinter) report(r demo.Report) error {
	if p.output == formatJSON {
		return p.json(r)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range []struct {
		n       int
		what    string
		reasons string
	}{
		{r.Orders, "rows", ""},
		{r.NotStarted, "not started", histogram(r.Refused)},
		{r.Conflicts, "conflicts", "the same number, another order"},
		{r.Completed, "completed", ""},
		{r.Compensated, "compensated", histogram(r.TurnedBack)},
		{r.Stuck, "stuck", ""},
	} {
		if row.n == 0 {
			row.reasons = ""
		}
		fmt.Fprintf(w, "  %s\t  %s%s\n", reconcile.Number(int64(row.n)), row.what, indent(row.what, row.reasons))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "\n%s in %s: %s a second, %.1f messages each",
		plural(r.Completed+r.Compensated+r.Stuck, "saga"), took(time.Duration(r.Seconds*float64(time.Second))), reconcile.Number(int64(r.Rate)), r.Messages)
	if r.Crashes > 0 {
		fmt.Fprintf(p.out, "; the orchestrator was killed %s, with %s sagas under way", times(r.Crashes), list(r.Hit))
	}
	fmt.Fprint(p.out, ".\n\n")
	return p.checks(r)
}

func (p *demoPrinter) checks(r demo.Report) error {
	wide := 0
	for _, c := range r.Checks {
		wide = max(wide, len(c.Name))
	}
	for _, c := range r.Checks {
		mark := "✓"
		if !c.OK {
			mark = "✗"
		}
		fmt.Fprintf(p.out, "  %s %-*s  %s\n", mark, wide, c.Name, lines(c.Detail))
	}
	verdict := "It adds up."
	if !r.AddsUp {
		verdict = "It does NOT add up."
	}
	_, err := fmt.Fprintf(p.out, "\n%s\n", verdict)
	return err
}

// indent puts reasons behind a word, all at the same column.
func indent(what, reasons string) string {
	if reasons == "" {
		return ""
	}
	return strings.Repeat(" ", len("compensated")-len(what)+3) + reasons
}

// histogram writes counts, the largest first.
func histogram[K ~string](counts map[K]int) string {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(string(a), string(b)))
	})
	parts := make([]string, len(keys))
	for i, key := range keys {
		parts[i] = fmt.Sprintf("%d %s", counts[key], clean(string(key)))
	}
	return strings.Join(parts, ", ")
}

// stay leaves the servers to whoever wants to look, until it is interrupted.
func (p *demoPrinter) stay(ctx context.Context, d *demo.Demo, where demo.Where) error {
	fmt.Fprintf(p.out, "\nEverything stays up until you press Ctrl-C. Meanwhile, in a browser:\n\n  %s\n\nand in another terminal:\n", clean(where.HTTP))
	p.hints(where)
	select {
	case err := <-d.Failed():
		return err
	case <-ctx.Done():
		return nil
	}
}

// hints are commands to look around with.
func (p *demoPrinter) hints(where demo.Where) {
	env := "NATS_URL=" + where.NATS
	if where.Prefix != protocol.DefaultPrefix {
		env += " AMENDS_PREFIX=" + where.Prefix
	}
	fmt.Fprintf(p.out, `
  export %s
  amends list --status compensated
  amends history $(amends list --status compensated -o name | head -1)
  redis-cli -u %s keys 'shop:stock:*'

`, clean(env), clean(where.Redis))
}
