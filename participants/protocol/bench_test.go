package protocol_test

import (
	"testing"

	"github.com/amends-io/amends/participants/protocol"
)

func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"id":"b-3a7f-01-00001234","customer":"c-17850","article":"85123A","units":6,"refuse":false}`)
	b.ReportAllocs()
	for b.Loop() {
		var o struct {
			ID       string `json:"id"`
			Customer string `json:"customer"`
			Article  string `json:"article"`
			Units    int    `json:"units"`
			Refuse   bool   `json:"refuse"`
		}
		if err := protocol.Decode(body, &o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteHeader(b *testing.B) {
	c := protocol.Command{
		Saga: "b-3a7f-01-00001234", Definition: "bench-order", Version: 1, Participant: "payment", Action: "charge",
		Attempt: protocol.Attempt{Run: 12345, Step: "charge", Direction: protocol.Do, Number: 1}, ContentType: protocol.ContentTypeJSON,
	}
	b.ReportAllocs()
	for b.Loop() {
		c.WriteHeader(make(protocol.Header, 10))
	}
}
