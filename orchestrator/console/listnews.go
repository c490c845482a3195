package console

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/amends-io/amends/orchestrator/verbs"
)

// listEvery is how often the view is looked at while somebody wants to hear.
const listEvery = 500 * time.Millisecond

// ListNews tells that the view has moved. Lists are asked of the view, so what
// is told of is what a list would show; the engine has no part in it.
type listNews struct {
	verbs *verbs.Verbs
	ctx   context.Context
	group sync.WaitGroup

	mu        sync.Mutex
	readers   map[chan struct{}]bool
	stop      context.CancelFunc // of who looks, while there are readers
	closed    bool
	number    uint64
	data      []byte
	positions []uint64
}

func newListNews(ctx context.Context, v *verbs.Verbs) *listNews {
	return &listNews{verbs: v, ctx: ctx, readers: map[chan struct{}]bool{}}
}

// close waits for who looks, once ctx is over.
func (l *listNews) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.group.Wait()
}

// join tells wake of news, until leave.
func (l *listNews) join(wake chan struct{}) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers[wake] = true; len(l.readers) == 1 {
		ctx, cancel := context.WithCancel(l.ctx)
		l.stop = cancel
		if !l.closed {
			l.group.Go(func() { l.look(ctx) })
		}
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if delete(l.readers, wake); len(l.readers) == 0 {
			l.stop()
		}
	}
}

// newest returns the latest news and its number.
func (l *listNews) newest() (uint64, []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.number, l.data
}

func (l *listNews) look(ctx context.Context) {
	tick := time.NewTicker(listEvery)
	defer tick.Stop()
	for {
		l.once(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// once looks at the view. What cannot be read now is looked at again.
func (l *listNews) once(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	positions, err := l.verbs.Positions(ctx)
	if err != nil {
		return
	}
	l.mu.Lock()
	same := l.data != nil && slices.Equal(positions, l.positions)
	l.mu.Unlock()
	if same {
		return
	}
	counts, err := l.verbs.Counts(ctx)
	if err != nil {
		return
	}
	data, err := json.Marshal(map[string]any{"positions": positions, "statuses": counts.Statuses})
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	l.data, l.positions = data, positions
	for reader := range l.readers {
		poke(reader)
	}
}
