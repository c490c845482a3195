package participants_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

// TestTheExchangeInTheDocumentation compares what docs/protocol.md shows with
// what travels between a participant and the server. Where they differ, see
// which of the two is wrong before you change one.
func TestTheExchangeInTheDocumentation(t *testing.T) {
	t.Parallel()
	_, block, found := strings.Cut(page(t), "<!-- the exchange: compared with captured bytes by participants/exchange_test.go -->\n```text\n")
	want, _, ended := strings.Cut(block, "```\n")
	if !found || !ended {
		t.Fatal("docs/protocol.md has no exchange")
	}
	if diff := cmp.Diff(want, capture(t)); diff != "" {
		t.Errorf("the exchange (-documented +captured):\n%s", diff)
	}
}

// capture runs one command and returns the frames that belong to it.
func capture(t *testing.T) string {
	j := newJournal(t, 1)
	// The start is link 0 of the chain and names the run, 1.
	start := &nats.Msg{Subject: j.subject.Start(0, "order-1"), Data: []byte(`{"id":"order-1"}`), Header: nats.Header{}}
	start.Header.Set(protocol.HeaderDefinition, "place-order")
	start.Header.Set(protocol.HeaderVersion, "1")
	if _, err := j.js.PublishMsg(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	var tap tap
	p := participants.New(natstest.Connect(t, j.server, nats.SetCustomDialer(&tap)), "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil })
	stop := j.run(p)

	c := command("order-1", protocol.Do, 1, `{"units":1250}`)
	c.Attempt.Run = 1
	header := protocol.Header{}
	c.WriteHeader(header)
	header.Set(protocol.HeaderDecision, "bXf3kQ2LrT0a")
	header.Set(protocol.HeaderRead, "1")
	header.Set(protocol.HeaderEvents, "[]")
	header.Set(protocol.HeaderTime, "2026-07-14T03:33:20Z")
	header.Set(protocol.HeaderTraceParent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	header.Set(protocol.HeaderExpectedSequence, "1")
	header.Set(protocol.HeaderExpectedSubject, j.subject.Chain(0, "order-1"))
	// Each direction is written down on its own: what was asked for comes first.
	eventually(t, "commands are asked for", func() bool {
		tap.mu.Lock()
		defer tap.mu.Unlock()
		return slices.ContainsFunc(tap.frames, func(f frame) bool { return strings.Contains(f.line, "CONSUMER.MSG.NEXT") })
	})
	j.store(c, header)
	j.reply()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	return tap.text()
}

// A tap is a dialer that keeps what travels.
type tap struct {
	mu     sync.Mutex
	frames []frame
	broken error // what was no frame
}

// A frame is one operation of the NATS protocol.
type frame struct {
	out     bool // from the client
	line    string
	payload []byte
}

func (t *tap) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	in, out := t.frameReader(false), t.frameReader(true)
	return &tapped{Conn: c, in: in, out: out}, nil
}

type tapped struct {
	net.Conn
	in, out *io.PipeWriter
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	_, _ = c.in.Write(b[:n]) // ends with its reader
	return n, err
}

func (c *tapped) Write(b []byte) (int, error) {
	_, _ = c.out.Write(b)
	return c.Conn.Write(b)
}

func (c *tapped) Close() error {
	_, _ = c.in.Close(), c.out.Close()
	return c.Conn.Close()
}

// frameReader takes apart what is written to the returned end.
func (t *tap) frameReader(out bool) *io.PipeWriter {
	r, w := io.Pipe()
	go func() {
		for lines := bufio.NewReader(r); ; {
			f, err := readFrame(lines)
			t.mu.Lock()
			if err == nil {
				f.out = out
				t.frames = append(t.frames, f)
			} else if !errors.Is(err, io.EOF) {
				t.broken = err
			}
			t.mu.Unlock()
			if err != nil {
				_ = r.Close()
				return
			}
		}
	}()
	return w
}

func readFrame(r *bufio.Reader) (frame, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return frame{}, io.EOF
	}
	f := frame{line: strings.TrimSuffix(line, "\r\n")}
	switch verb, _, _ := strings.Cut(f.line, " "); verb {
	case "PUB", "HPUB", "MSG", "HMSG":
		size, err := strconv.Atoi(f.line[strings.LastIndexByte(f.line, ' ')+1:])
		if err != nil {
			return frame{}, fmt.Errorf("%s: %w", f.line, err)
		}
		f.payload = make([]byte, size+2)
		if _, err := io.ReadFull(r, f.payload); err != nil {
			return frame{}, io.EOF
		}
		f.payload = bytes.TrimSuffix(f.payload, []byte("\r\n"))
	}
	return f, nil
}

var (
	inbox = regexp.MustCompile(`_INBOX\.[A-Za-z0-9.]+`)
	sid   = regexp.MustCompile(`(chain|_INBOX) \d+ `)
	stamp = regexp.MustCompile(`\d{19}`)
	drawn = regexp.MustCompile(`Saga-(Took: \d+|Instance: [A-Za-z0-9]{22}@\S+)`)
)

// text is the pull, the command, the reply, the journal's answer, and the
// acknowledgement, each with what is drawn or measured made the same.
func (t *tap) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	pulled := false
	for _, f := range t.frames {
		pull := strings.Contains(f.line, "CONSUMER.MSG.NEXT")
		belongs := pull && !pulled ||
			strings.Contains(f.line, ".order-1.") ||
			bytes.Contains(f.payload, []byte(`"seq":`)) && bytes.Contains(f.payload, []byte(`{"stream":"SAGA-0"`)) ||
			bytes.Equal(f.payload, []byte("+ACK"))
		if !belongs {
			continue
		}
		pulled = pulled || pull
		f.write(&b)
	}
	if t.broken != nil {
		fmt.Fprintln(&b, t.broken)
	}
	return b.String()
}

func (f frame) write(b *strings.Builder) {
	arrow := "S: "
	if f.out {
		arrow = "P: "
	}
	payload := string(f.payload)
	if drawn.MatchString(payload) { // its length is in the line
		fixed := drawn.ReplaceAllStringFunc(payload, func(s string) string {
			if strings.HasPrefix(s, "Saga-Took") {
				return "Saga-Took: 1500"
			}
			return "Saga-Instance: VbEl9y8ULoB6VTfOZ0xT3n@shop-1"
		})
		fields := strings.Fields(f.line)
		for i := len(fields) - 2; i < len(fields); i++ {
			n, _ := strconv.Atoi(fields[i]) // a number: readFrame has read it
			fields[i] = strconv.Itoa(n + len(fixed) - len(payload))
		}
		f.line, payload = strings.Join(fields, " "), fixed
	}
	line := stamp.ReplaceAllString(inbox.ReplaceAllString(f.line, "_INBOX"), "1784000000000000000")
	if !f.out {
		line = sid.ReplaceAllString(line, "$1 9 ")
	}
	fmt.Fprintln(b, arrow+line)
	header, body, _ := strings.Cut(payload, "\r\n\r\n")
	lines := strings.Split(header, "\r\n")
	slices.Sort(lines[1:]) // their order is the client's whim
	if body != "" {
		lines = append(lines, "", body)
	}
	for _, line := range lines {
		fmt.Fprintln(b, strings.TrimRight("   "+line, " "))
	}
}
