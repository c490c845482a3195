package telemetry

import (
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// While the journal answers slowly, thousands of messages wait: their payloads
// must not wait with them.
func TestWhatWaitsToBeLookedAtHoldsNoPayloads(t *testing.T) {
	t.Parallel()
	telemetry := &Telemetry{queue: make(chan item, 2)}
	m := orchestrator.Message{
		Sequence: 1, Time: time.Now(), Address: protocol.Address{ID: "o", Kind: protocol.KindReply}, Body: make([]byte, protocol.MaxPayload),
	}
	telemetry.Read(0, m, true)
	telemetry.again(t.Context(), 0, m)
	for range 2 {
		if i := <-telemetry.queue; len(i.message.Body) != 0 || i.message.Sequence != 1 {
			t.Errorf("message %d waits with %d bytes", i.message.Sequence, len(i.message.Body))
		}
	}
}
