// Package pythontest starts the participants in Python of
// participants/examples/python. Python is no dependency of ours: where there is
// none a test is skipped, unless AMENDS_PYTHON is "required".
package pythontest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A Participant is a process.
type Participant struct {
	t      testing.TB
	cmd    *exec.Cmd
	ended  chan struct{}
	output buffer
}

// Start starts the participant called name, of which dir keeps what it knows.
// root is the module's directory, as seen from the test, and env is added to
// the process's. The end of the test kills it.
func Start(t testing.TB, root, name, natsURL, dir string, env ...string) *Participant {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("AMENDS_PYTHON") == "required" {
			t.Fatalf("AMENDS_PYTHON is required, but: %v", err)
		}
		t.Skipf("THE PARTICIPANT IN PYTHON WAS NOT TESTED: %v", err)
	}
	script := filepath.Join(root, "participants", "examples", "python", "participant.py")
	p := &Participant{t: t, cmd: exec.Command(python, "-B", script, name), ended: make(chan struct{})} //nolint:gosec // our own script
	p.cmd.Env = append(append(os.Environ(), "NATS_URL="+natsURL, "DATABASE="+filepath.Join(dir, name+".db")), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("pythontest: %v", err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // it is killed, always
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.Output())
		}
	})
	return p
}

// Kill ends the process at once, as kill -9 does, and waits for its end.
func (p *Participant) Kill() {
	p.t.Helper()
	_ = p.cmd.Process.Kill() // fails if it has ended
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.t.Error("pythontest: the process does not end")
	}
}

// Output is what the process has printed so far.
func (p *Participant) Output() string {
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	return p.output.b.String()
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(text)
}
