package verbs

import (
	"errors"
	"fmt"
	"testing"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
)

// Who asks for one id after the other must not fill our memory.
func TestSagasThatAreNotThereAreNotRemembered(t *testing.T) {
	t.Parallel()
	v := New(Config{Journal: inmem.NewJournal(2), View: inmem.NewView()})
	defer v.Close()
	for i := range 1000 {
		if _, err := v.Read(t.Context(), fmt.Sprintf("nobody-%d", i), 0); !errors.Is(err, orchestrator.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if n := len(v.histories.known); n > maxRemember {
		t.Errorf("%d histories are remembered of sagas that are not there", n)
	}
}

// A confirmation without bounds is a slip of the keyboard, not a decision.
func TestABulkIsConfirmedWithACountThatThereCanBe(t *testing.T) {
	t.Parallel()
	for confirm, right := range map[int]bool{0: true, maxCounted: true, -1: false, maxCounted + 1: false, int(^uint(0) >> 1): false} {
		r := BulkRequest{What: What{Action: "cancel"}, Confirm: confirm}
		if err := r.check(); (err == nil) != right {
			t.Errorf("confirm %d: %v", confirm, err)
		}
	}
}
