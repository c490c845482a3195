package console

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of live events.
const (
	// settle is how long a saga's news are collected before they are read: a
	// person sees no difference, and a saga's whole life is often one read.
	settle = 25 * time.Millisecond
	// lookEvery is how often a saga is looked at without any news, as an
	// announcement may be lost and nothing tells.
	lookEvery = 5 * time.Second
	// window is how many of a saga's newest events are kept for its readers.
	// Whoever is further behind reads the journal.
	window = 512
	// atOnce is how many reads of the journal are under way at a time: after a
	// restart all readers come back at once, and the engine reads there, too.
	atOnce = 16
)

// A hub follows the sagas that somebody looks at. All readers of one saga share
// what is heard of it, one read of the journal, and the bytes that are sent. It
// keeps no queue for any reader: each knows how far it is, so a slow one costs
// nobody anything.
type hub struct {
	verbs *verbs.Verbs
	feed  Feed
	log   *slog.Logger
	ctx   context.Context
	stop  context.CancelFunc
	group sync.WaitGroup
	room  chan struct{} // holds a token for each read under way

	mu      sync.Mutex
	streams int
	topics  map[string]*topic
}

// A topic is one saga that is looked at.
type topic struct {
	id   string
	wake chan struct{} // something may have been stored
	stop context.CancelFunc

	mu      sync.Mutex
	begun   bool
	base    uint64 // entries are all there is after this sequence
	want    uint64 // the newest sequence that was announced; 0 if it was read
	entries []news
	readers map[chan struct{}]bool
}

// News is one message of a saga's history as it is sent.
type news struct {
	sequence uint64
	data     []byte
}

func newHub(v *verbs.Verbs, feed Feed, log *slog.Logger) *hub {
	h := &hub{verbs: v, feed: feed, log: log, topics: map[string]*topic{}, room: make(chan struct{}, atOnce)}
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h
}

func (h *hub) close() {
	h.mu.Lock() // whoever joins has begun, or finds that it is too late
	h.stop()
	h.mu.Unlock()
	h.group.Wait()
}

// enter counts a stream, unless there are too many.
func (h *hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams >= maxStreams {
		return false
	}
	h.streams++
	return true
}

func (h *hub) exit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
}

// join returns the topic of a saga, which tells reader from now on.
func (h *hub) join(id string, reader chan struct{}) (*topic, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return nil, h.ctx.Err()
	}
	t := h.topics[id]
	if t == nil {
		t = &topic{id: id, wake: make(chan struct{}, 1), readers: map[chan struct{}]bool{}}
		ctx, cancel := context.WithCancel(h.ctx)
		t.stop = cancel
		h.topics[id] = t
		h.group.Go(func() {
			defer h.listen(t)()
			h.follow(ctx, t)
		})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers[reader] = true
	return t, nil
}

// leave ends what join began. The last one who leaves turns off the light.
func (h *hub) leave(t *topic, reader chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if delete(t.readers, reader); len(t.readers) == 0 {
		t.stop()
		delete(h.topics, t.id)
	}
}

// listen has t hear of news, until unfollow. A server that does not answer makes
// it wait, and so nobody else may wait for it.
func (h *hub) listen(t *topic) (unfollow func()) {
	if h.feed == nil {
		return func() {}
	}
	unfollow, err := h.feed.Follow(h.verbs.Partition(t.id), t.id, t.announced)
	if err != nil {
		h.log.Warn("a saga's news are only looked for", "saga", t.id, "every", lookEvery, "error", protocol.Text(err.Error(), 300))
		return func() {}
	}
	poke(t.wake) // what came before
	return unfollow
}

// announced is told by the feed, and must not wait.
func (t *topic) announced(sequence uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sequence != 0 && sequence <= t.last() {
		return // a row is written after its links, which may have been read meanwhile
	}
	t.want = max(t.want, sequence)
	poke(t.wake)
}

// last is the newest sequence that was read. The caller has locked t.
func (t *topic) last() uint64 {
	if n := len(t.entries); n > 0 {
		return t.entries[n-1].sequence
	}
	return t.base
}

func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default: // it will look anyway
	}
}

// follow reads what was stored about a saga, whenever there may be something.
func (h *hub) follow(ctx context.Context, t *topic) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
			if !pause.For(ctx, settle) {
				return
			}
		case <-look.C:
		}
		if err := h.read(ctx, t); err != nil && ctx.Err() == nil {
			h.log.Warn("a saga's news cannot be read now", "saga", t.id, "error", protocol.Text(err.Error(), 300))
		}
	}
}

// read fetches what comes after the newest entry. What was announced is waited
// for, for a while: the replica that answers may lack it still.
func (h *hub) read(ctx context.Context, t *topic) error {
	for try := 0; ; try++ {
		t.mu.Lock()
		begun, last, want := t.begun, t.last(), t.want
		t.mu.Unlock()
		if !begun {
			return nil // readers still read the journal themselves
		}
		fresh, err := h.fetch(ctx, t.id, last)
		if err != nil {
			return err
		}
		t.add(fresh)
		if n := len(fresh); n > 0 && fresh[n-1].sequence >= want || n == 0 && last >= want || try >= 20 {
			t.found(want)
			return nil
		}
		if !pause.For(ctx, settle) {
			return nil
		}
	}
}

// found has nobody wait any more for what was announced: it was read, or the
// announcement was wrong.
func (t *topic) found(sequence uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.want == sequence {
		t.want = 0
	}
}

// seat waits until there is room for one more read, and bounds it. Whoever has a
// seat leaves it.
func (h *hub) seat(ctx context.Context) (bounded context.Context, leave func(), err error) {
	select {
	case h.room <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	bounded, cancel := context.WithTimeout(ctx, answerTimeout)
	return bounded, func() { cancel(); <-h.room }, nil
}

// fetch returns what the journal has of a saga after a sequence.
func (h *hub) fetch(ctx context.Context, id string, after uint64) ([]news, error) {
	ctx, leave, err := h.seat(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	messages, err := h.verbs.After(ctx, id, after)
	if err != nil {
		return nil, err
	}
	list := make([]news, 0, len(messages))
	for _, m := range messages {
		data, err := json.Marshal(sagaNews{id, verbs.NewEntry(m, false)})
		if err != nil {
			return nil, err
		}
		list = append(list, news{m.Sequence, data})
	}
	return list, nil
}

// has reports whether a saga has a message with that sequence.
func (h *hub) has(ctx context.Context, id string, sequence uint64) (bool, error) {
	ctx, leave, err := h.seat(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	_, err = h.verbs.Message(ctx, id, sequence)
	if err != nil && verbs.Explain(err).Code == orchestrator.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}

// sagaNews is the data of a saga event.
type sagaNews struct {
	Saga  string      `json:"saga"`
	Entry verbs.Entry `json:"entry"`
}

// add appends what the journal has after the newest entry, and tells readers.
func (t *topic) add(fresh []news) {
	if len(fresh) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = append(t.entries, fresh...)
	if extra := len(t.entries) - window; extra > 0 {
		t.base = t.entries[extra-1].sequence
		t.entries = slices.Clone(t.entries[extra:]) // what is older may be freed
	}
	for reader := range t.readers {
		poke(reader)
	}
}

// after returns what comes after a sequence, and whether the topic knows that:
// else the journal does. The first reader who has read that to its end says
// where the topic begins.
func (t *topic) after(sequence uint64, atEnd bool) (list []news, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun && atEnd {
		t.begun, t.base = true, sequence
		poke(t.wake) // what came between that read and now
	}
	if !t.begun || sequence < t.base {
		return nil, false
	}
	i, _ := slices.BinarySearchFunc(t.entries, sequence+1, func(n news, s uint64) int { return cmp.Compare(n.sequence, s) })
	return t.entries[i:len(t.entries):len(t.entries)], true
}

// holds reports whether a sequence is among what the topic knows.
func (t *topic) holds(sequence uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.begun && t.base <= sequence && sequence <= t.last()
}

// start is where the entries begin that the topic knows.
func (t *topic) start() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base
}
