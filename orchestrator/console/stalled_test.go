package console_test

import (
	"context"
	"errors"
	"testing"

	"github.com/amends-io/amends/orchestrator/console"
)

// A stalledFeed answers nobody about one saga, and about another with an error.
type stalledFeed struct {
	console.Feed
	stalled, broken string
	over            <-chan struct{}
}

func (f stalledFeed) Follow(partition int, id string, news func(uint64)) (func(), error) {
	switch id {
	case f.stalled:
		<-f.over
	case f.broken:
		return nil, errors.New("no subscription")
	}
	return f.Feed.Follow(partition, id, news)
}

// While the server keeps the one waiting who wants to hear of a saga, others
// get what there is, and so does he.
func TestAFeedThatDoesNotAnswerKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	w := newWorld(t, func(c *console.Config) {
		c.Feed = stalledFeed{Feed: c.Feed, stalled: "o-stalled", broken: "o-broken", over: over}
	})
	defer close(over)
	for _, id := range []string{"o-stalled", "o-broken", "o-other"} {
		w.start(id, 1)
		w.ended(id)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, id := range []string{"o-stalled", "o-broken", "o-other"} {
		heard := 0
		err := w.read(ctx, w.http.URL+console.Prefix+"/stream?saga="+id, "", func(event) bool { heard++; return heard < 8 })
		if err != nil || heard != 8 {
			t.Errorf("%s: heard %d messages of 8 (%v)", id, heard, err)
		}
	}
}
