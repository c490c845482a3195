package bench

import (
	"context"
	"errors"
	"os/exec"

	"github.com/amends-io/amends/internal/process"
)

// A part is the process of one, as its parent has it.
type part struct {
	*process.Talker
	url string
}

// startPart starts the part that s describes, and waits until it is ready. When
// it ends before it is closed, that is told to fail.
func startPart(ctx context.Context, cmd *exec.Cmd, s setup, fail func(error)) (*part, error) {
	t, err := process.StartTalker(cmd, s.Name, fail)
	if err != nil {
		return nil, err
	}
	p := &part{Talker: t}
	r, err := p.ask(ctx, s)
	if err != nil {
		p.Close()
		return nil, err
	}
	p.url = r.URL
	return p, nil
}

// ask sends one line, and waits for the answer to it, or until ctx is over;
// then the part can be used no more.
func (p *part) ask(ctx context.Context, line any) (r reply, err error) {
	if err := p.Ask(ctx, line, &r); err != nil {
		return reply{}, err
	}
	if r.Error != "" {
		return reply{}, errors.New(p.Name() + ": " + r.Error)
	}
	return r, nil
}
