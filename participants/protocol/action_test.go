package protocol_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/participants/protocol"
)

type order struct {
	ID    string `json:"id"`
	Cents int64  `json:"cents"`
}

func TestActions(t *testing.T) {
	t.Parallel()
	a := protocol.NewAction[order, protocol.None]("payment", "charge")
	if a.Participant() != "payment" || a.Name() != "charge" || a.Check() != nil {
		t.Errorf("%+v: %v", a, a.Check())
	}
	for _, bad := range []protocol.Action[order, protocol.None]{
		protocol.NewAction[order, protocol.None]("", "charge"),
		protocol.NewAction[order, protocol.None]("payment", ""),
		protocol.NewAction[order, protocol.None]("start", "charge"),
		protocol.NewAction[order, protocol.None]("payment", "a.b"),
	} {
		if err := bad.Check(); !errors.Is(err, protocol.ErrName) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	sent := order{"order-1", 1<<53 + 1} // exact beyond what a float holds
	body, err := protocol.Encode(sent)
	if err != nil || string(body) != `{"id":"order-1","cents":9007199254740993}` {
		t.Fatalf("%s, %v", body, err)
	}
	var got order
	if err := protocol.Decode(body, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("body (-sent +read):\n%s", diff)
	}

	body, err = protocol.Encode(protocol.None{})
	if body != nil || err != nil {
		t.Errorf("None is %q, %v", body, err)
	}
	for _, text := range []string{"", "{}", "null", `{"more":1}`} {
		if err := protocol.Decode([]byte(text), &protocol.None{}); err != nil {
			t.Errorf("None from %q: %v", text, err)
		}
	}
	for _, text := range []string{"", "{", `{"id":"a","id":"b"}`, `{"id":1}`, `{"cents":1.5}`, `{"cents":9223372036854775808}`} {
		if err := protocol.Decode([]byte(text), new(order)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	if _, err := protocol.Encode(strings.Repeat("a", protocol.MaxPayload)); err == nil {
		t.Error("a body over the limit was encoded")
	}
	if _, err := protocol.Encode(make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}
