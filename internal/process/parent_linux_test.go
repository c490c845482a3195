package process_test

import (
	"io"
	"testing"
	"time"
)

func TestAChildEndsWithItsParent(t *testing.T) {
	t.Parallel()
	p, stdout := start(t, "parent")
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, stdout)
		closed <- err
	}()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("its child lives on, and holds our pipe")
	}
}
