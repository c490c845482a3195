package client

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants/protocol"
)

func listening(t *testing.T) *feed {
	t.Helper()
	f := newFeed(natstest.Connect(t, natstest.Start(t)), protocol.Subjects{})
	t.Cleanup(f.close)
	return f
}

func (f *feed) announce(id, decision string) {
	f.receive(&nats.Msg{Subject: "saga-feed.0." + id + ".out.-.chain", Header: nats.Header{protocol.HeaderDecision: {decision}}})
}

// take returns the decision that is in the waiter's channel, or "".
func (w *waiter) take() string {
	select {
	case h := <-w.links:
		return h.Get(protocol.HeaderDecision)
	default:
		return ""
	}
}

func TestAFeedKnowsWhatCameSinceAMark(t *testing.T) {
	t.Parallel()
	f := listening(t)
	before := f.begin()
	f.announce("a", "1")
	f.announce("a", "2")
	f.announce("b", "3")
	if w, known := f.join("a", before); !known || w.take() != "2" {
		t.Error("the newest link of a is not known")
	}
	if w, known := f.join("c", before); !known || w.take() != "" {
		t.Error("that c has none is not known")
	}
	if _, known := f.join("a", mark{}); known {
		t.Error("something is known without a mark")
	}
}

func TestAFeedForgetsTheOldestAndSaysSo(t *testing.T) {
	t.Parallel()
	f := listening(t)
	before := f.begin()
	for n := range keepLinks - 1 {
		f.announce(fmt.Sprint("s-", n), "x")
	}
	if w, known := f.join("s-0", before); !known || w.take() != "x" {
		t.Error("what fits is not known")
	}
	f.announce("one-more", "x")
	f.announce("two-more", "x")
	if _, known := f.join("s-0", before); known {
		t.Error("it claims to know what it has forgotten")
	}
	if _, known := f.join("s-0", f.begin()); !known {
		t.Error("nothing came since the new mark")
	}
	if len(f.newest) > keepLinks {
		t.Errorf("%d links are kept, at most %d are to be", len(f.newest), keepLinks)
	}
}

func TestAFeedThatMissedSomethingSaysSo(t *testing.T) {
	t.Parallel()
	f := listening(t)
	before := f.begin()
	w, _ := f.join("a", before)
	for n := range cap(w.links) + 1 {
		f.announce("a", fmt.Sprint(n))
	}
	select {
	case <-w.look:
	default:
		t.Error("a waiter whose channel is full is not told to look")
	}
	f.leave("a", w)
	if len(f.waiters) != 0 {
		t.Error("waiters are kept for ever")
	}
	f.nc.Close()
	if _, known := f.join("a", before); known {
		t.Error("it claims to know what was announced behind a closed connection")
	}
	f.close()
	if f.begin().valid {
		t.Error("a closed feed gives marks")
	}
}
