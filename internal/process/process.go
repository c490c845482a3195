// Package process runs children that do not outlive this process.
package process

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// A Process is a child that is waited for. Where the system can do so, it ends
// when this process does, however that ends.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	said  tail
}

// Start starts cmd. The last of what it says on stderr is kept, and of what it
// says on stdout if the caller reads that nowhere.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.said
	} else {
		cmd.Stderr = io.MultiWriter(&p.said, cmd.Stderr)
	}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.said
	}
	dieWithParent(cmd)
	started := make(chan error)
	go func() {
		// Linux counts the thread that forked as the parent, so that thread
		// has to live as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in State
		}
		close(p.ended)
	}()
	return p, <-started
}

// PID is the number that the system gave it.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when it has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// State says how it ended, once it has.
func (p *Process) State() *os.ProcessState { return p.cmd.ProcessState }

// Said is the last of what it said.
func (p *Process) Said() string { return p.said.String() }

// Kill ends it, and waits until it has. It fails if it had ended before.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	return err
}

// Await waits until it has ended, and kills it if that takes too long.
func (p *Process) Await(patience time.Duration) {
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	<-p.ended
}
