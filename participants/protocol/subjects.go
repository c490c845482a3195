package protocol

import (
	"fmt"
	"strconv"
	"strings"
)

// NoOne stands where a subject has no saga or no participant.
const NoOne = "-"

// DefaultPrefix is the first token of the journal's subjects.
const DefaultPrefix = "saga"

// A Kind says what a message of the journal is.
type Kind uint8

// Kinds.
const (
	KindUnknown Kind = iota
	KindStart        // a client's request to start: link 0 of the chain
	KindLink         // a decision of the orchestrator
	KindReply        // a participant's answer
	KindSignal       // a client's message to a running saga
	KindControl      // an operator's request
	KindCanary       // proof that the partition takes appends
	KindPurged       // the record of histories that left
)

var kindNames = [...]string{"unknown", "start", "link", "reply", "signal", "control", "canary", "purged"}

func (k Kind) String() string { return kindNames[k] }

// Input reports whether a message of this kind asks a saga for a decision.
func (k Kind) Input() bool {
	return k == KindStart || k == KindReply || k == KindSignal || k == KindControl
}

// An Address is a subject of the journal, taken apart. Name is the
// participant of a link (NoOne if it carries no command) or of a reply, and
// the input id of a signal or a control.
type Address struct {
	Partition int
	ID        string
	Kind      Kind
	Name      string
}

// Subjects builds and parses the subjects below one prefix. The zero value
// uses DefaultPrefix.
type Subjects struct{ Prefix string }

func (s Subjects) prefix() string {
	if s.Prefix == "" {
		return DefaultPrefix
	}
	return s.Prefix
}

// Start is where clients publish the request to start a saga.
func (s Subjects) Start(p int, id string) string { return s.saga(p, id) + ".in.start.chain" }

// Link is where a decision is appended that carries a command for participant,
// or none if participant is NoOne.
func (s Subjects) Link(p int, id, participant string) string {
	return s.prefix() + "." + strconv.Itoa(p) + "." + id + ".out." + participant + ".chain"
}

// Reply is where participant answers.
func (s Subjects) Reply(p int, id, participant string) string {
	return s.prefix() + "." + strconv.Itoa(p) + "." + id + ".in." + participant
}

// Signal is where a client sends a signal; input makes a repeat recognisable.
func (s Subjects) Signal(p int, id, input string) string {
	return s.saga(p, id) + ".in.signal." + input
}

// Control is where an operator's request goes; input makes a repeat recognisable.
func (s Subjects) Control(p int, id, input string) string {
	return s.saga(p, id) + ".in.control." + input
}

// Chain matches every link of a saga, its start included. It is the subject of
// every append's condition, and always this very string: the server compares
// the conditions of messages in flight literally.
func (s Subjects) Chain(p int, id string) string {
	return s.prefix() + "." + strconv.Itoa(p) + "." + id + ".*.*.chain" // in one piece: it is made for each link
}

// Saga matches everything about one saga.
func (s Subjects) Saga(p int, id string) string { return s.saga(p, id) + ".>" }

// Partition matches everything in one partition.
func (s Subjects) Partition(p int) string { return s.prefix() + "." + strconv.Itoa(p) + ".>" }

// Inputs matches every input in one partition, and its canaries.
func (s Subjects) Inputs(p int) string { return s.saga(p, "*") + ".in.>" }

// Commands matches the commands for participant in every partition.
func (s Subjects) Commands(participant string) string {
	return s.prefix() + ".*.*.out." + participant + ".chain"
}

// Canary is where the owner of a partition proves that appends are stored.
func (s Subjects) Canary(p int) string {
	return s.saga(p, NoOne) + ".in.canary"
}

// Purged is where the record of histories that left is appended.
func (s Subjects) Purged(p int) string { return s.saga(p, NoOne) + ".purged" }

// Ends matches every decision in one partition that sends no command, those
// that end a saga among them: what the stream announces once it is stored.
func (s Subjects) Ends(p int) string { return s.Link(p, "*", NoOne) }

// FeedOfEnds is Feed of what Ends matches, as the server wants it written.
func (s Subjects) FeedOfEnds(p int) string {
	return s.Feed(s.Link(p, "{{wildcard(1)}}", NoOne))
}

// Rows is where the owner of a partition announces which sagas' rows it wrote.
func (s Subjects) Rows(p int) string { return s.Feed(s.saga(p, NoOne)) + ".rows" }

// Feed is the subject under which the link that was stored at subject is announced.
func (s Subjects) Feed(subject string) string {
	return s.prefix() + "-feed" + strings.TrimPrefix(subject, s.prefix())
}

func (s Subjects) saga(p int, id string) string {
	return s.prefix() + "." + strconv.Itoa(p) + "." + id
}

// Parse takes subject apart. It fails on everything that no builder of
// Subjects makes, so that nothing unexpected passes for an input.
func (s Subjects) Parse(subject string) (Address, error) {
	bad := func() (Address, error) {
		return Address{}, fmt.Errorf("subject %.200q is none of the journal's", subject)
	}
	rest, ok := strings.CutPrefix(subject, s.prefix()+".")
	if !ok {
		return bad()
	}
	number, rest, _ := strings.Cut(rest, ".")
	p, err := strconv.Atoi(number)
	if err != nil || p < 0 || strconv.Itoa(p) != number {
		return bad()
	}
	id, rest, _ := strings.Cut(rest, ".")
	a := Address{Partition: p, ID: id}
	if id == NoOne {
		switch rest {
		case "in.canary":
			a.Kind = KindCanary
		case "purged":
			a.Kind = KindPurged
		default:
			return bad()
		}
		return a, nil
	}
	if CheckID(id) != nil || !a.parseTail(rest) {
		return bad()
	}
	return a, nil
}

// parseTail reads what follows the saga's id.
func (a *Address) parseTail(rest string) bool {
	side, rest, _ := strings.Cut(rest, ".")
	name, tail, more := strings.Cut(rest, ".")
	switch {
	case side == "out" && tail == "chain":
		a.Kind, a.Name = KindLink, name
		return name == NoOne || CheckName("participant", name) == nil
	case side == "in" && name == "start" && tail == "chain":
		a.Kind = KindStart
		return true
	case side == "in" && name == "signal":
		a.Kind, a.Name = KindSignal, tail
		return CheckID(tail) == nil
	case side == "in" && name == "control":
		a.Kind, a.Name = KindControl, tail
		return CheckID(tail) == nil
	case side == "in" && !more:
		a.Kind, a.Name = KindReply, name
		return CheckName("participant", name) == nil
	}
	return false
}

// Partition returns the partition of a saga: FNV-1a, 32 bits, modulo count.
func Partition(id string, count int) int {
	h := uint32(2166136261)
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return int(h % uint32(count))
}
