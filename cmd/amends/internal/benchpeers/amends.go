package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
	"github.com/amends-io/amends/internal/process"
)

// amends is measured by 'amends bench', as anybody does it.
type amends struct {
	binary, dir string
	sync        bool
}

func (amends) name() string { return "Amends" }

func (a amends) search(ctx context.Context, l load) (way, error) {
	if l.InFlight != bench.Peak {
		return way{InFlight: l.InFlight}, nil
	}
	r, err := a.bench(ctx, l, "peak")
	return way{InFlight: r.InFlight}, err
}

func (a amends) turn(ctx context.Context, l load, w way) (Run, error) {
	return a.bench(ctx, l, strconv.Itoa(w.InFlight))
}

func (a amends) bench(ctx context.Context, l load, inFlight string) (Run, error) {
	cmd := exec.Command(a.binary, a.arguments(l, inFlight)...)
	// Servers are started: somebody's would not be those of the peer.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "NATS_") || strings.HasPrefix(entry, "REDIS_")
	})
	var out bytes.Buffer
	cmd.Stdout = &out
	p, err := process.Start(cmd)
	if err != nil {
		return Run{}, err
	}
	select {
	case <-p.Ended():
	case <-ctx.Done():
		_ = p.Kill() // its parts end with it
		return Run{}, context.Cause(ctx)
	}
	if !p.State().Success() {
		return Run{}, fmt.Errorf("amends bench: %v: %s", p.State(), p.Said())
	}
	var report struct {
		Runs []Run `json:"runs"`
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return Run{}, fmt.Errorf("what amends bench said: %w", err)
	}
	if len(report.Runs) != 1 {
		return Run{}, fmt.Errorf("amends bench made %d runs", len(report.Runs))
	}
	return report.Runs[0], nil
}

func (a amends) arguments(l load, inFlight string) []string {
	args := []string{"bench", "--path", l.Path, "--in-flight", inFlight, "--dir", a.dir, "--output", "json"}
	if l.Sagas > 0 {
		args = append(args, "--sagas", strconv.Itoa(l.Sagas))
	} else {
		args = append(args, "--duration", fmt.Sprintf("%.3fs", l.Seconds))
	}
	if a.sync {
		args = append(args, "--sync-always")
	}
	return args
}
