package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/amends-io/amends/internal/process"
)

// A part is the process of one, as its parent has it.
type part struct {
	name string
	*process.Process
	stdin   io.Closer
	stdout  io.Closer // our end of it
	asks    *json.Encoder
	answers *json.Decoder
	closing atomic.Bool
	url     string
}

// startPart starts the part that s describes, and waits until it is ready. When
// it ends before it is closed, that is told to fail.
func startPart(ctx context.Context, cmd *exec.Cmd, s setup, fail func(error)) (*part, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	cmd.Stdout = in
	p := &part{name: s.Name, stdin: stdin, stdout: out, asks: json.NewEncoder(stdin), answers: json.NewDecoder(out)}
	if p.Process, err = process.Start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	go func() {
		<-p.Ended()
		_ = in.Close()
		if !p.closing.Load() {
			fail(p.death())
		}
	}()
	r, err := p.ask(ctx, s)
	if err != nil {
		p.close()
		return nil, err
	}
	p.url = r.URL
	return p, nil
}

func (p *part) death() error {
	return fmt.Errorf("the process of %s ended: %v: %s", p.name, p.State(), p.Said())
}

// ask sends one line, and waits for the answer to it, or until ctx is over;
// then the part can be used no more.
func (p *part) ask(ctx context.Context, line any) (r reply, err error) {
	stop := context.AfterFunc(ctx, func() { _ = p.stdin.Close() }) // which ends it
	defer stop()
	if err = p.asks.Encode(line); err == nil {
		err = p.answers.Decode(&r)
	}
	switch {
	case ctx.Err() != nil:
		return reply{}, context.Cause(ctx)
	case err != nil && p.hasEnded():
		return reply{}, p.death()
	case err != nil:
		return reply{}, fmt.Errorf("%s: %w", p.name, err)
	case r.Error != "":
		return reply{}, errors.New(p.name + ": " + r.Error)
	}
	return r, nil
}

// hasEnded reports whether the process has, or is about to: its pipes were
// closed a moment ago.
func (p *part) hasEnded() bool {
	select {
	case <-p.Ended():
		return true
	case <-time.After(time.Second):
		return false
	}
}

// patience is how long a part may take to end.
const patience = 15 * time.Second

// close ends the part, and waits until it has.
func (p *part) close() {
	p.closing.Store(true)
	_ = p.stdin.Close()  // that is what tells it
	_ = p.stdout.Close() // an answer that nobody waits for must not keep it
	p.Await(patience)
}
