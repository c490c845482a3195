package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of a stream.
const (
	maxStreamed  = 32 // sagas of one
	maxStreams   = 1000
	commentEvery = 15 * time.Second
)

// stream sends events until the reader goes, is cut off, or the console ends.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, p *params) error {
	ids, list, after := p.all("saga"), p.yes("list"), p.text("after")
	if err := p.done(); err != nil {
		return err
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after = last
	}
	s, err := newStream(c, w, ids, after)
	if err != nil {
		return err
	}
	if len(ids) == 0 && !list {
		return verbs.Invalid(errors.New("nothing is asked for: say saga or list"))
	}
	if !c.hub.enter() {
		return fmt.Errorf("%d streams are read already: close some, or try again later", maxStreams)
	}
	defer c.hub.exit()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(c.hub.ctx, cancel)()
	defer s.leave()
	if err := s.join(); err != nil {
		return err
	}
	if list {
		defer c.news.join(s.wake)()
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of proxies that would collect
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	s.run(ctx, list)
	return nil
}

// A reader is one stream.
type reader struct {
	c    *Console
	out  http.ResponseWriter
	flow *http.ResponseController
	wake chan struct{}

	sagas []followed
	list  uint64 // the last list news that was sent
}

// Followed is one saga of a stream, and how far it was sent.
type followed struct {
	id   string
	sent uint64
	*topic
}

func newStream(c *Console, w http.ResponseWriter, ids []string, after string) (*reader, error) {
	s := &reader{c: c, out: w, flow: http.NewResponseController(w), wake: make(chan struct{}, 1)}
	if len(ids) > maxStreamed {
		return nil, verbs.Invalid(fmt.Errorf("%d sagas are asked for, at most %d are possible", len(ids), maxStreamed))
	}
	positions, err := readPositions(after, len(ids))
	if err != nil {
		return nil, verbs.Invalid(err)
	}
	for i, id := range ids {
		if err := protocol.CheckID(id); err != nil {
			return nil, verbs.Invalid(err)
		}
		if slices.Contains(ids[:i], id) {
			return nil, verbs.Invalid(fmt.Errorf("saga %s is asked for twice", id))
		}
		s.sagas = append(s.sagas, followed{id: id, sent: positions[i]})
	}
	return s, nil
}

// readPositions reads an event's id: up to where each saga was sent, in the
// order of the sagas asked for.
func readPositions(text string, n int) ([]uint64, error) {
	positions := make([]uint64, n)
	if text == "" || n == 0 {
		return positions, nil
	}
	fields := strings.Split(text, ".")
	if len(fields) != n {
		return nil, fmt.Errorf("the last event's id is of a stream of %d sagas, not %d", len(fields), n)
	}
	for i, field := range fields {
		position, err := strconv.ParseUint(field, 10, 53)
		if err != nil {
			return nil, fmt.Errorf("the last event's id has %q where a sequence should be", protocol.Text(field, 40))
		}
		positions[i] = position
	}
	return positions, nil
}

func (s *reader) join() (err error) {
	for i := range s.sagas {
		if s.sagas[i].topic, err = s.c.hub.join(s.sagas[i].id, s.wake); err != nil {
			return err
		}
	}
	return nil
}

func (s *reader) leave() {
	for _, f := range s.sagas {
		if f.topic != nil {
			s.c.hub.leave(f.topic, s.wake)
		}
	}
}

// run sends what there is, and then what comes.
func (s *reader) run(ctx context.Context, list bool) {
	comment := time.NewTicker(commentEvery)
	defer comment.Stop()
	if s.write(": welcome\n\n") != nil || s.place(ctx) != nil {
		return
	}
	for {
		for i := range s.sagas {
			if err := s.send(ctx, &s.sagas[i]); err != nil {
				return
			}
		}
		if list && s.sendList() != nil || s.flush() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-comment.C:
			if s.write(": \n\n") != nil {
				return
			}
		}
	}
}

// place has a reader begin anew with a saga that has no message where it says
// that it was: the id runs again, or the journal is another one. What is taken
// from a reader's word would hide from all what comes before it.
func (s *reader) place(ctx context.Context) error {
	for i := range s.sagas {
		f := &s.sagas[i]
		if f.sent == 0 || f.holds(f.sent) {
			continue
		}
		there, err := s.c.hub.has(ctx, f.id, f.sent)
		if err != nil {
			return err
		}
		if !there {
			f.sent = 0
		}
	}
	return nil
}

// maxTries is how often a replica that lags is asked again.
const maxTries = 80

// send sends all there is of one saga. Who is behind reads the journal; where
// that reading ends the topic goes on, or begins.
func (s *reader) send(ctx context.Context, f *followed) error {
	readOnce := false
	for tries := 0; ; tries++ {
		fresh, known := f.after(f.sent, readOnce)
		if !known {
			var err error
			if fresh, err = s.c.hub.fetch(ctx, f.id, f.sent); err != nil {
				return err
			}
			if len(fresh) == 0 && f.sent == 0 && !readOnce {
				if err := s.gone(f.id); err != nil {
					return err
				}
			}
			readOnce = true
		}
		for _, n := range fresh {
			f.sent = n.sequence
			if err := s.event("saga", n.data); err != nil {
				return err
			}
		}
		switch {
		case known:
			return nil
		case len(fresh) == 0 && !s.begins(f): // a replica that lags: the topic knows of more
			if !pause.For(ctx, settle) {
				return ctx.Err()
			}
			if tries > maxTries { // or what it knows of has left the journal meanwhile
				f.sent = f.start()
				if err := s.gone(f.id); err != nil {
					return err
				}
			}
		}
	}
}

// begins reports whether the topic goes on where f is.
func (s *reader) begins(f *followed) bool {
	_, known := f.after(f.sent, true)
	return known
}

// gone says that the journal has nothing of a saga.
func (s *reader) gone(id string) error {
	data, err := json.Marshal(map[string]string{"saga": id})
	if err != nil {
		return err
	}
	return s.event("gone", data)
}

func (s *reader) sendList() error {
	number, data := s.c.news.newest()
	if number == s.list || data == nil {
		return nil
	}
	s.list = number
	return s.event("list", data)
}

// event writes one event. Its id says how far all sagas of the stream were sent.
func (s *reader) event(kind string, data []byte) error {
	var b strings.Builder
	if len(s.sagas) > 0 {
		b.WriteString("id: ")
		for i, f := range s.sagas {
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(strconv.FormatUint(f.sent, 10))
		}
		b.WriteByte('\n')
	}
	b.WriteString("event: " + kind + "\ndata: ")
	b.Write(data) // JSON has no line breaks
	b.WriteString("\n\n")
	return s.write(b.String())
}

// write fails when the reader does not read: nobody waits for it longer.
func (s *reader) write(text string) error {
	if err := s.flow.SetWriteDeadline(time.Now().Add(s.c.cfg.WriteTimeout)); err != nil {
		return err
	}
	_, err := s.out.Write([]byte(text))
	return err
}

func (s *reader) flush() error {
	if err := s.flow.SetWriteDeadline(time.Now().Add(s.c.cfg.WriteTimeout)); err != nil {
		return err
	}
	return s.flow.Flush()
}
