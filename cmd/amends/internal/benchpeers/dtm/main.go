// Command dtm is DTM as 'make bench-peers' runs it: its server, a service that
// takes part in its sagas, or a client that starts them. It answers each line
// of JSON on its standard input with one on its standard output, and ends when
// its input does.
//
// It imports nothing of ours, so that the versions of what it is built with are
// those that DTM asks for.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/dtm-labs/logger"
)

// A setup is the first line: what to be.
type setup struct {
	Role        string `json:"role"` // server, participant or client
	RedisHost   string `json:"redis_host,omitempty"`
	RedisPort   int    `json:"redis_port,omitempty"`
	HTTPPort    int    `json:"http_port,omitempty"` // of the server
	GRPCPort    int    `json:"grpc_port,omitempty"`
	JSONRPCPort int    `json:"json_rpc_port,omitempty"`
	Participant string `json:"participant,omitempty"` // where it is
}

// A question is each line after that. Without a load it asks what was used and
// done so far.
type question struct {
	Load *load `json:"load,omitempty"`
}

// A reply answers one line.
type reply struct {
	Error  string  `json:"error,omitempty"`
	Addr   string  `json:"addr,omitempty"` // of a participant
	CPU    float64 `json:"cpu"`            // ms, user and system, of this process
	Done   int64   `json:"done"`           // calls of actions that a participant answered, a refusal too
	Undone int64   `json:"undone"`         // and of compensations
	Loaded *loaded `json:"loaded,omitempty"`
}

// A part is one of the roles, at work.
type part struct {
	addr  string
	calls func() (done, undone int64)
	load  func(load) (loaded, error)
}

func main() {
	os.Args = os.Args[:1] // DTM parses them
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// logLevel is of the server and the client. A saga that is refused is an error to
// DTM, with a stack trace in both logs, which would cost more than the saga.
const logLevel = "fatal"

func serve(in io.Reader, out io.Writer) error {
	logger.InitLog2(logLevel, "stderr", 0, "{}")
	lines, answers := json.NewDecoder(in), json.NewEncoder(out)
	var s setup
	if err := lines.Decode(&s); err != nil {
		return fmt.Errorf("what to be: %w", err)
	}
	p, err := open(s)
	if err != nil {
		return answers.Encode(reply{Error: err.Error()})
	}
	if err := answers.Encode(p.answer(question{})); err != nil {
		return err
	}
	for {
		var q question
		switch err := lines.Decode(&q); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := answers.Encode(p.answer(q)); err != nil {
			return err
		}
	}
}

func open(s setup) (*part, error) {
	switch s.Role {
	case "server":
		return openServer(s)
	case "participant":
		return openParticipant()
	case "client":
		return openClient(s), nil
	}
	return nil, fmt.Errorf("there is no role %q", s.Role)
}

func (p *part) answer(q question) reply {
	r := reply{Addr: p.addr}
	if q.Load != nil {
		if p.load == nil {
			return reply{Error: "this part is no client"}
		}
		result, err := p.load(*q.Load)
		if err != nil {
			return reply{Error: err.Error()}
		}
		r.Loaded = &result
	}
	if p.calls != nil {
		r.Done, r.Undone = p.calls()
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return reply{Error: "the CPU that was used: " + err.Error()}
	}
	r.CPU = float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
	return r
}
