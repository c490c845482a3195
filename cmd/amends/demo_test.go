package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/embedded"
)

// A demoRun is one run of the command line in this process.
type demoRun struct {
	code           int
	stdout, stderr string
}

// runDemo runs args with these variables, until ctx is over at the latest.
func runDemo(ctx context.Context, t testing.TB, variables map[string]string, args ...string) demoRun {
	t.Helper()
	var stdout, stderr watched // a connection's last word may come late
	code := run(ctx, env{
		stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr,
		getenv: func(name string) string { return variables[name] },
	}, args)
	return demoRun{code, stdout.String(), stderr.String()}
}

// report decodes the one object that is on stdout, and nothing else.
func (r demoRun) report(t testing.TB) demo.Report {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(r.stdout))
	var report demo.Report
	if err := d.Decode(&report); err != nil {
		t.Fatalf("%v\nexit code %d\nstdout: %s\nstderr: %s", err, r.code, r.stdout, r.stderr)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Errorf("more than one object on stdout: %s", r.stdout)
	}
	if r.stderr != "" {
		t.Errorf("stderr: %s", r.stderr)
	}
	return report
}

func (r demoRun) addsUp(t testing.TB, orders int) demo.Report {
	t.Helper()
	report := r.report(t)
	if !report.AddsUp || r.code != 0 || report.Orders != orders || report.Stuck != 0 ||
		report.NotStarted+report.Conflicts+report.Completed+report.Compensated+report.Stuck != orders {
		t.Errorf("exit code %d: %s", r.code, r.stdout)
	}
	return report
}

func TestDemoPrintsOneObject(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	r := runDemo(t.Context(), t, nil, "demo", "--orders", "120", "--exit", "-o", "json", "--dir", dir)
	report := r.addsUp(t, 120)
	if report.NotStarted == 0 || report.Conflicts == 0 || report.Compensated == 0 || report.Where.Journal != dir {
		t.Errorf("%+v", report)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &object); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"orders", "not_started", "conflicts", "completed", "compensated", "stuck",
		"crashes", "seconds", "sagas_per_second", "adds_up", "checks",
	} {
		if _, ok := object[name]; !ok {
			t.Errorf("there is no %s", name)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "nats", "jetstream")); err != nil || len(entries) == 0 {
		t.Errorf("the journal is not on disk: %v, %v", entries, err)
	}
}

func TestDemoTellsPeople(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := runDemo(t.Context(), t, nil, "demo", "--orders", "100", "--exit", "--dir", dir)
	if r.code != 0 || r.stderr != "" || strings.ContainsAny(r.stdout, "\x1b\r") {
		t.Errorf("exit code %d, stderr %q, stdout %q", r.code, r.stderr, r.stdout)
	}
	for _, want := range []string{
		"Placing 100 of 25,943 orders", "journal in " + dir, "100  rows", "not started", "cancellation", "blank customer",
		"compensated", "out of stock", " a second, ", "✓ stock conserved", "✓ money as in the journal", "\nIt adds up.\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("not said: %q\n%s", want, r.stdout)
		}
	}
}

func TestDemoTakesOnesOwnFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.csv")
	const rows = "InvoiceNo,InvoiceDate,CustomerID,Country,Quantity,UnitPrice\n" +
		"1,1/1/2011 9:00,c,France,3,1.5\n" +
		"1,1/1/2011 9:00,c,France,3,1.5\n" + // the same again
		"1,1/1/2011 9:00,c,France,4,1.5\n" + // another
		"2,1/1/2011 9:00,c,France,1001,1\n" +
		"a.b,1/1/2011 9:00,c,France,1,1\n" +
		"C3,1/1/2011 9:00,c,France,-3,1.5\n"
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	report := runDemo(t.Context(), t, nil, "demo", "--file", file, "--exit", "-o", "json", "--dir", t.TempDir()).addsUp(t, 6)
	got := []any{report.NotStarted, report.Conflicts, report.Completed, report.Compensated, report.TurnedBack}
	want := []any{3, 1, 1, 1, map[string]int{"parcel too large": 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%v", diff, report.Refused)
	}
	for _, reason := range []string{"cancellation", "unusable", "the same order again"} {
		found := false
		for r := range report.Refused {
			found = found || string(r) == reason
		}
		if !found {
			t.Errorf("no row is told to be %q: %v", reason, report.Refused)
		}
	}
}

func TestDemoSaysWhatToDo(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	bad := filepath.Join(full, "bad.csv")
	if err := os.WriteFile(bad, []byte("a,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nats, redis := map[string]string{"NATS_URL": "nats://127.0.0.1:1"}, map[string]string{"REDIS_URL": "redis://127.0.0.1:1"}
	neither := map[string]string{"NATS_URL": "nats://127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1"}
	for _, tt := range []struct {
		args      string
		variables map[string]string
		code      int
		want      string
	}{
		{"--orders 0", nil, exitUsage, "--orders 0: at least 1"},
		{"--in-flight -1", nil, exitUsage, "--in-flight -1: at least 1"},
		{"--crash -1", nil, exitUsage, "--crash -1: at least 0"},
		{"--crash 50 --orders 20 --dir " + t.TempDir(), nil, exitError, "place more with --orders"},
		{"--dir " + full, nil, exitUsage, "is not empty: the demo begins in a fresh directory"},
		{"--file nothere.csv", nil, exitUsage, "nothere.csv"},
		{"--file " + bad, nil, exitError, "bad.csv: line 1: there is no column InvoiceNo"},
		{"now", nil, exitUsage, "wants no argument"},
		{"", nats, exitUsage, "Redis is not: set REDIS_URL"},
		{"", redis, exitUsage, "NATS is not: set NATS_URL"},
		{"", neither, exitError, "connect to NATS at"},
		{"--js-domain hub", neither, exitUsage, "leave out --js-domain"},
	} {
		r := runDemo(t.Context(), t, tt.variables, append([]string{"demo", "--exit"}, strings.Fields(tt.args)...)...)
		if r.code != tt.code || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%s: exit code %d, want %d; stderr %s, want %q", tt.args, r.code, tt.code, r.stderr, tt.want)
		}
	}
}

// given starts servers that a demo is told to use.
func given(t testing.TB) (variables map[string]string) {
	t.Helper()
	s, err := embedded.Start(embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return map[string]string{"NATS_URL": s.NATSURL, "REDIS_URL": s.RedisURL}
}

func TestDemoRunsAgainOnGivenServers(t *testing.T) {
	t.Parallel()
	variables := given(t)
	demo := func(args ...string) demoRun {
		return runDemo(t.Context(), t, variables, append([]string{"demo", "--orders", "100", "--exit", "-o", "json"}, args...)...)
	}
	first, second := demo().addsUp(t, 100), demo().addsUp(t, 100)
	if first.Where.Prefix != "saga" || second.Where.Prefix == "saga" || second.Where.Journal != "" {
		t.Errorf("first %+v, second %+v", first.Where, second.Where)
	}
	if r := demo("--prefix", "saga"); r.code != exitError || !strings.Contains(r.stderr, "has sagas already") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	demo("--prefix", "mine").addsUp(t, 100)
}

// A watched writer calls seen when text was written to it.
type watched struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	text string
	seen func()
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(b)
	if w.seen != nil && strings.Contains(w.buf.String(), w.text) {
		w.seen()
	}
	return len(b), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func TestDemoEndsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"amends list":    0, // it was done, and stayed for us
		"Placing 20,000": exitInterrupted,
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		stdout, stderr := &watched{text: text, seen: interrupt}, &watched{}
		orders := "100"
		if want != 0 {
			orders = "20000"
		}
		code := run(ctx, env{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, getenv: func(string) string { return "" }},
			[]string{"demo", "--orders", orders, "--dir", t.TempDir()})
		if code != want || want != 0 && stderr.String() != "amends: interrupted\n" {
			t.Errorf("%s: exit code %d, want %d: %s", text, code, want, stderr)
		}
	}
}

// The orchestrator of a demo is killed as an operator's machine would kill it,
// so this takes the program itself.
func TestDemoAddsUpAlthoughItsOrchestratorIsKilled(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "amends")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(t.Context(), binary, "demo", "--orders", "200", "--crash", "2", "--seed", "7", "--exit", "-o", "json")
	c.Stdout, c.Stderr = &stdout, &stderr
	temporary := t.TempDir()
	c.Env = append(os.Environ(), "TMPDIR="+temporary, "NATS_URL=", "REDIS_URL=", "NATS_CONTEXT=", "AMENDS_PREFIX=mine")
	if err := c.Run(); err != nil {
		t.Errorf("%v: %s", err, stderr.String())
	}
	report := demoRun{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}.addsUp(t, 200)
	if report.Crashes != 2 || len(report.Hit) != 2 || report.Hit[0]+report.Hit[1] == 0 || report.Seed != 7 || report.Where.Prefix != "mine" {
		t.Errorf("%+v", report)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v behind, %v", left, err)
	}
}

func TestDemoShowsABarOnATerminalAlone(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	p := &demoPrinter{app: &app{env: env{stderr: &stderr}}, out: &stdout, bar: true}
	p.progress(250, 1000, 0)
	p.progress(1000, 1000, 2)
	p.ran()
	want := "\r  ████████░░░░░░░░░░░░░░░░░░░░░░░░  250 of 1,000 orders" +
		"\r  ████████████████████████████████  1,000 of 1,000 orders, killed 2 times" +
		"\r" + strings.Repeat(" ", 73) + "\r"
	if diff := cmp.Diff(want, stderr.String()); diff != "" || stdout.Len() > 0 {
		t.Errorf("(-want +got):\n%s\nstdout: %s", diff, &stdout)
	}
	if isTerminal(&stdout) {
		t.Error("a buffer is no terminal")
	}
}

// Whoever started it may have been killed itself.
func TestDemoOrchestratorEndsWithItsStandardInput(t *testing.T) {
	t.Parallel()
	variables := given(t)
	runDemo(t.Context(), t, variables, "demo", "--orders", "20", "--exit", "-o", "json").addsUp(t, 20)
	r := runDemo(t.Context(), t, variables, "demo-orchestrator", "--name", "demo-9")
	if r.code != 0 || r.stdout != "" {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}
