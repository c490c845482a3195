package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A Journal is everything that is recorded and travels. Its partition count
// never changes while it is open.
type Journal interface {
	Partitions() int
	Partition(p int) Partition
	Leases() Leases
	Registry() Registry
	// Provision makes the durable consumers through which the participants
	// receive their commands. What exists stays as it is.
	Provision(ctx context.Context, participants []string) error
}

// A Partition is one stream of the journal.
type Partition interface {
	Appender
	Reader
	Historian
	Purger
	Announcer
}

// A Message is what the journal stores.
type Message struct {
	Sequence uint64
	Time     time.Time // the store's stamp
	Address  protocol.Address
	Subject  string
	Header   protocol.Header
	Body     []byte
}

// A Draft is a message to be stored. If Chain is set, it is stored only if the
// last message on that subject has the sequence Expect.
type Draft struct {
	Subject string
	Header  protocol.Header
	Body    []byte
	Chain   string
	Expect  uint64
}

// Errors of an append. Any error that is none of these must stop the partition.
var (
	// ErrConflict says that the condition did not hold: somebody else's
	// message is the last one, or our own of an earlier try.
	ErrConflict = errors.New("the chain's last link is another one")
	// ErrInDoubt says that nobody knows whether the message was stored.
	ErrInDoubt = errors.New("it is not known whether it was stored")
	// ErrTooMuch says that the message, or the subject's count of messages,
	// is over a bound of the journal: it will never be stored.
	ErrTooMuch = errors.New("over a bound of the journal")
	// ErrNotFound says that the journal has no such message.
	ErrNotFound = errors.New("not in the journal")
)

// An Appender stores messages.
type Appender interface {
	// Append sends d and returns without waiting for it to be stored. Then
	// done is called once, from any goroutine; it must not block for long.
	// Appends may be under way for different sagas at the same time. It
	// adds the condition's headers to d.Header, and stores that and d.Body
	// as they are, so they must not be changed until done was called.
	Append(d Draft, done func(sequence uint64, err error))
}

// A Reader hands out a partition's messages.
type Reader interface {
	// Read calls handle with every message from sequence from on, in order
	// and without holes other than what was purged, and then with each new
	// one as it is stored. It returns when ctx is over, when handle fails
	// (with its error), or, with ErrInterrupted, whenever it cannot be sure
	// any more that it reads the same stream: after a reconnect, or when its
	// consumer was lost. The caller looks whether the journal lost something
	// (see Tail), and reads again. Messages of unknown subjects are handed
	// out too, with the Kind KindUnknown.
	Read(ctx context.Context, from uint64, handle func(Message) error) error
	// ReadInputs is Read of the messages below protocol.Subjects.Inputs alone:
	// starts, replies, signals, controls and canaries.
	ReadInputs(ctx context.Context, from uint64, handle func(Message) error) error
}

// ErrInterrupted ends a Read whose caller should look at the journal and read again.
var ErrInterrupted = errors.New("reading was interrupted")

// A Historian reads single sagas. All its answers but History come from the
// stream's leader.
type Historian interface {
	// History returns the messages about one saga from sequence from on, in
	// order, as one replica knows them: it may lack the newest.
	History(ctx context.Context, id string, from uint64) ([]Message, error)
	// Last returns the last message of the saga's chain, or ErrNotFound.
	Last(ctx context.Context, id string) (Message, error)
	// Get returns the message with that sequence, or ErrNotFound.
	Get(ctx context.Context, sequence uint64) (Message, error)
	// Tail says where the stream begins and ends.
	Tail(ctx context.Context) (Tail, error)
	// Purges returns the oldest and the newest of the records of histories
	// that left, if there are so many: they are large, and may be thousands.
	Purges(ctx context.Context) ([]Message, error)
}

// Tail is where a partition's stream begins and ends.
type Tail struct {
	Created     time.Time // of the stream: another value means another stream
	First, Last uint64    // sequences; Last is 0 when nothing was ever stored
}

// A Purger makes histories leave.
type Purger interface {
	// Purge deletes the messages about one saga with sequences below before.
	Purge(ctx context.Context, id string, before uint64) error
	// Trim keeps the newest keep canaries, and as many purge records as
	// keepPurges.
	Trim(ctx context.Context, keepCanaries, keepPurges uint64) error
}

// An Announcer tells whoever listens at this moment.
type Announcer interface {
	// Announce says that the view has other rows, see [Changed]. It stores
	// nothing and promises nothing: who misses it looks from time to time.
	Announce(changed []byte)
}

// Leases are small values that vanish unless they are renewed. One holds who
// owns a partition, another who is a member.
type Leases interface {
	// TTL is how long a value lives without being renewed.
	TTL() time.Duration
	// Acquire creates key, or returns ErrTaken.
	Acquire(ctx context.Context, key string, value []byte) (revision uint64, err error)
	// Renew replaces the value if revision is still its own; else ErrTaken.
	Renew(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	// Release deletes key if revision is still its own.
	Release(ctx context.Context, key string, revision uint64) error
	// Watch calls handle with every value there is, then once with the zero
	// Lease, then with each change, until ctx is over or the connection to
	// the store is lost.
	Watch(ctx context.Context, handle func(Lease)) error
}

// A Lease is a value of Leases. One that is gone has a nil Value.
type Lease struct {
	Key      string
	Value    []byte
	Revision uint64
}

// ErrTaken says that somebody else has the lease.
var ErrTaken = errors.New("somebody else has the lease")

// A Registry keeps the definitions that instances have begun with.
type Registry interface {
	// Register keeps d. It returns a *ChangedError if the same version was
	// registered with another structure.
	Register(ctx context.Context, d sagas.Definition) error
	// Definitions returns what was registered, by name and version.
	Definitions(ctx context.Context) ([]sagas.Definition, error)
}

// A ChangedError says that a definition was changed without a new version.
type ChangedError struct {
	Definition string // name@version
	Want, Have string // fingerprints: the registered one, and the given one
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("definition %s: its structure (%s) differs from the registered one (%s); give it a new version",
		e.Definition, e.Have, e.Want)
}

// A View is what can be rebuilt from the journal: it answers queries, and says
// where reading goes on after a restart.
type View interface {
	Partition(p int) PartitionView
	// Ping reports why the view cannot be reached or must not be used.
	Ping(ctx context.Context) error
}

// A PartitionView is the view of one partition.
type PartitionView interface {
	// Exchange makes generation the one whose writes are taken, and returns
	// the position of what is there: zero where there is nothing, or where
	// a part of it was lost.
	Exchange(ctx context.Context, generation string) (Position, error)
	// Write stores w as one, or returns ErrNotFollowing and stores nothing.
	Write(ctx context.Context, w Write) error
	// States returns the rows of those ids that have one.
	States(ctx context.Context, ids []string) (map[string]instance.State, error)
	// Timers calls handle with the saga and the time of every timer.
	Timers(ctx context.Context, handle func(id string, due time.Time)) error
	// List returns a page of the rows that q asks for, newest start first. It
	// does a bounded piece of work, so the page may be short, or empty, and
	// still have a Next.
	List(ctx context.Context, q Query) (Page, error)
	// Count returns how many rows there are of each class that has any.
	Count(ctx context.Context) ([]Count, error)
	// Clusters returns every failure that q asks for, sorted by what happened;
	// it minds no limit. More than MaxClusters different ones are not all told
	// apart.
	Clusters(ctx context.Context, q ClusterQuery) (Clusters, error)
	// Audit returns a page of the requests that q asks for, as the rows have
	// them, newest first. It does a bounded piece of work, as List does. Where
	// a row does not know who asked, it counts as whoever q asks for.
	Audit(ctx context.Context, q AuditQuery) (AuditPage, error)
	// Position returns what Exchange would, and changes nothing.
	Position(ctx context.Context) (Position, error)
	// Forget deletes everything, so that the next owner starts from nothing.
	Forget(ctx context.Context) error
}

// ErrNotFollowing says that a write of the view was refused, as it does not
// follow on from what is stored: somebody else writes, or the view was lost.
var ErrNotFollowing = errors.New("the write does not follow on from what the view holds")

// A Position says how far into the journal a view is.
type Position struct {
	Revision uint64 `json:"revision"` // counted up by every write
	To       uint64 `json:"to"`       // every input up to it is decided or dropped, with its saga at rest
	Stamp    Stamp  `json:"stamp"`
}

// A Stamp names the newest message that was seen, to recognise a journal that
// lost its tail and grew again.
type Stamp struct {
	Created  time.Time `json:"created"` // of the stream
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"` // the store's stamp of that message
	// The newest link or purge record that its owner stored, which it does not
	// read, and its id. An older view's stamp has none.
	Link     uint64 `json:"link,omitempty"`
	Decision string `json:"decision,omitempty"`
}

// A Write is one change of a partition's view. It is taken only if Generation
// is the one exchanged last and Revision the one that follows the stored one.
// Deletions go before rows; an id is among the rows once at most.
type Write struct {
	Generation string
	Position   Position // with the revision of this write
	Rows       []Row
	Deleted    []Row // their histories left the journal
}

// A Row is an instance in the view.
type Row struct {
	State instance.State
	Was   *instance.State // as it was written last, nil if that is not known, the zero State if there is no row; its index entries leave
	Due   time.Time       // of its earliest timer; zero if it has none
}
