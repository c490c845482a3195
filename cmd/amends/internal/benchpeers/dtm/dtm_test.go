package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A few sagas of each system on each path, each of which has to end as it should.
func TestBothSystemsAreMeasured(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/amends/internal/benchpeers",
		"--rounds", "2", "--sagas", "40", "-o", "json", "--dir", t.TempDir())
	cmd.Dir, cmd.Stderr = filepath.Join("..", "..", "..", "..", ".."), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	type run struct {
		Sagas int                `json:"sagas"`
		Rate  float64            `json:"sagas_per_second"`
		P50   float64            `json:"p50_ms"`
		CPU   float64            `json:"cpu_ms_per_saga"`
		Parts map[string]float64 `json:"cpu_ms_by_part"`
	}
	var report struct {
		Points []struct {
			Load   string `json:"load"`
			Rounds []struct {
				Amends run `json:"amends"`
				Peer   run `json:"peer"`
			} `json:"rounds"`
		} `json:"points"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(report.Points) != 6 {
		t.Fatalf("%d loads: %s", len(report.Points), out)
	}
	for _, p := range report.Points {
		if len(p.Rounds) != 2 {
			t.Errorf("%s: %d rounds", p.Load, len(p.Rounds))
		}
		for _, r := range p.Rounds {
			for parts, run := range map[int]run{7: r.Amends, 4: r.Peer} {
				if run.Sagas != 40 || run.Rate <= 0 || run.P50 <= 0 || run.CPU <= 0 || len(run.Parts) != parts {
					t.Errorf("%s: %+v", p.Load, run)
				}
			}
		}
	}
}
