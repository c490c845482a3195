package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/web"
	"github.com/amends-io/amends/orchestrator/console"
)

// How readers read.
const (
	listReaders = 5           // every fifth follows the list, the others a saga
	stay        = time.Second // that one looks at a saga
)

// errStopped says that readers were told to end.
var errStopped = errors.New("stopped")

// openConsole serves the API as 'amends serve' does, but apart from the
// orchestrator, so that it is seen what readers cost either of them.
func (w *worker) openConsole(ctx context.Context, s setup, nc *nats.Conn) error {
	rdb, err := w.redis(s)
	if err != nil {
		return err
	}
	server, err := web.Apart(ctx, web.Stores{NATS: nc, Redis: rdb, Prefix: s.Prefix, KeyPrefix: demo.KeyPrefix(s.Prefix)},
		web.Config{Address: "127.0.0.1:0", Version: "0.0.0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	w.url = server.URL + console.Prefix
	before := w.close
	w.close = func() {
		_ = server.Close() // nothing depends on it any more
		before()
	}
	return nil
}

// openReaders reads live events as browsers do, when it is told to.
func (w *worker) openReaders(s setup) {
	r := &readers{url: s.Console, transport: &http.Transport{}}
	w.watch = r.obey
	before := w.close
	w.close = func() {
		_, _ = r.stop()
		before()
	}
}

// Readers look at sagas of a load.
type readers struct {
	url       string
	transport *http.Transport
	began     time.Time
	load      load
	cancel    context.CancelCauseFunc // nil while nobody looks
	ctx       context.Context
	group     sync.WaitGroup
	events    atomic.Int64
}

// obey has readers look on until it is told of a load without any; then it
// returns how many events they saw.
func (r *readers) obey(ctx context.Context, l load) (events int64, err error) {
	events, err = r.stop()
	if err != nil || l.Readers == 0 {
		return events, err
	}
	r.load, r.began = l, time.Now()
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	for i := range l.Readers {
		r.group.Go(func() { r.look(i%listReaders == 0) })
	}
	return 0, nil
}

func (r *readers) stop() (events int64, err error) {
	if r.cancel == nil {
		return 0, nil
	}
	r.cancel(errStopped)
	r.group.Wait()
	r.transport.CloseIdleConnections()
	r.cancel = nil
	if cause := context.Cause(r.ctx); !errors.Is(cause, errStopped) {
		return 0, cause
	}
	return r.events.Swap(0), nil
}

// look follows the list, or one saga after the other.
func (r *readers) look(list bool) {
	for r.ctx.Err() == nil {
		var err error
		if list {
			err = r.read(r.ctx, "list=true")
		} else {
			err = r.readSaga()
		}
		if err != nil {
			r.cancel(fmt.Errorf("a live reader: %w", err))
		}
	}
}

func (r *readers) readSaga() error {
	ctx, cancel := context.WithTimeout(r.ctx, stay)
	defer cancel()
	return r.read(ctx, "saga="+r.newest())
}

// newest is the saga that is started now: at a steady rate nobody has to ask.
func (r *readers) newest() string {
	n := 1 + int64(time.Since(r.began).Seconds()*float64(r.load.Rate))
	if r.load.Sagas > 0 {
		n = min(n, int64(r.load.Sagas))
	}
	return sagaID(r.load.Tag, n)
}

// read reads a stream until ctx is over.
func (r *readers) read(ctx context.Context, query string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/stream?"+query, nil)
	if err != nil {
		return err
	}
	response, err := r.transport.RoundTrip(request)
	if err == nil {
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("the stream of %s: %s", query, response.Status)
		}
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			if bytes.HasPrefix(lines.Bytes(), []byte("data:")) {
				r.events.Add(1)
			}
		}
		err = lines.Err()
	}
	if ctx.Err() != nil {
		return nil // its time is over
	}
	return fmt.Errorf("the stream of %s ended: %w", query, cmp.Or(err, io.EOF))
}
