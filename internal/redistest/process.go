package redistest

import (
	"bytes"
	"os/exec"
	"runtime"
)

// A process is a child that is waited for.
type process struct {
	cmd    *exec.Cmd
	done   chan struct{} // closed when it has ended
	output bytes.Buffer  // to be read when it has ended
}

// startProcess starts cmd so that it ends with us, where the system can do so.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	dieWithParent(cmd)
	started := make(chan error)
	go func() {
		// Linux counts the thread that forked as the parent, so that
		// thread has to live as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed by us, as a rule
		}
		close(p.done)
	}()
	return p, <-started
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only if it has ended
	<-p.done
}
