package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync/atomic"
	"time"
)

// A Talker is a child that answers each line of JSON on its standard input with
// one on its standard output, and ends when its input does.
type Talker struct {
	*Process
	name    string
	stdin   io.Closer
	stdout  io.Closer // our end of it
	asks    *json.Encoder
	answers *json.Decoder
	closing atomic.Bool
}

// StartTalker starts cmd, whose name is for errors. When it ends before it is
// dismissed, that is told to fail.
func StartTalker(cmd *exec.Cmd, name string, fail func(error)) (*Talker, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	cmd.Stdout = in
	t := &Talker{name: name, stdin: stdin, stdout: out, asks: json.NewEncoder(stdin), answers: json.NewDecoder(out)}
	if t.Process, err = Start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		<-t.Ended()
		_ = in.Close()
		if !t.closing.Load() {
			fail(t.death())
		}
	}()
	return t, nil
}

// Name is what it was called.
func (t *Talker) Name() string { return t.name }

func (t *Talker) death() error {
	return fmt.Errorf("the process of %s ended: %v: %s", t.name, t.State(), t.Said())
}

// Ask sends one line, and decodes the answer to it, or waits until ctx is over;
// then the child can be asked no more.
func (t *Talker) Ask(ctx context.Context, line, answer any) error {
	stop := context.AfterFunc(ctx, func() { _ = t.stdin.Close() }) // which ends it
	defer stop()
	err := t.asks.Encode(line)
	if err == nil {
		err = t.answers.Decode(answer)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && t.hasEnded():
		return t.death()
	case err != nil:
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// hasEnded reports whether the process has, or is about to: its pipes were
// closed a moment ago.
func (t *Talker) hasEnded() bool {
	select {
	case <-t.Ended():
		return true
	case <-time.After(time.Second):
		return false
	}
}

// talkerPatience is how long a talker may take to end.
const talkerPatience = 15 * time.Second

// Dismiss lets it end, and does not wait.
func (t *Talker) Dismiss() {
	t.closing.Store(true)
	_ = t.stdin.Close() // that is what tells it
}

// Close lets it end, and waits until it has.
func (t *Talker) Close() {
	t.Dismiss()
	_ = t.stdout.Close() // an answer that nobody waits for must not keep it
	t.Await(talkerPatience)
}
