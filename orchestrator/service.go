package orchestrator

import (
	"slices"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// Endpoints of the orchestrators' service, see protocol.Subjects.Service.
// Requests and answers are JSON. Any member answers the first group, and each
// member the second.
const (
	EndpointGet          = "get"
	EndpointList         = "list"
	EndpointClusters     = "clusters"
	EndpointCounts       = "counts"
	EndpointHistory      = "history"
	EndpointDefinitions  = "definitions"
	EndpointPartitions   = "partitions"
	EndpointParticipants = "participants"

	EndpointStatus   = "status"
	EndpointRejected = "rejected"
)

// Codes of the service's errors.
const (
	CodeNotFound    = "not-found"   // the journal has no such saga
	CodeInvalid     = "invalid"     // the request can never be answered
	CodeUnavailable = "unavailable" // it may be answered later
	CodeTooLarge    = "too-large"   // the answer does not fit into a message

	CodeConflict  = "conflict"  // the id is in use for something else
	CodeRefused   = "refused"   // a request was decided, and nothing came of it
	CodeOver      = "over"      // the saga had ended before
	CodeUndecided = "undecided" // a request is stored, and nobody has decided it yet
	CodeInDoubt   = "in-doubt"  // nobody knows whether it is stored; the same again with the same id settles it
	CodeConfirm   = "confirm"   // more sagas match than were confirmed
)

// A GetRequest asks for one saga, as the journal knows it.
type GetRequest struct {
	ID       string `json:"id"`
	AtLeast  uint64 `json:"at_least,omitempty"` // the answer knows the message with that sequence
	At       uint64 `json:"at,omitempty"`       // the state after that message, instead of the latest
	Payloads bool   `json:"payloads,omitempty"` // with input, outputs and signals
}

// A GetAnswer is one saga.
type GetAnswer struct {
	Saga    instance.State `json:"saga"`
	Pending int            `json:"pending,omitempty"` // inputs that no decision has read
	Omitted bool           `json:"omitted,omitempty"` // the payloads do not fit into one answer
}

// A HistoryRequest asks for the messages about one saga, in order.
type HistoryRequest struct {
	ID       string `json:"id"`
	From     uint64 `json:"from,omitempty"`  // the first sequence
	Limit    int    `json:"limit,omitempty"` // at most this many; 0 for DefaultHistory
	Payloads bool   `json:"payloads,omitempty"`
}

// Limits of a history's length.
const (
	DefaultHistory = 200
	MaxHistory     = 2000
)

// A HistoryAnswer is a page of a history. Next is where the following one
// begins, or 0 if nothing follows.
type HistoryAnswer struct {
	Messages []Recorded `json:"messages"`
	Next     uint64     `json:"next,omitempty"`
}

// Recorded is a message of the journal, as the service hands it out.
type Recorded struct {
	Sequence uint64          `json:"sequence"`
	Time     time.Time       `json:"time"`
	Subject  string          `json:"subject"`
	Kind     string          `json:"kind"`
	Name     string          `json:"name,omitempty"` // participant, or input id
	Header   protocol.Header `json:"header,omitempty"`
	Bytes    int             `json:"bytes,omitempty"` // of the body
	Body     []byte          `json:"body,omitempty"`
	Omitted  bool            `json:"omitted,omitempty"` // the body was asked for, and does not fit into an answer
}

// A ListAnswer is a page of a list, newest start first. It has no payloads.
type ListAnswer = Page

// A CountsAnswer is how many sagas there are of each class.
type CountsAnswer struct {
	Counts []Count `json:"counts"`
}

// A NamesRequest asks for a page of things that are ordered by name.
type NamesRequest struct {
	After string `json:"after,omitempty"`
}

// A Registered definition is one that sagas have begun with.
type Registered struct {
	Fingerprint string           `json:"fingerprint"`
	Definition  sagas.Definition `json:"definition"`
}

// A DefinitionsAnswer is a page of definitions. Next is what the following
// page comes after, or "".
type DefinitionsAnswer struct {
	Definitions []Registered `json:"definitions"`
	Next        string       `json:"next,omitempty"`
}

// A PartitionsAnswer is what journal and view say of each partition.
type PartitionsAnswer struct {
	Partitions []PartitionCounts `json:"partitions"`
}

// PartitionCounts is one partition.
type PartitionCounts struct {
	Partition int                     `json:"partition"`
	First     uint64                  `json:"first"` // sequence of the journal's first message
	Last      uint64                  `json:"last"`
	Position  uint64                  `json:"position"` // of the view
	Sagas     map[instance.Status]int `json:"sagas,omitempty"`
	Problem   string                  `json:"problem,omitempty"` // why the view says nothing
}

// A ParticipantsAnswer is how far the participants are with their commands.
type ParticipantsAnswer struct {
	Participants []ParticipantCounts `json:"participants"`
}

// ParticipantCounts adds up a participant's consumers.
type ParticipantCounts struct {
	Name        string `json:"name"`
	Pending     uint64 `json:"pending"`     // commands that were not delivered yet
	Unanswered  int    `json:"unanswered"`  // delivered, and not acknowledged
	Redelivered int    `json:"redelivered"` // of them, more than once
	Waiting     int    `json:"waiting"`     // requests for commands: 0 means that nobody serves
	Missing     int    `json:"missing,omitempty"`
}

// A StatusAnswer is what one member does.
type StatusAnswer struct {
	Status
	Members []string `json:"members"` // whom it knows of, itself included
	Version string   `json:"version,omitempty"`
}

// A RejectedRequest asks each member for the inputs that it rejected.
type RejectedRequest struct {
	Limit int `json:"limit,omitempty"` // the newest so many; 0 for all it remembers
}

// A RejectedAnswer is what one member rejected, oldest first.
type RejectedAnswer struct {
	Member   string     `json:"member"`
	Members  []string   `json:"members"`
	Rejected []Rejected `json:"rejected"`
	Cut      bool       `json:"cut,omitempty"` // older ones did not fit
}

// Members returns the names of the members that o knows of, itself included.
func (o *Orchestrator) Members() []string {
	var names []string
	for _, m := range o.roster.there() {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}
