package verbs

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of the histories that are remembered.
const (
	longHistory  = 256      // messages; a shorter one is read as fast as it is looked up
	maxRemember  = 32       // histories
	maxRemembers = 64 << 20 // bytes of all together, about
)

// Histories remembers long histories while somebody looks at them: a page asks
// for the same one many times, in parts and in views. What is stored does not
// change, so only what came since is read. Who else asks for one meanwhile
// waits for the first to have read it.
type histories struct {
	mu    sync.Mutex
	known map[string]*remembered
	turns uint64
}

type remembered struct {
	reading sync.Mutex
	// The rest belongs to who reads.
	messages []orchestrator.Message
	run      uint64

	// These belong to histories.
	size int
	turn uint64 // when it was asked for last
}

func newHistories() *histories { return &histories{known: map[string]*remembered{}} }

// of returns where the history of a saga is remembered.
func (h *histories) of(id string) *remembered {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.known[id]
	if r == nil {
		r = &remembered{}
		h.known[id] = r
	}
	h.turns++
	r.turn = h.turns
	return r
}

// note takes how large r has become, and forgets what there is no room for:
// first what nobody has asked for longest.
func (h *histories) note(id string, r *remembered, size int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known[id] != r {
		return // forgotten meanwhile
	}
	if r.size = size; size == 0 {
		delete(h.known, id)
		return
	}
	for {
		total, oldest := 0, ""
		for id, r := range h.known {
			if total += r.size; oldest == "" || r.turn < h.known[oldest].turn {
				oldest = id
			}
		}
		if len(h.known) <= maxRemember && total <= maxRemembers {
			return
		}
		delete(h.known, oldest)
	}
}

// history returns all messages of a saga, in order. They are not the caller's.
func (v *Verbs) history(ctx context.Context, part orchestrator.Partition, id string) ([]orchestrator.Message, error) {
	r := v.histories.of(id)
	r.reading.Lock()
	defer r.reading.Unlock()
	from := uint64(0)
	if n := len(r.messages); n > 0 {
		from = r.messages[n-1].Sequence + 1
	}
	fresh, last, err := read(ctx, part, id, from)
	if from > 0 && (errors.Is(err, orchestrator.ErrNotFound) || err == nil && runOf(last) != r.run) {
		r.messages = nil // it left, and the id may run again
		fresh, last, err = read(ctx, part, id, 0)
	}
	if err != nil {
		v.histories.note(id, r, sizeOf(r.messages)) // anybody may ask for ids that there are not
		return nil, err
	}
	all := append(r.messages, fresh...) // others have parts of it, and none beyond
	if r.messages, r.run = nil, runOf(last); len(all) >= longHistory {
		r.messages = all
	}
	v.histories.note(id, r, sizeOf(r.messages))
	return slices.Clip(all), nil
}

// runOf is the run that a link says it is of.
func runOf(link orchestrator.Message) uint64 {
	if link.Address.Kind == protocol.KindStart {
		return link.Sequence
	}
	run, _ := strconv.ParseUint(link.Header.Get(protocol.HeaderRun), 10, 64)
	return run
}

// sizeOf is how many bytes messages take, about.
func sizeOf(messages []orchestrator.Message) int {
	size := 0
	for i := range messages {
		size += 512 + len(messages[i].Body)
		for name, values := range messages[i].Header {
			size += len(name) + 64
			for _, value := range values {
				size += len(value)
			}
		}
	}
	return size
}
