package process_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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
	case "talker":
		_, _ = io.Copy(os.Stdout, os.Stdin) // each line is its own answer
	case "die":
		_, _ = os.Stderr.WriteString("err\n")
		os.Exit(3)
	case "mute":
		_, _ = io.Copy(io.Discard, os.Stdin)
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

func TestATalkerAnswersUntilItIsDismissed(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	talker, err := process.StartTalker(itself("talker"), "echo", func(err error) { failed <- err })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "two"} {
		var got string
		if err := talker.Ask(t.Context(), want, &got); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	talker.Close()
	if !talker.State().Success() {
		t.Errorf("it ended: %v", talker.State())
	}
	select {
	case err := <-failed:
		t.Errorf("it was dismissed, and yet: %v", err)
	default:
	}
}

func TestATalkerThatDiesIsTold(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	talker, err := process.StartTalker(itself("die"), "short", func(err error) { failed <- err })
	if err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !strings.Contains(err.Error(), "the process of short ended: exit status 3: err") {
		t.Error(err)
	}
	var got string
	if err := talker.Ask(t.Context(), "one", &got); err == nil {
		t.Errorf("it answered %q", got)
	}
}

func TestNobodyWaitsForATalkerLongerThanTheyLike(t *testing.T) {
	t.Parallel()
	talker, err := process.StartTalker(itself("mute"), "mute", func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer talker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	var got string
	if err := talker.Ask(ctx, "one", &got); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%q, %v", got, err)
	}
}
