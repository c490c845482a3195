package pipeline

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestAnAcknowledgementIsASequenceARefusalOrADoubt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"stream":"SAGA-0","seq":7}`:                                                    "",
		`{"stream":"SAGA-0","domain":"hub","seq":7,"duplicate":true}`:                    "",
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}`: "refused",
		`{"stream":"SAGA-0","seq":0}`:                                                    "doubt",
		`{"stream":"SAGA-0"`:                                                             "doubt",
		``:                                                                               "doubt",
	} {
		sequence, err := ReadAck(&nats.Msg{Data: []byte(text)})
		got := ""
		var refused *jetstream.APIError
		switch {
		case errors.As(err, &refused):
			got = "refused"
		case errors.Is(err, ErrInDoubt):
			got = "doubt"
		}
		if got != want || (sequence == 7) != (want == "") {
			t.Errorf("%s: %d, %v; want %q", text, sequence, err, want)
		}
	}
}

// The short way must never read what the long way would read otherwise.
func FuzzPlainAck(f *testing.F) {
	for _, text := range []string{`{"stream":"S","seq":7}`, `{"stream":"S","seq":7,"seq":8}`, `{"stream":"","seq":18446744073709551615}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sequence, ok := plainAck(data)
		if !ok || len(data) > 100 {
			return
		}
		var ack struct {
			Stream   string           `json:"stream"`
			Error    *json.RawMessage `json:"error"`
			Sequence uint64           `json:"seq"`
		}
		if err := json.Unmarshal(data, &ack); err == nil && (ack.Sequence != sequence || ack.Error != nil) {
			t.Errorf("%s: %d, want %d", data, sequence, ack.Sequence)
		}
	})
}
