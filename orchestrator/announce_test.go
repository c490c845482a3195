package orchestrator_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A listener keeps what is announced, and notes what the view lacks of it then.
type listener struct {
	*inmem.Journal
	world *world
	mu    sync.Mutex
	heard []string
}

func (l *listener) Partition(p int) orchestrator.Partition {
	return announcing{l.Journal.Partition(p), l}
}

type announcing struct {
	orchestrator.Partition
	to *listener
}

func (a announcing) Announce(body []byte) {
	a.to.mu.Lock()
	defer a.to.mu.Unlock()
	a.to.heard = append(a.to.heard, string(body))
	changed, err := orchestrator.Changed(body)
	if err != nil {
		a.to.world.t.Error(err)
	}
	for id, last := range changed {
		if a.to.world.row(id).Last < last {
			a.to.world.t.Errorf("%s is announced and the view has not got it", body)
		}
	}
}

// row is what the view has of a saga, whatever it fails at.
func (w *world) row(id string) instance.State {
	v := inmem.NewView()
	v.Restore(w.view.Snapshot())
	rows, err := v.Partition(0).States(context.Background(), []string{id})
	if err != nil {
		w.t.Error(err)
	}
	return rows[id]
}

func TestRowsAreAnnouncedOnceTheViewHasThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		l := &listener{world: w}
		m := w.run("a", func(c *orchestrator.Config) {
			l.Journal = c.Journal.(*inmem.Journal)
			c.Journal = l
		})
		w.start("o-1")
		<-time.After(time.Second)
		w.view.Fail(errors.New("away"))
		w.start("o-2")
		<-time.After(time.Second)
		w.view.Fail(nil)
		<-time.After(time.Minute)
		m.stop()
		known := map[string]uint64{}
		for _, body := range l.heard {
			changed, err := orchestrator.Changed([]byte(body))
			if err != nil {
				t.Error(err)
			}
			for id, last := range changed {
				if last <= known[id] {
					t.Errorf("%s came after %v", body, known)
				}
			}
			maps.Copy(known, changed)
		}
		if diff := cmp.Diff(map[string]uint64{"o-1": w.row("o-1").Last, "o-2": w.row("o-2").Last}, known); diff != "" {
			t.Errorf("announced last: %s", diff)
		}
		if len(l.heard) > 12 {
			t.Errorf("%d announcements of two sagas of eight messages: %s", len(l.heard), l.heard)
		}
	})
}

func TestAnnouncementsOnTheWire(t *testing.T) {
	t.Parallel()
	got, err := orchestrator.Changed([]byte(`{"rows":{"o-1":42,"o_2":18446744073709551615}}`))
	if diff := cmp.Diff(map[string]uint64{"o-1": 42, "o_2": 18446744073709551615}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, body := range []string{
		"", "x", "[]", `{"rows":[]}`, `{"rows":{"o-1":-1}}`, `{"rows":{"o-1":1e99}}`, `{"rows":{"o-1":"1"}}`, `{"rows":{"o-1":1}`,
		`{"rows":{"` + strings.Repeat("x", 1<<20) + `":1}}`, strings.Repeat(`{"rows":`, 20_000),
	} {
		if got, err := orchestrator.Changed([]byte(body)); err == nil {
			t.Errorf("%.40q is taken for %d rows", body, len(got))
		}
	}
}
