package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
)

// A benchRun is the program itself: its parts are further processes of it. All
// of them have its variables and its directory, by which they can be found.
type benchRun struct {
	cmd            *exec.Cmd
	dir            string
	stdout, stderr bytes.Buffer
}

func newBenchRun(t *testing.T, binary string, args ...string) *benchRun {
	t.Helper()
	r := &benchRun{cmd: exec.CommandContext(t.Context(), binary, append([]string{"bench"}, args...)...), dir: t.TempDir()}
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	r.cmd.Env = append(os.Environ(), "NATS_URL=", "REDIS_URL=", "NATS_CONTEXT=", "AMENDS_PREFIX=", "TMPDIR="+r.dir)
	return r
}

// alive lists the processes that were started on the way and are still there.
// redis-server overwrites its variables, but is in its directory.
func (r *benchRun) alive(t *testing.T) (list []string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return nil
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		// What is not ours, or ends meanwhile, cannot be read.
		environ, _ := os.ReadFile(filepath.Join(p, "environ"))
		cwd, _ := os.Readlink(filepath.Join(p, "cwd"))
		if bytes.Contains(environ, []byte("TMPDIR="+r.dir+"\x00")) || strings.HasPrefix(cwd, r.dir) {
			name, _ := os.ReadFile(filepath.Join(p, "cmdline"))
			list = append(list, strings.ReplaceAll(string(name), "\x00", " "))
		}
	}
	return list
}

// gone waits until none of them is.
func (r *benchRun) gone(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		left := r.alive(t)
		if len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("left behind: %q", left)
		case <-tick.C:
		}
	}
}

func TestBench(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "amends")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Run("measures every path", func(t *testing.T) { t.Parallel(); benchMeasures(t, binary) })
	t.Run("measures the barrier on given servers", func(t *testing.T) { t.Parallel(); benchOnGivenServers(t, binary) })
	t.Run("measures live readers", func(t *testing.T) { t.Parallel(); benchWithReaders(t, binary) })
	t.Run("leaves nobody behind when it is killed", func(t *testing.T) { t.Parallel(); benchIsKilled(t, binary) })
	t.Run("wants a redis-server", func(t *testing.T) { t.Parallel(); benchWithoutRedis(t, binary) })
}

func benchMeasures(t *testing.T, binary string) {
	r := newBenchRun(t, binary, "--sagas", "200", "--path", "all", "-o", "json")
	if err := r.cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &r.stderr)
	}
	report := r.report(t)
	var got []string
	for _, run := range report.Runs {
		got = append(got, fmt.Sprint(run.Path, " ", run.InFlight, " ", run.Peak))
		checkRun(t, run)
	}
	want := []string{"happy 1 false", "happy 16 false", "happy 128 true", "compensate 1 false", "compensate 128 true", "bare 128 true"}
	if !slices.Equal(got, want) {
		t.Errorf("runs: %q, want %q", got, want)
	}
	if report.HappyOfBare <= 0 || report.NATS == "" || report.Redis == "" {
		t.Errorf("%+v", report)
	}
	if left := r.alive(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if files, err := os.ReadDir(r.dir); err != nil || len(files) > 0 {
		t.Errorf("files left behind: %v, %v", files, err)
	}
}

// report decodes the one object on stdout, whose runs have all their fields.
func (r *benchRun) report(t *testing.T) (report bench.Report) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(r.stdout.Bytes()))
	if err := d.Decode(&report); err != nil {
		t.Fatalf("%v: %s", err, &r.stdout)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Errorf("more than one object on stdout: %s", &r.stdout)
	}
	var object struct{ Runs []map[string]any }
	if err := json.Unmarshal(r.stdout.Bytes(), &object); err != nil {
		t.Fatal(err)
	}
	for _, run := range object.Runs {
		for _, name := range []string{
			"path", "in_flight", "sagas", "sagas_per_second", "p50_ms", "p99_ms", "cpu_ms_per_saga", "cpu_ms_by_part",
			"messages_per_saga", "bytes_per_saga",
		} {
			if _, ok := run[name]; !ok {
				t.Errorf("%v has no %s", run["path"], name)
			}
		}
	}
	return report
}

func checkRun(t *testing.T, r bench.Run) {
	t.Helper()
	want := 8.0
	if r.Path == bench.Compensate {
		want = 12
	}
	if r.Messages != want || r.Sagas != 200 || r.Bytes < 300*want || r.Bytes > 1000*want {
		t.Errorf("%s: %v messages and %v bytes a saga of %d, want %v messages", r.Path, r.Messages, r.Bytes, r.Sagas, want)
	}
	if r.Rate <= 0 || r.P50 <= 0 || r.P99 < r.P50 || math.Abs(r.Rate*r.Seconds-200) > 1+r.Rate/1000 { // seconds are rounded to milliseconds
		t.Errorf("%s: %+v", r.Path, r)
	}
	sum := 0.0
	for _, cpu := range r.CPUByPart {
		sum += cpu
	}
	if len(r.CPUByPart) != len(bench.Parts) || math.Abs(sum-r.CPU) > 0.001 || r.CPU <= 0 {
		t.Errorf("%s: CPU %v, by part %v", r.Path, r.CPU, r.CPUByPart)
	}
	for _, part := range bench.Parts {
		if _, ok := r.CPUByPart[part]; !ok {
			t.Errorf("%s: no CPU of %s", r.Path, part)
		}
	}
}

func benchOnGivenServers(t *testing.T, binary string) {
	given := given(t)
	r := newBenchRun(t, binary, "--sagas", "50", "--path", "compensate", "--in-flight", "4,peak", "--barrier", "-o", "json")
	r.cmd.Env = append(r.cmd.Env, "NATS_URL="+given["NATS_URL"], "REDIS_URL="+given["REDIS_URL"])
	if err := r.cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &r.stderr)
	}
	var got []string
	for _, run := range r.report(t).Runs {
		got = append(got, fmt.Sprint(run.InFlight, " ", run.Barrier))
		if _, ok := run.CPUByPart["nats"]; ok || len(run.CPUByPart) != len(bench.Parts)-2 || run.Messages != 12 {
			t.Errorf("%+v", run)
		}
	}
	if want := []string{"4 false", "50 false", "4 true", "50 true"}; !slices.Equal(got, want) {
		t.Errorf("runs: %q, want %q", got, want)
	}
	nc, err := nats.Connect(given["NATS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	streams := js.StreamNames(t.Context())
	for name := range streams.Name() {
		t.Errorf("left behind on the given server: %s", name)
	}
	if err := streams.Err(); err != nil {
		t.Error(err)
	}
}

func benchWithReaders(t *testing.T, binary string) {
	r := newBenchRun(t, binary, "--sagas", "50", "--rate", "500", "--readers", "5", "-o", "json")
	if err := r.cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &r.stderr)
	}
	report := r.report(t)
	watched := 0
	for _, run := range report.Runs {
		if run.Sagas != 50 || run.Target != 500 || run.Messages != 8 || (run.Readers > 0) != (run.Events > 0) {
			t.Errorf("%+v", run)
		}
		if len(run.CPUByPart) != len(bench.Parts)+len(bench.ReaderParts) {
			t.Errorf("CPU by part: %v", run.CPUByPart)
		}
		watched += run.Readers
	}
	w := report.Readers
	if w == nil || len(report.Runs) != 2*w.Pairs || watched != 5*w.Pairs || w.Readers != 5 || w.Events == 0 {
		t.Fatalf("%+v of %d runs", w, len(report.Runs))
	}
	for _, name := range bench.Compared {
		if c, ok := w.Costs[name]; !ok || c.With <= 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := w.Costs[bench.Engine]; c.Added == nil || c.Added.P25 > c.Added.P75 {
		t.Errorf("engine: %+v", c)
	}
	if left := r.alive(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func benchIsKilled(t *testing.T, binary string) {
	r := newBenchRun(t, binary, "--sagas", "100000", "--path", "happy", "--in-flight", "1")
	r.cmd.Stderr = nil
	progress, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(progress)
	if !lines.Scan() { // the warm-up has begun: all parts are there
		t.Fatalf("no progress: %v", lines.Err())
	}
	if n := len(r.alive(t)); runtime.GOOS == "linux" && n != 1+len(bench.Parts)+1 { // bench-part redis, and redis-server
		t.Errorf("%d processes: %q", n, r.alive(t))
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait() // killed
	r.gone(t)
}

func benchWithoutRedis(t *testing.T, binary string) {
	r := newBenchRun(t, binary, "--sagas", "10")
	r.cmd.Env = append(r.cmd.Env, "PATH="+t.TempDir())
	err := r.cmd.Run()
	if err == nil || !strings.Contains(r.stderr.String(), "apt-get install redis-server") || !strings.Contains(r.stderr.String(), "REDIS_URL") {
		t.Errorf("%v: %s", err, &r.stderr)
	}
	r.gone(t)
}

func TestBenchRefusesWhatItCannotMeasure(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--path sideways":                  `--path "sideways" is none of`,
		"--in-flight 0":                    `--in-flight "0" is neither`,
		"--in-flight 1,many":               `--in-flight "many" is neither`,
		"--sagas -1":                       "sagas and time are positive",
		"--duration 0s":                    "sagas and time are positive",
		"--dir " + t.TempDir() + "/absent": "no such file",
		"now":                              "wants no argument",
		"--rate -1":                        "from 0 to",
		"--rate 9 --in-flight peak":        "does not depend on it",
		"--readers 5":                      "--readers wants --rate",
		"--readers 1001 --rate 9":          "to 1000 readers",
		"--readers 5 --rate 9 --barrier":   "wants one run",
		"--readers 5 --rate 9 --path bare": "wants one run",
		"--readers 5 --rate 9 --server nats://127.0.0.1:1": "leave out NATS_URL",
	} {
		r := runDemo(t.Context(), t, nil, append([]string{"bench"}, strings.Fields(args)...)...)
		if r.code != exitUsage || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: exit code %d: %s, want %q", args, r.code, r.stderr, want)
		}
	}
}

func TestBenchTellsPeople(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	a := &app{env: env{stdout: &stdout}}
	if err := a.benchTable(bench.Report{CPUs: 2, Go: "go1", NATS: "2", Redis: "7", HappyOfBare: 0.62, Runs: []bench.Run{{
		Path: bench.Happy, InFlight: 512, Peak: true, Barrier: true, Sagas: 56789, Rate: 5678.9, P50: 1.234, P99: 12.345, CPU: 0.345,
		CPUByPart: map[string]float64{"client": 0.045}, Messages: 8, Bytes: 4193,
	}}}); err != nil {
		t.Fatal(err)
	}
	has(t, stdout.String(), "happy with barrier, peak", "512", "56,789", "5,678", "1.23", "12.35", "0.345", "0.045", "8.0", "4,193",
		"orchestrator", "62 % of the bare pipeline")
	stdout.Reset()
	watched := &bench.Watched{Readers: 50, Pairs: 8, Events: 1234, Costs: map[string]bench.Costs{
		bench.Engine: {Without: 0.5, With: 0.505, Added: &bench.Quartiles{P25: -0.5, Median: 1, P75: 2.5}}, "console": {With: 0.025},
	}}
	if err := a.benchTable(bench.Report{Readers: watched, Runs: []bench.Run{{Path: bench.Happy, Target: 2000, Readers: 50}}}); err != nil {
		t.Fatal(err)
	}
	has(t, stdout.String(), "happy, 2000/s, 50 readers", "50 live readers, who saw 1,234 events a second", "0.505", "+1.0 %", "-0.5 to +2.5", "0.025")
}
