package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestALoadWithARateIsAnOpenLoopWhileThereIsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := load{Path: Happy, InFlight: 16, Rate: 100, Seconds: 1, Tag: "t"}
		result, err := l.run(t.Context(), takes(50*time.Millisecond))
		if err != nil || result.Sagas != 100 || result.Seconds < 1 || result.P99 != 50 {
			t.Errorf("with room: %+v, %v", result, err)
		}
		// Two at a time make 40 a second: the twentieth is due after 190 ms, and
		// ends after 510.
		l = load{Path: Happy, InFlight: 2, Rate: 100, Sagas: 20, Tag: "t"}
		result, err = l.run(t.Context(), takes(50*time.Millisecond))
		if err != nil || result.Sagas != 20 || result.Seconds != 0.51 || result.P99 != 320 {
			t.Errorf("without room: %+v, %v", result, err)
		}
	})
}

func takes(d time.Duration) one {
	return func(ctx context.Context, _, _ string) error {
		<-time.After(d)
		return nil
	}
}

func TestWhatReadersCostIsComparedPairByPair(t *testing.T) {
	t.Parallel()
	round := func(readers int, engine, redis float64) Run {
		r := Run{Readers: readers, Seconds: 2, CPUByPart: map[string]float64{
			roleNATS: engine / 2, roleOrchestrator: engine / 2, roleRedis: redis, roleConsole: 0.01, roleClient: 1,
		}}
		if readers > 0 {
			r.Events = 100
		}
		return r
	}
	// What a saga costs halves on the way: of that the pairs know nothing.
	w := newWatched([]Run{
		round(0, 1, 0.1), round(5, 1.01, 0.1),
		round(5, 0.816, 0.1), round(0, 0.8, 0.1),
		round(0, 0.5, 0.1), round(5, 0.52, 0.1),
	})
	engine := w.Costs[Engine]
	if w.Readers != 5 || w.Pairs != 3 || w.Events != 50 || engine.Without != 0.8 || engine.With != 0.816 || *engine.Added != (Quartiles{1.5, 2, 3}) {
		t.Errorf("%+v, engine %+v", w, engine.Added)
	}
	if c := w.Costs[roleRedis]; c.Added.Median != 0 {
		t.Errorf("redis: %+v", c.Added)
	}
	if c := w.Costs[roleConsole]; c.Added != nil || c.With != 0.01 {
		t.Errorf("the console serves readers alone: %+v", c)
	}
	if _, ok := w.Costs[roleReaders]; ok {
		t.Error("a part that there was not has costs")
	}
}

func TestReadersFollowTheListAndTheSagaThatIsStartedNow(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(": welcome\n\nevent: saga\ndata: {}\n\n")) // what fails is read no more
		_ = http.NewResponseController(w).Flush()
		asked <- r.URL.RawQuery
		<-r.Context().Done()
	}))
	defer server.Close()
	r := &readers{url: server.URL, transport: &http.Transport{}}
	if _, err := r.obey(t.Context(), load{Readers: 5, Rate: 1, Sagas: 1, Tag: "t"}); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for range 5 {
		count[<-asked]++
	}
	if count["list=true"] != 1 || count["saga=t-00000001"] != 4 {
		t.Errorf("asked for %v", count)
	}
	if _, err := r.obey(t.Context(), load{}); err != nil {
		t.Error(err)
	}
}

func TestAStreamThatEndsFailsTheReaders(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{http.StatusOK: "ended", http.StatusServiceUnavailable: "503"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		r := &readers{url: server.URL, transport: &http.Transport{}}
		if _, err := r.obey(t.Context(), load{Readers: 1, Rate: 1, Tag: "t"}); err != nil {
			t.Fatal(err)
		}
		<-r.ctx.Done()
		if _, err := r.obey(t.Context(), load{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("status %d: %v, want %q", status, err, want)
		}
		server.Close()
	}
}
