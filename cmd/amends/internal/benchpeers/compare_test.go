package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A script is a system that says how often it had its turn.
type script struct {
	called string
	turns  *[]string
	rates  []float64
	err    error
}

func (s *script) name() string { return s.called }

func (s *script) search(context.Context, load) (way, error) {
	return way{InFlight: 7, Settings: []string{"GOMAXPROCS=1"}}, nil
}

func (s *script) turn(_ context.Context, _ load, w way) (Run, error) {
	if s.err != nil {
		return Run{}, s.err
	}
	*s.turns = append(*s.turns, s.called)
	rate := s.rates[0]
	s.rates = s.rates[1:]
	return Run{InFlight: w.InFlight, Rate: rate, P50: 1000 / rate, CPU: 500 / rate}, nil
}

func TestRoundsBeginWithEitherByTurns(t *testing.T) {
	t.Parallel()
	var turns []string
	c := comparison{
		amends: &script{called: "A", turns: &turns, rates: []float64{400, 100, 300}},
		peer:   &script{called: "P", turns: &turns, rates: []float64{100, 100, 100}},
		rounds: 3, progress: func(string) {},
	}
	r, err := c.compare(t.Context(), []load{{Path: "happy", InFlight: 1, Seconds: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"A", "P", "P", "A", "A", "P"}; !slices.Equal(turns, want) {
		t.Errorf("turns: %q, want %q", turns, want)
	}
	p := r.Points[0]
	if got := p.Ratios.Rate; got != (Ratio{Median: 3, Least: 1, Most: 4}) {
		t.Errorf("%+v", got)
	}
	if got := p.Ratios.P50; got.Most != 1 || got.Least != 0.25 {
		t.Errorf("%+v", got)
	}
	var table, object bytes.Buffer
	if err := errors.Join(r.table(&table), r.json(&object)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"happy, one at a time  sagas/s        300     100    3.00   1.00   4.00", "P 7", "GOMAXPROCS=1", "3 rounds"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q: %s", want, &table)
		}
	}
	var again Report
	if err := json.Unmarshal(object.Bytes(), &again); err != nil || len(again.Points[0].Rounds) != 3 {
		t.Errorf("%v: %s", err, &object)
	}
}

func TestATurnThatFailsEndsTheComparison(t *testing.T) {
	t.Parallel()
	c := comparison{
		amends: &script{called: "A", turns: new([]string), rates: []float64{1}}, peer: &script{called: "P", err: errors.New("gone")},
		rounds: 1, progress: func(string) {},
	}
	if _, err := c.compare(t.Context(), []load{{Path: "happy", InFlight: 16}}); err == nil || err.Error() != "happy, 16 in flight: P: gone" {
		t.Error(err)
	}
}

func TestAMedianIsInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		list []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}} {
		if got := median(c.list); got != c.want {
			t.Errorf("%v: %v, want %v", c.list, got, c.want)
		}
	}
}

func TestASagaThatWasNotAllDoneIsNoFigure(t *testing.T) {
	t.Parallel()
	var r dtmReply
	if err := json.Unmarshal([]byte(`{"loaded":{"sagas":10,"seconds":2,"p50":1,"p99":2}}`), &r); err != nil {
		t.Fatal(err)
	}
	before := dtmSample{cpu: map[string]float64{"server": 10, "redis": 5}, done: 3, undone: 3}
	for _, c := range []struct {
		path         string
		done, undone int64
		ok           bool
	}{
		{"happy", 30, 0, true}, {"happy", 29, 0, false}, {"happy", 31, 0, false}, {"happy", 30, 3, false},
		{"compensate", 30, 30, true}, {"compensate", 30, 29, false}, {"compensate", 30, 20, false},
	} {
		after := dtmSample{cpu: map[string]float64{"server": 20, "redis": 6}, done: 3 + c.done, undone: 3 + c.undone}
		run, err := newRun(load{Path: c.path, InFlight: 4}, r, before, after)
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && (run.Rate != 5 || run.InFlight != 4 || fmt.Sprintf("%.3f", run.CPU) != "1.100") {
			t.Errorf("%+v", run)
		}
	}
	if _, err := newRun(load{}, dtmReply{}, before, before); err == nil {
		t.Error("no load is a figure")
	}
}

func TestAmendsIsToldTheSameLoad(t *testing.T) {
	t.Parallel()
	seconds := amends{dir: "d"}.arguments(load{Path: "happy", Seconds: 1.5}, "peak")
	if got := strings.Join(seconds, " "); got != "bench --path happy --in-flight peak --dir d --output json --duration 1.500s" {
		t.Error(got)
	}
	sagas := amends{dir: "d", sync: true}.arguments(load{Path: "compensate", Sagas: 40}, "16")
	if got := strings.Join(sagas, " "); got != "bench --path compensate --in-flight 16 --dir d --output json --sagas 40 --sync-always" {
		t.Error(got)
	}
}

func TestThereIsNothingElseToMeasure(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--peer nobody":     `--peer "nobody": there is`,
		"--rounds 0":        "all are positive",
		"--rounds 1001":     "at most 1000",
		"--sagas -1":        "all are positive",
		"--duration 0s":     "all are positive",
		"--path bare":       `--path "bare" is neither`,
		"--in-flight 0":     `--in-flight "0" is neither`,
		"--in-flight 16385": "from 1 to 16384",
		"-o xml":            `--output "xml" is neither`,
		"more":              `unknown command "more"`,
	} {
		cmd := newCommand()
		cmd.SetArgs(strings.Fields(args))
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
