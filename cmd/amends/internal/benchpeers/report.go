package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A Ratio is of Amends' figure to the peer's, in the rounds.
type Ratio struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// Ratios are those of each figure.
type Ratios struct {
	Rate Ratio `json:"sagas_per_second"`
	P50  Ratio `json:"p50_ms"`
	CPU  Ratio `json:"cpu_ms_per_saga"`
}

// A figure is one of a run.
type figure func(Run) float64

func rate(r Run) float64 { return r.Rate }
func p50(r Run) float64  { return r.P50 }
func cpu(r Run) float64  { return r.CPU }

func ratios(rounds []Round) Ratios {
	of := func(f figure) Ratio {
		var all []float64
		for _, r := range rounds {
			all = append(all, f(r.Amends)/f(r.Peer))
		}
		return Ratio{Median: median(all), Least: slices.Min(all), Most: slices.Max(all)}
	}
	return Ratios{Rate: of(rate), P50: of(p50), CPU: of(cpu)}
}

// median is the middle one, or between the two in the middle.
func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

// medians are of each system.
func (p Point) medians(f figure) (amends, peer float64) {
	var a, b []float64
	for _, r := range p.Rounds {
		a, b = append(a, f(r.Amends)), append(b, f(r.Peer))
	}
	return median(a), median(b)
}

func (r Report) json(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// table prints what was measured for people.
func (r Report) table(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Sagas of three steps in Amends and in %s, by turns on %d CPUs, %s: medians of %d rounds, and\nAmends' figure divided by the peer's in each round.\n\n",
		r.Peer, r.CPUs, r.Go, len(r.Points[0].Rounds))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "load\t\tAmends\t%s\tratio\tleast\tmost\n", r.Peer)
	for _, p := range r.Points {
		row(w, p, p.Load, "sagas/s", rate, p.Ratios.Rate, "%.0f")
		row(w, p, "", "p50 ms", p50, p.Ratios.P50, "%.2f")
		row(w, p, "", "CPU ms a saga", cpu, p.Ratios.CPU, "%.3f")
	}
	_ = w.Flush() // into memory
	fmt.Fprint(&b, "\nIn flight, as each gave most in trials:\n\n")
	for _, p := range r.Points {
		how := "Go's own settings"
		if len(p.Peer.Settings) > 0 {
			how = strings.Join(p.Peer.Settings, " ")
		}
		fmt.Fprintf(w, "%s\tAmends %d\t%s %d\t%s\n", p.Load, p.Amends.InFlight, r.Peer, p.Peer.InFlight, how)
	}
	_ = w.Flush()
	_, err := fmt.Fprint(out, b.String())
	return err
}

func row(w io.Writer, p Point, name, what string, f figure, r Ratio, format string) {
	a, b := p.medians(f)
	fmt.Fprintf(w, "%s\t%s\t"+format+"\t"+format+"\t%.2f\t%.2f\t%.2f\n", name, what, a, b, r.Median, r.Least, r.Most)
}
