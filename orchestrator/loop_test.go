package orchestrator_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

func TestSagasRunToTheirEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeSteps(false))
		w.answer = func(c protocol.Command) (protocol.Outcome, bool) {
			if c.Action == "ship" && c.Saga[len(c.Saga)-1] == '7' {
				return protocol.Refused, true
			}
			return "", true
		}
		w.run("a")
		var ids []string
		for n := range 200 {
			id := fmt.Sprintf("o-%d", n)
			ids = append(ids, id)
			w.start(id)
		}
		for n, id := range ids {
			if n%10 == 7 {
				w.await(id, instance.Compensated)
				for _, step := range []string{"reserve", "charge", "ship"} {
					if got := w.effect(id, step); got != 0 {
						t.Errorf("%s %s: net effect %d, want 0", id, step, got)
					}
				}
				continue
			}
			if s := w.await(id, instance.Completed); s.Links != 5 {
				t.Errorf("%s: %d links, want 5", id, s.Links)
			}
			for _, step := range []string{"reserve", "charge", "ship"} {
				if got := w.effect(id, step); got != 1 {
					t.Errorf("%s %s: net effect %d, want 1", id, step, got)
				}
			}
		}
		w.checkView(ids...)
	})
}
