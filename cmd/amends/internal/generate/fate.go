package generate

import (
	"fmt"
	"math/rand/v2"

	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// A fate is what becomes of a saga.
type fate int

const (
	completed    fate = iota // every step is done
	retried                  // the charge failed once
	refused                  // the charge is refused, and the saga turns back
	failed                   // the charge fails until the saga turns back
	stuckAhead               // the pivot fails until a person must decide
	stuckBack                // so does an undo
	running                  // nobody answers the pivot
	retrying                 // the charge failed once, and waits
	compensating             // nobody answers an undo
)

// shares of fates, in thousands.
var shares = [...]int{completed: 890, retried: 30, refused: 45, failed: 10, stuckAhead: 8, stuckBack: 2, running: 11, retrying: 2, compensating: 2}

func drawFate(r *rand.Rand) fate {
	n := r.IntN(1000)
	for f, share := range shares {
		if n -= share; n < 0 {
			return fate(f)
		}
	}
	return completed
}

// answer returns what a participant says to c, or that it says nothing.
func (f fate) answer(r *rand.Rand, c instance.Command) (reply protocol.Reply, answered bool) {
	undo := c.Attempt.Direction == protocol.Undo
	charge, pivot := c.Attempt.Step == stepCharge, c.Attempt.Step == stepShip
	switch {
	case undo && f == stuckBack, !undo && pivot && f == stuckAhead, !undo && charge && f == failed:
		return protocol.Reply{Outcome: protocol.Failed, Reason: trouble(r)}, true
	case !undo && charge && c.Attempt.Number == 1 && (f == retried || f == retrying):
		return protocol.Reply{Outcome: protocol.Failed, Reason: trouble(r)}, true
	// The charge is the first step of some definitions: then an undo needs an
	// attempt that may have taken effect.
	case !undo && charge && c.Attempt.Number == 1 && (f == stuckBack || f == compensating):
		return protocol.Reply{Outcome: protocol.Failed, Reason: trouble(r)}, true
	case !undo && charge && (f == refused || f == stuckBack || f == compensating):
		return protocol.Reply{Outcome: protocol.Refused, Reason: refusal(r)}, true
	case undo && f == compensating, !undo && pivot && f == running:
		return protocol.Reply{}, false
	case undo:
		return protocol.Reply{Outcome: protocol.Undone}, true
	}
	return protocol.Reply{
		Outcome: protocol.Done, ContentType: protocol.ContentTypeJSON, Body: fmt.Appendf(nil, `{"id":"r-%08x"}`, r.Uint32()),
	}, true
}

// trouble is why something failed, one of a few kinds, each with details.
func trouble(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("HTTP 503 from 10.0.%d.%d:8443 after %dms", r.IntN(256), r.IntN(256), r.IntN(30_000))
	case 1:
		return fmt.Sprintf("dial tcp 10.1.0.%d:5432: connection refused", r.IntN(256))
	case 2:
		return fmt.Sprintf("deadlock detected: process %d waits for transaction %d", r.IntN(30_000), r.IntN(1<<30))
	case 3:
		return fmt.Sprintf("request %08x-0000-7000-8000-%012x: context deadline exceeded", r.Uint32(), r.IntN(1<<40))
	case 4:
		return fmt.Sprintf("rate limit reached, try again in %ds", r.IntN(60))
	default:
		return fmt.Sprintf("no route for parcel %q of %d g", fmt.Sprint("P-", r.IntN(1_000_000)), r.IntN(20_000))
	}
}

// refusal is a business reason.
func refusal(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return fmt.Sprintf("card of account %d was declined", r.IntN(1_000_000))
	case 1:
		return fmt.Sprintf("the limit of %d.%02d EUR is exceeded", r.IntN(10_000), r.IntN(100))
	case 2:
		return fmt.Sprintf("article-%d is sold out", r.IntN(2000))
	default:
		return fmt.Sprintf("customer c%d is blocked", r.IntN(50_000))
	}
}
