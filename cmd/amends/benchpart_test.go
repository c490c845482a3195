package main

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
)

// The figures are of parts with these variables, unless somebody has others.
func TestPartsShareTheCPUsAndKeepTheirMonitorsAwake(t *testing.T) {
	ours := []string{fmt.Sprint("GOMAXPROCS=", bench.CPUsOfPart(runtime.NumCPU())), "GODEBUG=" + bench.Awake}
	part := func() []string { return (&app{}).benchPart(&cobra.Command{})("nats://localhost").Env }
	t.Setenv("GOMAXPROCS", "")
	t.Setenv("GODEBUG", "")
	for _, v := range ours {
		if !slices.Contains(part(), v) {
			t.Errorf("without %s", v)
		}
	}
	t.Setenv("GOMAXPROCS", "999")
	t.Setenv("GODEBUG", "gctrace=0")
	for _, v := range ours {
		if slices.Contains(part(), v) {
			t.Errorf("%s, although there was another value", v)
		}
	}
}
