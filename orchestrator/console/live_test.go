package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/console"
	"github.com/amends-io/amends/orchestrator/orchestratortest"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// Who only looked would see the six decisions in half a minute. Those to retry
// send a command, and no subject of the journal announces them.
func TestALivePageShowsDecisionsLongBeforeTheNextLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("o-1", stuckUnits)
	w.ended("o-1")
	before := w.sequences("o-1")
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	request := func(n int) {
		ask[verbs.Decision](w, "/sagas/o-1/control", fmt.Sprintf(`{"action":"retry","step":"charge","direction":"undo","request":"r-%d"}`, n), http.StatusOK)
	}
	decided := 0
	url := fmt.Sprintf("%s%s/stream?saga=o-1&after=%d", w.http.URL, console.Prefix, before[len(before)-2])
	err := w.read(ctx, url, "", func(e event) bool {
		var news struct{ Entry verbs.Entry }
		if err := json.Unmarshal([]byte(e.data), &news); err != nil {
			t.Error(err)
		}
		// The saga is stuck again when the retry has failed, too.
		if news.Entry.Kind == "link" && news.Entry.Participant == "" {
			if decided++; decided <= 6 {
				request(decided)
			}
		}
		return decided <= 6
	})
	if err != nil || decided <= 6 {
		t.Errorf("heard of %d decisions: %v", decided-1, err)
	}
}

// counting is a journal that counts how often a history is read.
func counting(j orchestrator.Journal, reads *atomic.Int64) orchestrator.Journal {
	return orchestratortest.Tampered{Journal: j, History: func(ctx context.Context, p orchestrator.Partition, id string, from uint64) ([]orchestrator.Message, error) {
		reads.Add(1)
		return p.History(ctx, id, from)
	}}
}

// What is announced and not there is waited for a while, and then no more. A
// thousand announcements at once are one read or two, and of what was read already none.
func TestWrongAnnouncementsCostFewReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var reads atomic.Int64
	v := verbs.New(verbs.Config{Journal: counting(w.journal, &reads), View: w.view, Sagas: w.client.Sagas(), Fleet: w.client, Log: quiet(), Name: "console"})
	defer v.Close()
	w.serve(func(c *console.Config) { c.Verbs = v })
	w.start("o-1", stuckUnits)
	w.ended("o-1")
	w.stop()
	all := w.sequences("o-1")
	last := all[len(all)-1]
	announce := func(sequence uint64, times int) {
		for range times {
			w.journal.Partition(protocol.Partition("o-1", 2)).Announce(fmt.Appendf(nil, `{"rows":{"o-1":%d}}`, sequence))
		}
	}
	quietly := func() (n int64) { // until nobody has read for longer than one waits for what was announced
		for still := 0; still < 10; still++ {
			if now := reads.Load(); now != n {
				n, still = now, 0
			}
			<-time.After(50 * time.Millisecond)
		}
		return n
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := w.read(ctx, fmt.Sprintf("%s%s/stream?saga=o-1&after=%d", w.http.URL, console.Prefix, all[len(all)-2]), "", func(event) bool {
		begun := quietly()
		announce(1<<63, 1000)
		wrong := quietly()
		announce(last, 1000)
		right := quietly()
		if wrong-begun > 60 || right != wrong {
			t.Errorf("%d reads, %d after wrong announcements, %d after right ones", begun, wrong-begun, right-wrong)
		}
		announce(0, 1) // look, whatever there is: the wrong one is waited for no more
		if again := quietly() - right; again == 0 || again > 5 {
			t.Errorf("%d reads to look once more", again)
		}
		return false
	})
	if err != nil {
		t.Error(err)
	}
}
