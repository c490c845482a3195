package orchestrator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A world is a journal and a view in memory, participants with a barrier, and
// as many orchestrators as a test starts. It lives in a synctest bubble, so
// that its time passes only when nothing else can happen.
type world struct {
	t       *testing.T
	ctx     context.Context
	journal *inmem.Journal
	view    *inmem.View
	defs    []sagas.Definition
	log     *bytes.Buffer
	logTo   io.Writer // the same, for all members at once
	group   sync.WaitGroup

	mu      sync.Mutex
	answer  func(protocol.Command) (protocol.Outcome, bool) // false: no answer
	barrier map[string]protocol.Outcome                     // by saga/run/step/direction
	effects map[string]int                                  // net effect, by saga/step
	sent    []protocol.Command
}

func newWorld(t *testing.T, defs ...sagas.Definition) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{
		t: t, ctx: ctx, journal: inmem.NewJournal(1), view: inmem.NewView(), defs: defs, log: &bytes.Buffer{},
		barrier: make(map[string]protocol.Outcome), effects: make(map[string]int),
	}
	w.logTo = &lockedWriter{w: w.log}
	t.Cleanup(func() {
		cancel()
		w.group.Wait()
		if t.Failed() {
			t.Log("\n" + w.log.String())
		}
	})
	seen := map[string]bool{}
	for _, d := range defs {
		for _, name := range d.Participants() {
			if !seen[name] {
				seen[name] = true
				w.group.Go(func() { _ = w.journal.Commands(ctx, name, w.serve) })
			}
		}
	}
	return w
}

// threeSteps is reserve, charge, ship; the last is the pivot if asked for.
func threeSteps(pivot bool) sagas.Definition {
	step := func(name, participant string, after ...int) sagas.Planned {
		return sagas.Planned{
			Name: name, Participant: participant, Action: name, After: after,
			Timeout: 10 * time.Second, Retry: sagas.Backoff(3, time.Second).Jitter(0),
			Compensation: &sagas.Compensation{
				Participant: participant, Action: "undo-" + name,
				Timeout: 10 * time.Second, Retry: sagas.Backoff(3, time.Second).Jitter(0),
			},
		}
	}
	d := sagas.Definition{Name: "order", Version: 1, Steps: []sagas.Planned{
		step("reserve", "inventory"), step("charge", "payment", 0), step("ship", "shipping", 1),
	}}
	if pivot {
		d.Steps[2].Pivot, d.Steps[2].Compensation = true, nil
	}
	return d
}

// serve carries a command out behind a barrier, and answers.
func (w *world) serve(m orchestrator.Message) {
	c, err := protocol.ReadCommand(m.Address, m.Header, m.Body)
	if err != nil {
		w.t.Errorf("command %d: %v", m.Sequence, err)
		return
	}
	outcome, answered := w.carryOut(c)
	if answered {
		w.reply(c, outcome)
	}
}

func (w *world) carryOut(c protocol.Command) (protocol.Outcome, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, c)
	scripted, answered := protocol.Outcome(""), true
	if w.answer != nil {
		scripted, answered = w.answer(c)
	}
	do, undo := w.key(c, protocol.Do), w.key(c, protocol.Undo)
	effect := c.Saga + "/" + c.Attempt.Step
	switch {
	case c.Attempt.Direction == protocol.Do && w.barrier[undo] != "":
		return protocol.Rejected, answered
	case c.Attempt.Direction == protocol.Do && w.barrier[do] != "":
		return w.barrier[do], answered
	case c.Attempt.Direction == protocol.Undo && w.barrier[undo] != "":
		return w.barrier[undo], answered
	case scripted == protocol.Failed:
		return scripted, answered
	case c.Attempt.Direction == protocol.Do && scripted == protocol.Refused:
		w.barrier[do] = scripted
	case c.Attempt.Direction == protocol.Do:
		w.barrier[do] = protocol.Done
		w.effects[effect]++
	case w.barrier[do] == protocol.Done:
		w.barrier[undo] = protocol.Undone
		w.effects[effect]--
	default:
		w.barrier[undo] = protocol.NothingToUndo
	}
	if c.Attempt.Direction == protocol.Do {
		return w.barrier[do], answered
	}
	return w.barrier[undo], answered
}

func (w *world) key(c protocol.Command, d protocol.Direction) string {
	c.Attempt.Direction = d
	return c.Key()
}

func (w *world) reply(c protocol.Command, o protocol.Outcome) uint64 {
	h := protocol.Header{}
	r := protocol.Reply{Attempt: c.Attempt, Outcome: o}
	if o == protocol.Done {
		r.Body = []byte(`{"by":"` + c.Participant + `"}`)
	}
	r.WriteHeader(h)
	return w.publish(w.subjects().Reply(0, c.Saga, c.Participant), h, r.Body)
}

func (w *world) subjects() protocol.Subjects { return protocol.Subjects{} }

func (w *world) publish(subject string, h protocol.Header, body []byte) uint64 {
	seq, err := w.journal.Publish(context.WithoutCancel(w.ctx), subject, h, body)
	if err != nil && !errors.Is(err, orchestrator.ErrConflict) {
		w.t.Errorf("publish to %s: %v", subject, err)
	}
	return seq
}

// start publishes a start as a client does, and returns its sequence.
func (w *world) start(id string) uint64 { return w.startOf(id, "order", 1, `{"id":"`+id+`"}`) }

func (w *world) startOf(id, definition string, version int, input string) uint64 {
	h := protocol.Header{}
	h.Set(protocol.HeaderDefinition, definition)
	h.Set(protocol.HeaderVersion, strconv.Itoa(version))
	h.Set(protocol.HeaderDecision, "start-"+id)
	h.Set(protocol.HeaderExpectedSequence, "0")
	h.Set(protocol.HeaderExpectedSubject, w.subjects().Chain(0, id))
	return w.publish(w.subjects().Start(0, id), h, []byte(input))
}

// control publishes an operator's request.
func (w *world) control(id, input string, verb instance.Verb, extra ...string) uint64 {
	h := protocol.Header{}
	h.Set(protocol.HeaderVerb, string(verb))
	h.Set(protocol.HeaderBy, "ann")
	h.Set(protocol.HeaderWhy, "a test")
	for i := 0; i+1 < len(extra); i += 2 {
		h.Set(extra[i], extra[i+1])
	}
	subject := w.subjects().Control(0, id, input)
	h.Set(protocol.HeaderExpectedSequence, "0")
	h.Set(protocol.HeaderExpectedSubject, subject)
	return w.publish(subject, h, nil)
}

// A member is one orchestrator that a test started, with a connection of its own.
type member struct {
	*orchestrator.Orchestrator
	journal *inmem.Journal
	stop    func() // and wait
	ended   chan error
}

// run starts an orchestrator.
func (w *world) run(name string, change ...func(*orchestrator.Config)) *member {
	w.t.Helper()
	m := &member{journal: w.journal.Connect(), ended: make(chan error, 1)}
	cfg := orchestrator.Config{
		Journal: m.journal, View: w.view, Definitions: w.defs, Name: name,
		Log: slog.New(slog.NewTextHandler(w.logTo, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if m.Orchestrator, err = orchestrator.New(cfg); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan struct{})
	w.group.Go(func() {
		defer close(done)
		m.ended <- m.Run(ctx)
	})
	m.stop = func() { cancel(); <-done }
	return m
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// until waits until ok holds, for at most a minute of the bubble's time.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 100 * 60 * 10 {
		if ok() {
			return
		}
		<-tick.C
	}
	w.t.Fatalf("waited in vain until %s", what)
}

// state folds the journal's history of id; the zero state if there is none.
func (w *world) state(id string) instance.State {
	w.t.Helper()
	r, err := orchestrator.Load(context.WithoutCancel(w.ctx), w.journal.Partition(0), id, 0, 1, nil)
	if err != nil && !errors.Is(err, orchestrator.ErrNoStart) {
		w.t.Fatal(err)
	}
	return r.State
}

func (w *world) await(id string, want instance.Status) instance.State {
	w.t.Helper()
	w.until(fmt.Sprintf("%s is %s", id, want), func() bool { return w.state(id).Status == want })
	return w.state(id)
}

// effect is the net effect of a step.
func (w *world) effect(id, step string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.effects[id+"/"+step]
}

// commands counts the commands that were delivered.
func (w *world) commands(match func(protocol.Command) bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, c := range w.sent {
		if match(c) {
			n++
		}
	}
	return n
}

// lastCommand is the command that was delivered last.
func (w *world) lastCommand() protocol.Command {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent[len(w.sent)-1]
}

// checkView waits until the view has followed, and compares every row with
// what the journal folds to.
func (w *world) checkView(ids ...string) {
	w.t.Helper()
	ctx := context.WithoutCancel(w.ctx)
	for _, id := range ids {
		want, err := orchestrator.EncodeState(w.state(id))
		if err != nil {
			w.t.Fatal(err)
		}
		var got []byte
		w.until("the view has followed "+id, func() bool {
			rows, err := w.view.Partition(0).States(ctx, []string{id})
			if err != nil {
				return false
			}
			got, err = orchestrator.EncodeState(rows[id])
			return err == nil && bytes.Equal(got, want)
		})
	}
}
