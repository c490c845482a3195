package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ReadAck reads the answer to a publish. Its errors are those of Publish.
func ReadAck(m *nats.Msg) (uint64, error) {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return 0, fmt.Errorf("%w: %w", nats.ErrNoResponders, ErrInDoubt)
	}
	if sequence, ok := plainAck(m.Data); ok {
		return sequence, nil
	}
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return 0, fmt.Errorf("acknowledgement %.80q: %w: %w", m.Data, err, ErrInDoubt)
	}
	switch {
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Sequence == 0:
		return 0, fmt.Errorf("acknowledgement %.80q: %w", m.Data, ErrInDoubt)
	}
	return ack.Sequence, nil
}

// plainAck reads the usual acknowledgement, {"stream":"SAGA-0","seq":7}, which
// is worth its ten lines: there is one for each message.
func plainAck(data []byte) (sequence uint64, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"stream":"`))
	if !ok {
		return 0, false
	}
	_, rest, ok = bytes.Cut(rest, []byte(`"`))
	if !ok || bytes.IndexByte(rest, '"') < 0 {
		return 0, false
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, ", "), []byte(`"seq":`)); !ok || len(rest) < 2 || len(rest) > 20 || rest[len(rest)-1] != '}' {
		return 0, false
	}
	for _, c := range rest[:len(rest)-1] {
		if c < '0' || c > '9' {
			return 0, false
		}
		sequence = sequence*10 + uint64(c-'0')
	}
	return sequence, sequence > 0
}
