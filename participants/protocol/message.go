package protocol

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Command asks a participant to carry out or to undo one step of a saga.
type Command struct {
	Saga        string // the saga's id
	Definition  string
	Version     int
	Participant string
	Attempt     Attempt
	Action      string
	Due         time.Time // when the orchestrator stops waiting; zero if it does not
	Settle      Outcome   // resolved by hand: record this outcome (done or undone) and take no effect; else empty
	ContentType string
	Body        []byte
}

// Key is the idempotency key of the command's effect: the same for every
// attempt, and another for each run of an id, each step and each direction.
func (c Command) Key() string { return string(c.appendKey(nil)) }

func (c Command) appendKey(b []byte) []byte {
	b = strconv.AppendUint(append(append(b, c.Saga...), '/'), c.Attempt.Run, 10)
	b = append(append(append(b, '/'), c.Attempt.Step...), '/')
	return append(b, c.Attempt.Direction...)
}

// WriteHeader adds what a participant needs to know to h.
func (c Command) WriteHeader(h Header) { c.Write(h.Writer(10)) }

// Write is WriteHeader for who writes more headers.
func (c Command) Write(h *Writer) {
	var room [96]byte
	h.Set(HeaderDefinition, c.Definition)
	h.Set(HeaderVersion, strconv.Itoa(c.Version))
	h.Set(HeaderAction, c.Action)
	h.SetBytes(HeaderKey, c.appendKey(room[:0]))
	c.Attempt.write(h)
	if !c.Due.IsZero() {
		h.SetBytes(HeaderDue, AppendTime(room[:0], c.Due))
	}
	if c.Settle != "" {
		h.Set(HeaderSettle, string(c.Settle))
	}
	if c.ContentType != "" {
		h.Set(HeaderContentType, c.ContentType)
	}
}

// ReadCommand reads the command that was stored at a, a link's address. Body
// is kept, not copied.
func ReadCommand(a Address, h Header, body []byte) (Command, error) {
	attempt, err := readAttempt(h)
	if err != nil {
		return Command{}, err
	}
	version, err := h.number(HeaderVersion)
	if err != nil {
		return Command{}, err
	}
	c := Command{
		Saga: a.ID, Participant: a.Name, Attempt: attempt,
		Definition: h.Get(HeaderDefinition), Version: int(version),
		Action: h.Get(HeaderAction), ContentType: h.Get(HeaderContentType),
		Settle: Outcome(h.Get(HeaderSettle)), Body: body,
	}
	if c.Settle != "" && c.Settle != Done && c.Settle != Undone {
		return Command{}, fmt.Errorf("header %s: %.40q is neither done nor undone", HeaderSettle, string(c.Settle))
	}
	if err := CheckName("action", c.Action); err != nil {
		return Command{}, err
	}
	if due := h.Get(HeaderDue); due != "" {
		if c.Due, err = time.Parse(time.RFC3339Nano, due); err != nil {
			return Command{}, fmt.Errorf("header %s: %w", HeaderDue, err)
		}
	}
	return c, nil
}

// A Reply is a participant's answer to the command of an attempt.
type Reply struct {
	Attempt     Attempt
	Outcome     Outcome
	Reason      string // why it did not succeed
	Took        time.Duration
	ContentType string
	Body        []byte // the output, of an attempt that is done
}

// WriteHeader adds the reply to h. A reason is cut to MaxReason bytes and kept
// on one line, as it is somebody's text.
func (r Reply) WriteHeader(h Header) { r.Write(h.Writer(8)) }

// Write is WriteHeader for who writes more headers.
func (r Reply) Write(h *Writer) {
	r.Attempt.write(h)
	h.Set(HeaderOutcome, string(r.Outcome))
	if r.Reason != "" {
		h.Set(HeaderReason, Text(r.Reason, MaxReason))
	}
	if r.Took > 0 {
		h.Set(HeaderTook, strconv.FormatInt(r.Took.Microseconds(), 10))
	}
	if r.ContentType != "" {
		h.Set(HeaderContentType, r.ContentType)
	}
}

// ReadReply reads a reply. Body is kept, not copied. What it returns without
// error is well formed; whether it answers anything the state decides.
func ReadReply(h Header, body []byte) (Reply, error) {
	attempt, err := readAttempt(h)
	if err != nil {
		return Reply{}, err
	}
	r := Reply{
		Attempt: attempt, Outcome: Outcome(h.Get(HeaderOutcome)), Body: body,
		Reason: Text(h.Get(HeaderReason), MaxReason), ContentType: h.Get(HeaderContentType),
	}
	if !r.Outcome.Answers(attempt.Direction) {
		return Reply{}, fmt.Errorf("header %s: %.40q is no answer to %s", HeaderOutcome, string(r.Outcome), attempt.Direction)
	}
	if len(body) > MaxPayload {
		return Reply{}, fmt.Errorf("the output has %d bytes, at most %d are allowed", len(body), MaxPayload)
	}
	// With more bits its nanoseconds would be a negative number.
	if us, err := strconv.ParseInt(h.Get(HeaderTook), 10, 53); err == nil && us > 0 {
		r.Took = time.Duration(us) * time.Microsecond
	}
	return r, nil
}

func (a Attempt) write(h *Writer) {
	if a.Run != 0 {
		var room [20]byte
		h.SetBytes(HeaderRun, strconv.AppendUint(room[:0], a.Run, 10))
	}
	h.Set(HeaderStep, a.Step)
	h.Set(HeaderDirection, string(a.Direction))
	h.Set(HeaderAttempt, strconv.Itoa(a.Number))
}

func readAttempt(h Header) (Attempt, error) {
	run, err := h.number(HeaderRun)
	if err != nil {
		return Attempt{}, err
	}
	number, err := h.number(HeaderAttempt)
	if err != nil {
		return Attempt{}, err
	}
	a := Attempt{Run: run, Step: h.Get(HeaderStep), Direction: Direction(h.Get(HeaderDirection)), Number: int(number)}
	if !a.Direction.Valid() {
		return Attempt{}, fmt.Errorf("header %s: %.40q is neither do nor undo", HeaderDirection, string(a.Direction))
	}
	if err := CheckName("step", a.Step); err != nil {
		return Attempt{}, err
	}
	return a, nil
}

// Text makes somebody's text fit for a header, a log line and a terminal: at
// most max bytes of valid UTF-8, with control characters as spaces.
func Text(s string, max int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		// Controls move a terminal's cursor, and bidirectional marks
		// make a text read as another.
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x61c || r == 0x200e || r == 0x200f || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, s))
	if len(s) <= max {
		return s
	}
	more := "…"
	if max < len(more) {
		more = ""
	}
	s = s[:max-len(more)]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + more
}
