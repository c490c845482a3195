package process_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/amends-io/amends/internal/process"
)

// The test's own binary is the child, and the child of a child.
func TestMain(m *testing.M) {
	switch os.Getenv("PROCESS_TEST") {
	case "":
		os.Exit(m.Run())
	case "talk":
		_, _ = os.Stdout.WriteString(strings.Repeat("x", 10_000) + "out\n")
		_, _ = os.Stderr.WriteString("err\n")
		os.Exit(3)
	case "stay":
		_, _ = os.Stdout.WriteString("here\n")
		<-time.After(time.Minute)
	case "parent":
		cmd := itself("stay")
		cmd.Stdout = os.Stdout
		p, err := process.Start(cmd)
		if err != nil {
			panic(err)
		}
		<-p.Ended()
	}
}

func itself(as string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PROCESS_TEST="+as)
	return cmd
}

// start starts a child, and returns when it has said that it is there.
func start(t *testing.T, as string) (p *process.Process, stdout *bufio.Reader) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	cmd := itself(as)
	cmd.Stdout = w
	if p, err = process.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	_ = w.Close() // the child has its own
	stdout = bufio.NewReader(r)
	if line, err := stdout.ReadString('\n'); err != nil || line != "here\n" {
		t.Fatalf("it says %q, %v", line, err)
	}
	return p, stdout
}

func TestTheLastOfWhatAChildSaidIsKept(t *testing.T) {
	t.Parallel()
	p, err := process.Start(itself("talk"))
	if err != nil {
		t.Fatal(err)
	}
	<-p.Ended()
	if said := p.Said(); len(said) > 4<<10 || !strings.HasSuffix(said, "xout\nerr") {
		t.Errorf("%d bytes were kept: %.20s…", len(said), said)
	}
	if p.State().ExitCode() != 3 {
		t.Errorf("it ended: %v", p.State())
	}
	if err := p.Kill(); err == nil {
		t.Error("a process that had ended was killed")
	}
}

func TestWhatAChildLogsIsKeptToo(t *testing.T) {
	t.Parallel()
	cmd := itself("talk")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &log
	p, err := process.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Ended()
	if log.String() != "err\n" || p.Said() != "err" {
		t.Errorf("it logged %q, and said %q", log.String(), p.Said())
	}
}

func TestAProgramThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := process.Start(exec.Command("./no-such-program")); err == nil {
		t.Error("it was started")
	}
}

func TestAChildThatDoesNotEndIsKilled(t *testing.T) {
	t.Parallel()
	p, _ := start(t, "stay")
	p.Await(10 * time.Millisecond)
	if p.State() == nil || p.State().Success() {
		t.Errorf("it ended: %v", p.State())
	}
}
