package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/bench"
	"github.com/amends-io/amends/internal/process"
	"github.com/amends-io/amends/internal/redisserver"
)

// dtm is DTM over gRPC on a Redis: the program in the directory of that name.
type dtm struct {
	binary, dir string
	fail        func(error)
}

func (*dtm) name() string { return "DTM 1.19.0" }

// What its program is told and answers, see dtm/main.go.
type (
	dtmSetup struct {
		Role        string `json:"role"`
		RedisHost   string `json:"redis_host,omitempty"`
		RedisPort   int    `json:"redis_port,omitempty"`
		HTTPPort    int    `json:"http_port,omitempty"`
		GRPCPort    int    `json:"grpc_port,omitempty"`
		JSONRPCPort int    `json:"json_rpc_port,omitempty"`
		Participant string `json:"participant,omitempty"`
	}
	dtmQuestion struct {
		Load *load `json:"load,omitempty"`
	}
	dtmReply struct {
		Error  string  `json:"error"`
		Addr   string  `json:"addr"`
		CPU    float64 `json:"cpu"`
		Done   int64   `json:"done"`
		Undone int64   `json:"undone"`
		Loaded *struct {
			Sagas   int     `json:"sagas"`
			Seconds float64 `json:"seconds"`
			P50     float64 `json:"p50"`
			P99     float64 `json:"p99"`
		} `json:"loaded"`
	}
)

// A world is a DTM that runs, with what it needs.
type world struct {
	parts               []*process.Talker
	participant, client *process.Talker
	redis               *redisserver.Server
	rdb                 *redis.Client
	dir                 string
	tags                int
}

// open starts all of it, each part a process of its own with the settings of
// the Go runtime that are given.
func (d *dtm) open(ctx context.Context, settings []string) (_ *world, err error) {
	w := &world{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp(d.dir, "redis-"); err != nil {
		return nil, err
	}
	if w.redis, err = redisserver.Start(ctx, w.dir, "--appendonly", "yes", "--appendfsync", "everysec"); err != nil {
		return nil, err
	}
	w.rdb = redis.NewClient(&redis.Options{Addr: w.redis.Addr})
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	s := dtmSetup{Role: "server", HTTPPort: ports[0], GRPCPort: ports[1], JSONRPCPort: ports[2]}
	host, port, err := net.SplitHostPort(w.redis.Addr)
	if err != nil {
		return nil, err
	}
	s.RedisHost = host
	if s.RedisPort, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	if _, _, err = d.start(ctx, w, s, settings); err != nil {
		return nil, err
	}
	participant, at, err := d.start(ctx, w, dtmSetup{Role: "participant"}, settings)
	if err != nil {
		return nil, err
	}
	w.participant, s.Role, s.Participant = participant, "client", at.Addr
	w.client, _, err = d.start(ctx, w, s, settings)
	return w, err
}

func (d *dtm) start(ctx context.Context, w *world, s dtmSetup, settings []string) (*process.Talker, dtmReply, error) {
	cmd := exec.Command(d.binary)
	cmd.Env = append(os.Environ(), settings...)
	t, err := process.StartTalker(cmd, "DTM's "+s.Role, d.fail)
	if err != nil {
		return nil, dtmReply{}, err
	}
	w.parts = append(w.parts, t)
	r, err := ask(ctx, t, s)
	return t, r, err
}

func ask(ctx context.Context, t *process.Talker, line any) (r dtmReply, err error) {
	if err := t.Ask(ctx, line, &r); err != nil {
		return dtmReply{}, err
	}
	if r.Error != "" {
		return dtmReply{}, errors.New(t.Name() + ": " + r.Error)
	}
	return r, nil
}

func (w *world) close() {
	for _, p := range slices.Backward(w.parts) {
		p.Close()
	}
	if w.rdb != nil {
		_ = w.rdb.Close()
	}
	if w.redis != nil {
		_ = w.redis.Kill() // fails only if it has ended
	}
	_ = os.RemoveAll(w.dir) // it is in a directory that is removed, too
}

// A dtmSample is what was used and done up to a moment.
type dtmSample struct {
	cpu          map[string]float64 // ms, by part
	done, undone int64
}

func (w *world) sample(ctx context.Context) (s dtmSample, err error) {
	s.cpu = make(map[string]float64)
	if s.cpu["redis"], err = redisserver.CPU(ctx, w.rdb); err != nil {
		return s, err
	}
	for _, p := range w.parts {
		r, err := ask(ctx, p, dtmQuestion{})
		if err != nil {
			return s, err
		}
		s.cpu[strings.TrimPrefix(p.Name(), "DTM's ")] = r.CPU
		s.done, s.undone = s.done+r.Done, s.undone+r.Undone
	}
	return s, nil
}

// run puts a load on, and says what it cost.
func (w *world) run(ctx context.Context, l load) (Run, error) {
	w.tags++
	l.Tag = fmt.Sprintf("bench-%02d", w.tags)
	before, err := w.sample(ctx)
	if err != nil {
		return Run{}, err
	}
	r, err := ask(ctx, w.client, dtmQuestion{Load: &l})
	if err != nil {
		return Run{}, err
	}
	after, err := w.sample(ctx)
	if err != nil {
		return Run{}, err
	}
	return newRun(l, r, before, after)
}

// newRun says what a load cost; an error, if not each of its steps was called
// once, and each of its compensations if it had to be.
func newRun(l load, r dtmReply, before, after dtmSample) (Run, error) {
	if r.Loaded == nil {
		return Run{}, errors.New("the client has nothing to say of its load")
	}
	n := r.Loaded.Sagas
	done, undone := int64(3*n), int64(0)
	if l.Path == bench.Compensate {
		undone = done
	}
	if d, u := after.done-before.done, after.undone-before.undone; d != done || u != undone {
		return Run{}, fmt.Errorf("%d sagas were %d actions and %d compensations, want %d and %d", n, d, u, done, undone)
	}
	run := Run{
		InFlight: l.InFlight, Sagas: n, Seconds: r.Loaded.Seconds, Rate: float64(n) / r.Loaded.Seconds,
		P50: r.Loaded.P50, P99: r.Loaded.P99, CPUByPart: make(map[string]float64),
	}
	for name := range after.cpu {
		run.CPUByPart[name] = (after.cpu[name] - before.cpu[name]) / float64(n)
		run.CPU += run.CPUByPart[name]
	}
	return run, nil
}

// freePorts are ports where nobody listens right now.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all are held until all are known
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
