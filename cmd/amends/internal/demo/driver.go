package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/amends-io/amends/internal/process"
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
	*process.Process
	stdin  io.Closer
	wanted atomic.Bool // its end
}

// Start implements Driver.
func (d *Outside) Start(name string, fail func(error)) error {
	cmd := d.Command(name)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the orchestrator: %w", err)
	}
	if d.Log != nil {
		cmd.Stderr = d.Log
	}
	p, err := process.Start(cmd)
	if err != nil {
		return fmt.Errorf("start the orchestrator: %w", err)
	}
	c := &child{Process: p, stdin: stdin}
	d.running = c
	go func() {
		<-c.Ended()
		if !c.wanted.Load() {
			fail(c.ended())
		}
	}()
	return nil
}

// ended is the error that it ended by itself.
func (c *child) ended() error {
	return fmt.Errorf("the orchestrator's process ended: %v: %s", c.State(), c.Said())
}

// Kill implements Driver.
func (d *Outside) Kill() error {
	c := d.running
	c.wanted.Store(true)
	if err := c.Process.Kill(); err != nil {
		return err
	}
	// A process that had just ended can still be sent a signal, and on Windows
	// there is no telling the two apart.
	if runtime.GOOS != "windows" && c.State().Exited() {
		return c.ended()
	}
	return nil
}

// Stop implements Driver.
func (d *Outside) Stop() error {
	if c := d.running; c != nil {
		c.wanted.Store(true)
		_ = c.stdin.Close() // that is what tells it
		c.Await(stopPatience)
	}
	return nil
}

// stopPatience is how long a process may take to end.
const stopPatience = 15 * time.Second
