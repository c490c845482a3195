package redisview

import (
	"strconv"
	"testing"

	"github.com/amends-io/amends/internal/redistest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// One write of large rows does not take their memory for ever.
func TestTheRoomOfALargeWriteIsNotKept(t *testing.T) {
	t.Parallel()
	v, err := Open(t.Context(), redistest.Client(t))
	if err != nil {
		t.Fatal(err)
	}
	p := v.Partition(0)
	at, err := p.Exchange(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		at.Revision++
		w := orchestrator.Write{Generation: "g", Position: at}
		for i := range 3 {
			w.Rows = append(w.Rows, orchestrator.Row{
				State: instance.State{ID: strconv.Itoa(i), Status: instance.Running, Input: make([]byte, maxRoom/3)},
			})
		}
		if err := p.Write(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if room := rooms.Get().(*[]byte); cap(*room) > maxRoom {
			t.Fatalf("%d bytes are kept for the next write", cap(*room))
		}
	}
}
