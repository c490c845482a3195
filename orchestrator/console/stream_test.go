package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator/console"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// An event is one that a stream sent.
type event struct{ id, kind, data string }

// read opens a stream, and hands its events to handle until that returns false
// or the stream ends.
func (w *world) read(ctx context.Context, url, last string, handle func(event) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	var e event
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "":
			if e.kind != "" && !handle(e) {
				return nil
			}
			e = event{}
		}
	}
	return lines.Err()
}

// sequences returns what the journal has of a saga.
func (w *world) sequences(id string) []uint64 {
	w.t.Helper()
	history, err := w.journal.Partition(protocol.Partition(id, 2)).History(w.t.Context(), id, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var list []uint64
	for _, m := range history {
		list = append(list, m.Sequence)
	}
	return list
}

// A follower is a browser that comes and goes: it reads a few events, breaks
// off, and goes on with the id of the last one.
type follower struct {
	ids  []string
	last string
	seen map[string][]uint64
}

func (f *follower) follow(ctx context.Context, w *world, url func() string, random *rand.Rand, done func() bool) {
	for ctx.Err() == nil && !done() {
		few := 1 + random.IntN(6)
		short, cancel := context.WithTimeout(ctx, time.Duration(300+random.IntN(1200))*time.Millisecond)
		_ = w.read(short, url()+"/stream?saga="+strings.Join(f.ids, "&saga="), f.last, func(e event) bool {
			if e.kind != "saga" {
				return true
			}
			var n struct {
				Saga  string      `json:"saga"`
				Entry verbs.Entry `json:"entry"`
			}
			if err := json.Unmarshal([]byte(e.data), &n); err != nil {
				w.t.Error(err)
				return false
			}
			f.last = e.id
			f.seen[n.Saga] = append(f.seen[n.Saga], n.Entry.Sequence)
			few--
			return few > 0
		}) // whatever ended it, it goes on where it was
		cancel()
	}
}

func TestReadersThatComeAndGoSeeEveryEventOnceAndInOrder(t *testing.T) {
	t.Parallel()
	const readers, sagas = 50, 40
	w := newWorld(t)
	var address sync.Mutex
	at := w.http.URL + console.Prefix
	url := func() string { address.Lock(); defer address.Unlock(); return at }
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	ended := make(chan struct{})
	want := map[string]int{}
	var counted sync.Mutex
	followers := make([]*follower, readers)
	var group sync.WaitGroup
	for i := range followers {
		f := &follower{seen: map[string][]uint64{}}
		random := rand.New(rand.NewPCG(uint64(i), 7))
		for range 1 + random.IntN(3) {
			if id := fmt.Sprint("o-", random.IntN(sagas)); len(f.ids) == 0 || f.ids[0] != id && f.ids[len(f.ids)-1] != id {
				f.ids = append(f.ids, id)
			}
		}
		followers[i] = f
		group.Go(func() {
			f.follow(ctx, w, url, random, func() bool {
				select {
				case <-ended:
				default:
					return false
				}
				counted.Lock()
				defer counted.Unlock()
				for _, id := range f.ids {
					if len(f.seen[id]) < want[id] {
						return false
					}
				}
				return true
			})
		})
	}
	for i := range sagas {
		w.start(fmt.Sprint("o-", i), []int{1, refusedUnits, stuckUnits}[i%3])
		switch i {
		case sagas / 3: // the orchestrator is restarted
			w.stop()
			w.orchestrate()
		case 2 * sagas / 3: // so is the process that the readers read from
			w.console.Close()
			w.http.CloseClientConnections()
			w.serve()
			address.Lock()
			at = w.http.URL + console.Prefix
			address.Unlock()
		}
	}
	for i := range sagas {
		w.ended(fmt.Sprint("o-", i))
	}
	counted.Lock()
	for i := range sagas {
		id := fmt.Sprint("o-", i)
		want[id] = len(w.sequences(id))
	}
	counted.Unlock()
	close(ended)
	group.Wait()
	for i, f := range followers {
		for _, id := range f.ids {
			if got, want := fmt.Sprint(f.seen[id]), fmt.Sprint(w.sequences(id)); got != want {
				t.Errorf("reader %d, saga %s: got %s, want %s", i, id, got, want)
			}
		}
	}
}

// One who opens a stream and never reads is cut off; the others notice nothing.
func TestAReaderThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *console.Config) { c.WriteTimeout = 500 * time.Millisecond })
	const id = "o-long"
	w.start(id, stuckUnits)
	w.ended(id)
	for range 300 { // a history that fits into no buffer
		w.signal(id, strings.Repeat("x", 200))
	}
	deaf, err := net.Dial("tcp", strings.TrimPrefix(w.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	if err := deaf.(*net.TCPConn).SetReadBuffer(1024); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(deaf, "GET %s/stream?saga=%s HTTP/1.1\r\nHost: x\r\n\r\n", console.Prefix, id); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	heard := 0
	for time.Now().Before(deadline) {
		w.signal(id, strings.Repeat("y", 200))
		if err := w.read(t.Context(), w.http.URL+console.Prefix+"/stream?saga="+id, "", func(event) bool { heard++; return heard%50 != 0 }); err != nil {
			t.Fatal(err)
		}
		// The stream that was just left may take a moment to end.
		for range 20 {
			if _, streams := w.console.Followed(); streams == 0 && heard > 200 {
				return
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	_, streams := w.console.Followed()
	t.Errorf("%d streams are left; %d events were heard by others", streams, heard)
}

// signal stores a signal to a saga.
func (w *world) signal(id, text string) {
	w.t.Helper()
	h, p, s := protocol.Header{}, protocol.Partition(id, 2), protocol.Subjects{}
	h.Set(protocol.HeaderName, "note")
	h.Set(protocol.HeaderReason, text)
	stored := make(chan error, 1)
	w.journal.Partition(p).Append(draft(s.Signal(p, id, fmt.Sprint("s-", rand.Uint64())), h), func(_ uint64, err error) { stored <- err })
	if err := <-stored; err != nil {
		w.t.Fatal(err)
	}
}

func TestAStreamSaysThatThereIsNoSuchSaga(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got []string
	if err := w.read(t.Context(), w.http.URL+console.Prefix+"/stream?saga=ghost", "", func(e event) bool {
		if got = append(got, e.kind+" "+e.data); len(got) == 1 {
			w.start("ghost", 1) // and hears of it when there is one
		}
		return len(got) < 2
	}); err != nil {
		t.Fatal(err)
	}
	if got[0] != `gone {"saga":"ghost"}` || !strings.HasPrefix(got[1], `saga {"saga":"ghost","entry":{"sequence":`) {
		t.Errorf("got %v", got)
	}
}

// A place that no message has, of a journal that was made anew, or made up,
// holds nothing back: neither from the reader that says it nor from others.
func TestAPlaceThatIsNoneHidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const id = "o-1"
	w.start(id, 1)
	w.ended(id)
	want := len(w.sequences(id)) + 1
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	url := w.http.URL + console.Prefix + "/stream?list=true&saga=" + id
	reader := func(last string, began chan<- struct{}) int {
		seen := 0
		_ = w.read(ctx, url, last, func(e event) bool { // what it saw is looked at
			switch e.kind {
			case "list": // comes after what there is of the saga
				if began != nil {
					close(began)
					began = nil
				}
			case "saga":
				seen++
			case "gone":
				return false
			}
			return seen < want
		})
		return seen
	}
	var group sync.WaitGroup
	var liar, other int
	placed, begun := make(chan struct{}), make(chan struct{})
	group.Go(func() { liar = reader("9007199254740991", placed) })
	<-placed
	group.Go(func() { other = reader("", begun) })
	select {
	case <-begun:
	case <-ctx.Done():
	}
	w.signal(id, "news")
	group.Wait()
	if liar != want || other != want {
		t.Errorf("of %d messages one reader saw %d, the other %d", want, liar, other)
	}
}

func TestTheListTellsWhenTheViewHasMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := false
	if err := w.read(t.Context(), w.http.URL+console.Prefix+"/stream?list=true", "", func(e event) bool {
		if e.kind != "list" {
			t.Errorf("got %v", e)
		}
		if !started {
			started = true
			w.start("o-1", 1)
		}
		return !strings.Contains(e.data, `"completed":1`)
	}); err != nil {
		t.Fatal(err)
	}
	if n := func() int { n, _ := w.console.Followed(); return n }(); n != 0 {
		t.Errorf("%d sagas are followed for nobody", n)
	}
}
