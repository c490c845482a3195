package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/cmd/amends/internal/embedded"
)

// Roles of parts.
const (
	roleNATS         = "nats"
	roleRedis        = "redis"
	roleOrchestrator = "orchestrator"
	roleParticipant  = "participant"
	roleClient       = "client"
	roleConsole      = "console"
	roleReaders      = "readers"
)

// barrierExpiry lets rows of a barrier leave a Redis that is somebody's.
const barrierExpiry = 24 * time.Hour

// A setup is the first line that a part reads: what it is. It comes that way,
// and not as arguments, as Redis' address may hold a password.
type setup struct {
	Role    string           `json:"role"`
	Name    string           `json:"name"` // of the part
	Dir     string           `json:"dir,omitempty"`
	Redis   string           `json:"redis,omitempty"`
	Prefix  string           `json:"prefix,omitempty"`
	Barrier bool             `json:"barrier,omitempty"`
	Score   *score           `json:"score,omitempty"`   // of the bare pipeline, which has no saga
	Console string           `json:"console,omitempty"` // URL, of readers
	Profile string           `json:"profile,omitempty"` // directory
	Sync    bool             `json:"sync,omitempty"`    // of a NATS server
	Cluster embedded.Cluster `json:"cluster,omitzero"`
}

// A question is each line after that. Without a load it asks for the CPU.
type question struct {
	Load  *load `json:"load,omitempty"`
	Watch *load `json:"watch,omitempty"` // to readers: look on, or, without readers, stop
}

// A reply answers one line.
type reply struct {
	Error  string  `json:"error,omitempty"`
	URL    string  `json:"url,omitempty"`    // of a server that was started
	CPU    float64 `json:"cpu,omitempty"`    // that was used so far, in ms
	Loaded *loaded `json:"loaded,omitempty"` // what a load came to
	Events int64   `json:"events,omitempty"` // that readers saw
}

// A worker is a part at work.
type worker struct {
	url   string
	cpu   func(context.Context) (float64, error)
	load  func(context.Context, load) (loaded, error) // of clients
	watch func(context.Context, load) (int64, error)  // of readers
	close func()
}

// A Dial connects to NATS.
type Dial func(name string) (*nats.Conn, error)

// Serve is a part of the benchmark, in a process of its own: what it is and
// has to do comes in as lines of JSON, and it answers each with one. It ends
// when its input does, which is when its parent is gone, however it went.
func Serve(ctx context.Context, in io.Reader, out io.Writer, dial Dial) (err error) {
	lines, answers := json.NewDecoder(in), json.NewEncoder(out)
	var s setup
	if err := lines.Decode(&s); err != nil {
		return fmt.Errorf("what part to be: %w", err)
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if s.Profile != "" {
		stop, err := profile(s.Profile, s.Name)
		if err != nil {
			return answers.Encode(reply{Error: err.Error()})
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	w, err := open(ctx, s, dial, fail)
	if err != nil {
		return answers.Encode(reply{Error: err.Error()})
	}
	defer w.close()
	questions := make(chan question)
	go func() {
		defer fail(io.EOF)
		for {
			var q question
			if lines.Decode(&q) != nil {
				return
			}
			select {
			case questions <- q:
			case <-ctx.Done():
			}
		}
	}()
	r := reply{URL: w.url}
	for {
		if err := answers.Encode(r); err != nil {
			return err
		}
		select {
		case q := <-questions:
			r = w.obey(ctx, q)
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, io.EOF) {
				return cause
			}
			return nil
		}
	}
}

func (w *worker) obey(ctx context.Context, q question) (r reply) {
	var err error
	switch {
	case q.Watch != nil && w.watch != nil:
		r.Events, err = w.watch(ctx, *q.Watch)
	case q.Watch != nil:
		err = errors.New("this part reads nothing")
	case q.Load == nil:
		r.CPU, err = w.cpu(ctx)
	case w.load == nil:
		err = errors.New("this part is no client")
	default:
		var result loaded
		result, err = w.load(ctx, *q.Load)
		r.Loaded = &result
	}
	if err != nil {
		return reply{Error: err.Error()}
	}
	return r
}

// open starts the part that s describes. What ends it later is told to fail.
func open(ctx context.Context, s setup, dial Dial, fail func(error)) (*worker, error) {
	own := func(context.Context) (float64, error) { return ownCPU() }
	switch s.Role {
	case roleNATS:
		return openNATS(s, own)
	case roleRedis:
		return openRedis(ctx, s, fail)
	case roleReaders:
		w := &worker{cpu: own, close: func() {}}
		w.openReaders(s)
		return w, nil
	}
	nc, err := dial("amends-bench-" + s.Name)
	if err != nil {
		return nil, err
	}
	w := &worker{cpu: own, close: nc.Close}
	switch {
	case s.Role == roleOrchestrator && s.Score != nil:
		err = w.openBareOrchestrator(ctx, s, nc, fail)
	case s.Role == roleOrchestrator:
		err = w.openOrchestrator(ctx, s, nc, fail)
	case s.Role == roleParticipant:
		err = w.openParticipant(ctx, s, nc, fail)
	case s.Role == roleClient && s.Score != nil:
		err = w.openBareClient(s, nc)
	case s.Role == roleClient:
		err = w.openClient(s, nc)
	case s.Role == roleConsole:
		err = w.openConsole(ctx, s, nc)
	default:
		err = fmt.Errorf("there is no role %q", s.Role)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// background runs what a part does until it is over; then w.close waits for it.
func (w *worker) background(ctx context.Context, fail func(error), run func(context.Context) error) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); ctx.Err() == nil {
			fail(fmt.Errorf("it ended: %w", err))
		}
	}()
	before := w.close
	w.close = func() {
		stop()
		<-ended
		before()
	}
}
