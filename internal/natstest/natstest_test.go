package natstest_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
)

func TestASecondServerGoesOnWhereTheFirstStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := natstest.Start(t, natstest.StoreDir(dir))
	js, err := jetstream.New(natstest.Connect(t, first))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	natstest.Stop(first)

	js, err = jetstream.New(natstest.Connect(t, natstest.Start(t, natstest.StoreDir(dir))))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("the second server has %d messages, want 1", n)
	}
}
