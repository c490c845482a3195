package orchestrator

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// maxChanged bounds an announcement in bytes: each row of a write has an id of
// up to 64 bytes and a sequence of up to 20 digits.
const maxChanged = 96 * writeChunk

// announce tells whoever listens which rows a write of the view had.
func (o *owner) announce(w Write) {
	if len(w.Rows) > 0 {
		o.part.Announce(encodeChanged(w.Rows))
	}
}

// encodeChanged writes {"rows":{"<id>":<sequence of the last link>, …}}.
func encodeChanged(rows []Row) []byte {
	b := append(make([]byte, 0, 32*len(rows)), `{"rows":{`...)
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), rows[i].State.ID...), `":`...) // ids need no escaping
		b = strconv.AppendUint(b, rows[i].State.Last, 10)
	}
	return append(b, "}}"...)
}

// Changed reads an announcement: by saga, the last link that its row in the
// view has now. It is a hint of when to look, and no more: anybody with the
// permission may have sent it.
func Changed(body []byte) (map[string]uint64, error) {
	if len(body) > maxChanged {
		return nil, fmt.Errorf("an announcement of %d bytes, at most %d are possible", len(body), maxChanged)
	}
	var a struct {
		Rows map[string]uint64 `json:"rows"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("an announcement that cannot be read: %w", err)
	}
	return a.Rows, nil
}
