package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/console"
	"github.com/amends-io/amends/orchestrator/verbs"
)

// take reads so many events of one saga after a sequence.
func (w *world) take(ctx context.Context, id string, after uint64, n int) (list []uint64) {
	w.t.Helper()
	err := w.read(ctx, fmt.Sprintf("%s%s/stream?saga=%s&after=%d", w.http.URL, console.Prefix, id, after), "", func(e event) bool {
		var news struct{ Entry verbs.Entry }
		if err := json.Unmarshal([]byte(e.data), &news); err != nil {
			w.t.Error(err)
		}
		list = append(list, news.Entry.Sequence)
		return len(list) < n
	})
	if err != nil {
		w.t.Errorf("after %d events: %v", len(list), err)
	}
	return list
}

// Who is further behind than what is kept for readers reads the journal; and
// between two events there is no room for a third.
func TestAReaderThatIsFarBehindMissesNothing(t *testing.T) {
	t.Parallel()
	const id, signals = "o-1", 700
	w := newWorld(t)
	w.start(id, stuckUnits)
	w.ended(id)
	w.stop() // from now on only what the test does happens
	before := w.sequences(id)
	last := before[len(before)-1]
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	live := make(chan []uint64, 1)
	follow, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // reads on until the end of the test
		var list []uint64
		_ = w.read(follow, fmt.Sprintf("%s%s/stream?saga=%s&after=%d", w.http.URL, console.Prefix, id, last), "", func(e event) bool {
			var news struct{ Entry verbs.Entry }
			if err := json.Unmarshal([]byte(e.data), &news); err != nil {
				t.Error(err)
			}
			if list = append(list, news.Entry.Sequence); len(list) == signals {
				live <- list
			}
			return true
		})
	}()
	w.until("somebody follows the saga", func() (any, bool) {
		n, _ := w.console.Followed()
		return n, n > 0
	})
	for range signals {
		w.signal(id, "x")
	}
	all := w.sequences(id)[len(before):]
	if got := <-live; !slices.Equal(got, all) {
		t.Errorf("who followed got %d events, want %d", len(got), len(all))
	}
	// While one follows, another comes back from far behind.
	at := all[0]
	for i := 1; i <= 5; i++ { // the next ones stand right behind it
		if got := w.take(ctx, id, at, 1); !slices.Equal(got, all[i:i+1]) {
			t.Fatalf("after %d: got %v, want %v", at, got, all[i:i+1])
		}
		at = all[i]
	}
	if got := w.take(ctx, id, at, signals-6); !slices.Equal(got, all[6:]) {
		t.Errorf("after %d: got %d events, want %d", at, len(got), signals-6)
	}
}

// silent is a feed that tells nothing.
type silent struct{ *client.Client }

func (silent) Follow(int, string, func(uint64)) (func(), error) { return func() {}, nil }

// An announcement can be lost, and nothing tells.
func TestWhatWasNotAnnouncedIsFoundByLooking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *console.Config) { c.Feed = silent{} })
	w.start("o-1", stuckUnits)
	w.ended("o-1")
	w.stop()
	var heard []uint64
	before := w.sequences("o-1")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	url := fmt.Sprintf("%s%s/stream?saga=o-1&after=%d", w.http.URL, console.Prefix, before[len(before)-2])
	_ = w.read(ctx, url, "", func(e event) bool { // an error is a list that is too short
		var news struct{ Entry verbs.Entry }
		if err := json.Unmarshal([]byte(e.data), &news); err != nil {
			t.Error(err)
		}
		heard = append(heard, news.Entry.Sequence)
		w.signal("o-1", "x") // after what a reader gets at once
		return len(heard) < 3
	})
	if want := w.sequences("o-1")[len(before)-1:][:3]; !slices.Equal(heard, want) {
		t.Errorf("got %v, want %v", heard, want)
	}
}

// A page of another name that resolves to this address must not read what is
// here, nor may a request come below another path.
func TestOnlyRequestsForOurNamesAndPathAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *console.Config) { c.Hosts, c.BasePath = []string{"127.0.0.1"}, "/amends" })
	ask := func(path, host string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.http.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			r.Host = host
		}
		response, err := w.http.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode, response.Header.Get("Content-Type")
	}
	for _, test := range []struct {
		path, host string
		status     int
	}{
		{"/amends/api/v1/counts", "", http.StatusOK},
		{"/amends/api/v1/counts", "127.0.0.1", http.StatusOK},
		{"/amends/api/v1/counts", "evil.example:8080", http.StatusForbidden},
		{"/amends/api/v1/counts", "127.0.0.1.evil.example", http.StatusForbidden},
		{"/amends/api/v1/nothing", "", http.StatusNotFound},
		{"/api/v1/counts", "", http.StatusNotFound},
		{"/amendsapi/v1/counts", "", http.StatusNotFound},
	} {
		status, kind := ask(test.path, test.host)
		if status != test.status || status > 299 && !strings.HasPrefix(kind, "application/problem+json") {
			t.Errorf("%s at %q: %d %s, want %d", test.path, test.host, status, kind, test.status)
		}
	}
	for _, path := range []string{"amends", "/a b", "/../x", "/a//b", "/{id}"} {
		if _, err := console.New(console.Config{Verbs: w.verbs, BasePath: path}); err == nil {
			t.Errorf("a base path %q is taken", path)
		}
	}
}
