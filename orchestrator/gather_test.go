package orchestrator

import (
	"fmt"
	"testing"

	"github.com/amends-io/amends/orchestrator/instance"
)

// However much waits to be written, a write has few bytes and some row, all
// rows are written once, and the position moves with the last of them.
func TestAWriteOfTheViewIsBoundedByWhatItHolds(t *testing.T) {
	t.Parallel()
	const rows, payload = 100, 512 << 10
	o := &owner{cfg: &Config{}, holds: newAgenda(), timers: newAgenda()}
	o.read = 1000
	for n := range rows {
		sg := &saga{state: instance.State{ID: fmt.Sprint("o-", n), Input: make([]byte, payload/2)}}
		o.markDirty(sg)
		// It grows while it waits, as sagas do.
		sg.state.Steps = []instance.Step{{Do: instance.Progress{Output: make([]byte, payload/4)}}}
		sg.state.Signals = []instance.Signal{{Body: make([]byte, payload/4)}}
		o.markDirty(sg)
	}
	if want := rows * payload / 2; o.dirtyBytes != want {
		t.Errorf("%d bytes wait, want %d", o.dirtyBytes, want)
	}
	written := map[string]bool{}
	for len(o.dirty) > 0 {
		w, _ := o.gather()
		if most := writeBytes / payload; len(w.Rows) == 0 || len(w.Rows) > most {
			t.Fatalf("a write of %d rows, want 1 to %d", len(w.Rows), most)
		}
		if last := len(o.dirty) == 0; last != (w.Position.To == o.read) {
			t.Errorf("%d rows wait, and the position is %d", len(o.dirty), w.Position.To)
		}
		for _, r := range w.Rows {
			if written[r.State.ID] {
				t.Errorf("%s is written twice", r.State.ID)
			}
			written[r.State.ID] = true
		}
	}
	if len(written) != rows || o.dirtyBytes != 0 {
		t.Errorf("%d rows were written, want %d; %d bytes are left", len(written), rows, o.dirtyBytes)
	}
}

// Rows that are to be deleted are read for their entries in the index, so a write
// has few bytes of those too. Whatever else waits goes after all of them.
func TestDeletionsOfAWriteAreBoundedAndComeFirst(t *testing.T) {
	t.Parallel()
	const rows, payload = 50, 512 << 10
	for _, again := range []bool{false, true} { // whether their ids run again, and have rows that wait
		o := &owner{cfg: &Config{}, holds: newAgenda(), timers: newAgenda()}
		o.read = 1000
		for n := range rows {
			state := instance.State{ID: fmt.Sprint("o-", n), Input: make([]byte, payload)}
			o.deleted = append(o.deleted, Row{State: state})
			if again {
				o.markDirty(&saga{state: instance.State{ID: state.ID, Run: 2}})
			}
		}
		deleted := 0
		for len(o.deleted) > 0 || len(o.dirty) > 0 {
			w, _ := o.gather()
			if most := writeBytes / payload; len(w.Deleted) > most || len(w.Deleted)+len(w.Rows) == 0 {
				t.Fatalf("a write of %d deletions and %d rows, want at most %d deletions", len(w.Deleted), len(w.Rows), most)
			}
			if deleted += len(w.Deleted); len(w.Rows) > 0 && deleted < rows {
				t.Errorf("%d rows are written after %d of %d deletions", len(w.Rows), deleted, rows)
			}
			if last := len(o.deleted)+len(o.dirty) == 0; last != (w.Position.To == o.read) {
				t.Errorf("%d deletions and %d rows wait, and the position is %d", len(o.deleted), len(o.dirty), w.Position.To)
			}
		}
		if deleted != rows {
			t.Errorf("%d rows were deleted, want %d", deleted, rows)
		}
	}
}

// A row that no bound fits is written alone.
func TestARowOfAnySizeIsWritten(t *testing.T) {
	t.Parallel()
	o := &owner{cfg: &Config{}, holds: newAgenda(), timers: newAgenda()}
	for n := range 3 {
		o.markDirty(&saga{state: instance.State{ID: fmt.Sprint("o-", n), Input: make([]byte, 2*writeBytes)}})
	}
	for n := range 3 {
		if w, _ := o.gather(); len(w.Rows) != 1 {
			t.Errorf("write %d has %d rows, want 1", n, len(w.Rows))
		}
	}
}

// Payloads that wait to be written keep the journal from being read, however
// few rows they are of, until they are written or their sagas forgotten.
func TestPayloadsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	o := &owner{cfg: &Config{}, holds: newAgenda(), timers: newAgenda(), sagas: map[string]*saga{}}
	for n := 0; !o.crowded(); n++ {
		if n > maxDirtyBytes/writeBytes {
			t.Fatalf("%d rows of %d bytes wait", n, writeBytes)
		}
		sg := &saga{state: instance.State{ID: fmt.Sprint("o-", n), Input: make([]byte, writeBytes)}}
		o.sagas[sg.id()] = sg
		o.markDirty(sg)
	}
	o.forget(o.sagas["o-0"])
	if o.crowded() {
		t.Error("it is crowded after a saga was forgotten")
	}
}
