package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Inside runs the orchestrator in this process.
type Inside struct {
	Member Member

	stop  context.CancelFunc
	ended chan struct{}
}

// Start implements Driver.
func (d *Inside) Start(name string, fail func(error)) error {
	ctx, cancel := context.WithCancel(context.Background())
	d.stop, d.ended = cancel, make(chan struct{})
	d.Member.Name = name
	go func() {
		defer close(d.ended)
		if err := d.Member.Run(ctx); err != nil && ctx.Err() == nil {
			fail(err)
		}
	}()
	return nil
}

// Kill implements Driver. A goroutine cannot be killed.
func (d *Inside) Kill() error { return errors.ErrUnsupported }

// Stop implements Driver.
func (d *Inside) Stop() error {
	if d.stop != nil {
		d.stop()
		<-d.ended
	}
	return nil
}

// Outside runs the orchestrator as a process of its own. Command makes the
// process of a member; its standard input ends when ours does, and then it has
// to end too.
type Outside struct {
	Command func(name string) *exec.Cmd
	Log     io.Writer // for what it logs; may be nil

	running *child
}

// A child is a process of ours.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
	said  tail

	mu   sync.Mutex
	over bool // its end is wanted
}

// Start implements Driver.
func (d *Outside) Start(name string, fail func(error)) error {
	cmd := d.Command(name)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the orchestrator: %w", err)
	}
	c := &child{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	cmd.Stderr = &c.said
	if d.Log != nil {
		cmd.Stderr = io.MultiWriter(&c.said, d.Log)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the orchestrator: %w", err)
	}
	d.running = c
	go func() {
		err := cmd.Wait()
		c.mu.Lock()
		wanted := c.over
		c.mu.Unlock()
		close(c.ended)
		if !wanted {
			fail(fmt.Errorf("the orchestrator's process ended: %w: %s", err, c.said.String()))
		}
	}()
	return nil
}

// Kill implements Driver.
func (d *Outside) Kill() error {
	c := d.running
	c.end()
	if err := c.cmd.Process.Kill(); err != nil {
		return err
	}
	<-c.ended
	// A process that had just ended can still be sent a signal, and on Windows
	// there is no telling the two apart.
	if runtime.GOOS != "windows" && c.cmd.ProcessState.Exited() {
		return fmt.Errorf("it ended by itself before: %v: %s", c.cmd.ProcessState, c.said.String())
	}
	return nil
}

// Stop implements Driver.
func (d *Outside) Stop() error {
	if d.running == nil {
		return nil
	}
	d.running.end()
	_ = d.running.stdin.Close()                                                       // that is what tells it
	late := time.AfterFunc(stopPatience, func() { _ = d.running.cmd.Process.Kill() }) // fails if it has ended
	defer late.Stop()
	<-d.running.ended
	return nil
}

// stopPatience is how long a process may take to end.
const stopPatience = 15 * time.Second

func (c *child) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// A tail keeps the last of what was written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const maxTail = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b)
	if over := t.buf.Len() - maxTail; over > 0 {
		t.buf.Next(over)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.buf.String())
}
